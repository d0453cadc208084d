//! What checkpoints are asked, beside samples: benchmark items with their answers, and plain text. Both are only
//! recognised here; whoever runs checkpoints reads them.

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::recognise::Sniff;

/// The fields that make a line an item.
#[derive(Deserialize)]
struct Line {
    answer_ids: Option<IgnoredAny>,
    answer: Option<IgnoredAny>,
    choices_ids: Option<IgnoredAny>,
    choices: Option<IgnoredAny>,
    gold: Option<IgnoredAny>,
}

/// Why a file holds no benchmark items, if it holds none.
pub fn declines_items(sniff: &Sniff) -> Option<String> {
    let is_items = sniff.text().is_some_and(|text| {
        let text = text.trim_start();
        let first = text.split_once('\n').map_or(text, |(first, _)| first);
        match serde_json::from_str::<Line>(first) {
            Ok(line) => {
                line.answer_ids.is_some()
                    || line.answer.is_some()
                    || line.choices_ids.is_some()
                    || (line.choices.is_some() && line.gold.is_some())
            }
            // A line longer than what is looked at is known by the names in it.
            Err(error) => {
                let named = sniff.has_ending("jsonl") || sniff.has_ending("ndjson");
                let names = ["\"answer_ids\"", "\"answer\"", "\"choices_ids\"", "\"gold\""];
                error.is_eof()
                    && named
                    && text.starts_with('{')
                    && names.iter().any(|name| text.contains(name))
            }
        }
    });
    if is_items { None } else { Some("benchmark items (JSON lines with answers or choices)".to_owned()) }
}

/// Why a file is no plain text, if it is none.
pub fn declines_text(sniff: &Sniff) -> Option<String> {
    if sniff.has_ending("txt") && sniff.text().is_some() {
        None
    } else {
        Some("plain text (.txt)".to_owned())
    }
}
