//! Further input of runs of checkpoints: benchmark items with their answers, and plain text. Both
//! are only recognized here; `olmoe` reads them.

use serde::Deserialize;
use serde::de::IgnoredAny;

use std::future::ready;

use crate::format::{
    kind::{Entry, FileKind, Format, Match, Opened},
    probe::Probe,
};

/// The fields of an item.
#[derive(Deserialize)]
struct Line {
    answer_ids: Option<IgnoredAny>,
    answer: Option<IgnoredAny>,
    choices_ids: Option<IgnoredAny>,
    choices: Option<IgnoredAny>,
    gold: Option<IgnoredAny>,
}

/// Benchmark items.
pub const ITEMS: Format = Format {
    endings: &["jsonl", "ndjson"],
    in_tensors: false,
    content: "benchmark items (JSON lines with answers or choices)",
    entry: Some(Entry {
        place: 50,
        name: "Benchmark items",
        form: "JSON Lines with `answer`, or `choices` and `gold`; evaluated at every checkpoint",
    }),
    probe: |probe| {
        let found = probe.text().is_some_and(|text| has_items(probe, text));
        found.then(|| -> Match<'_> { Box::pin(ready(Ok(Opened::plain(FileKind::Items)))) })
    },
};

/// Plain text.
pub const TEXT: Format = Format {
    endings: &["txt"],
    in_tensors: false,
    content: "plain text (.txt)",
    entry: None,
    probe: |probe| {
        let found = probe.has_ending("txt") && probe.text().is_some();
        found.then(|| -> Match<'_> { Box::pin(ready(Ok(Opened::plain(FileKind::Text)))) })
    },
};

/// Whether the first line is a benchmark item.
fn has_items(probe: &Probe, text: &str) -> bool {
    let text = text.trim_start();
    let first = text.split_once('\n').map_or(text, |(first, _)| first);
    match serde_json::from_str::<Line>(first) {
        Ok(line) => {
            line.answer_ids.is_some()
                || line.answer.is_some()
                || line.choices_ids.is_some()
                || (line.choices.is_some() && line.gold.is_some())
        }
        // A line longer than the first bytes is recognized by the names in it.
        Err(error) => {
            let named = probe.has_ending("jsonl") || probe.has_ending("ndjson");
            let names = ["\"answer_ids\"", "\"answer\"", "\"choices_ids\"", "\"gold\""];
            error.is_eof() && named && text.starts_with('{') && names.iter().any(|name| text.contains(name))
        }
    }
}
