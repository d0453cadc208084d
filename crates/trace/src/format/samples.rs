//! `samples.jsonl`: one JSON object per line with `id`, `domain`, and `tokens` or `input_ids`; the
//! samples in the order of the traces. Checkpoints are run on the same file.

use std::{borrow::Cow, rc::Rc};

use serde::Deserialize;

use crate::{
    error::Error,
    format::{
        kind::{Entry, FileKind, Format, Match, Opened},
        probe::Probe,
        results::json::distinct_records,
    },
    io::{
        lines::{Limit, Lines},
        source::ByteSource as _,
    },
    model::results::{SampleList, SampleRecord, TokenIds},
    text::{IdText, json_words},
};

/// The longest line of a sample.
const LIMIT: Limit = Limit { bytes: 64 << 20, advice: "Write one sample per line." };

#[derive(Deserialize)]
struct Line {
    id: IdText,
    #[serde(default)]
    domain: Option<String>,
    #[serde(default)]
    tokens: Option<u32>,
    #[serde(default)]
    input_ids: Option<Ids>,
    #[serde(default)]
    text: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    embedding: Option<Vec<f64>>,
}

/// The text of a line that has one.
#[derive(Deserialize)]
struct Text<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
}

/// A list of token ids.
#[derive(Default)]
struct Ids {
    count: u32,
    /// All of them, if each is an id of 32 bits.
    ids: Option<Vec<u32>>,
}

impl<'de> Deserialize<'de> for Ids {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl<'de> serde::de::Visitor<'de> for Reader {
            type Value = Ids;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of token ids")
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Ids, A::Error> {
                let mut found = Ids { count: 0, ids: Some(Vec::new()) };
                while let Some(id) = seq.next_element::<i64>()? {
                    found.count += 1;
                    match (u32::try_from(id), &mut found.ids) {
                        (Ok(id), Some(ids)) => ids.push(id),
                        _ => found.ids = None,
                    }
                }
                Ok(found)
            }
        }
        deserializer.deserialize_seq(Reader)
    }
}

/// Lists of samples.
pub const FORMAT: Format = Format {
    endings: &["jsonl", "ndjson"],
    in_tensors: false,
    content: "a list of samples (JSON lines with id and domain)",
    entry: Some(Entry {
        place: 40,
        name: "Samples for checkpoints",
        form: "JSON Lines: `id`, `domain`, `text` or `input_ids`; or `.txt`, one sample per line",
    }),
    probe,
};

fn probe(probe: &Probe) -> Option<Match<'_>> {
    if !is_list(probe, probe.text()?) {
        return None;
    }
    Some(Box::pin(async move {
        let mut warnings = Vec::new();
        let what = open(probe, &mut warnings).await?;
        Ok(Opened { what, warnings })
    }))
}

/// Whether the first line is a sample.
fn is_list(probe: &Probe, text: &str) -> bool {
    let text = text.trim_start();
    let named = probe.has_ending("jsonl") || probe.has_ending("ndjson");
    match text.split_once('\n') {
        // A complete line must be a sample by itself.
        Some((first, _)) if serde_json::from_str::<serde::de::IgnoredAny>(first).is_ok() => {
            first.contains("\"id\"") && (named || serde_json::from_str::<Line>(first).is_ok())
        }
        // A single line, or one longer than the first bytes, is recognized by its start and the
        // file's name.
        _ => named && text.starts_with('{') && text.contains("\"id\""),
    }
}

/// Reads a list of samples, some MiB at a time.
///
/// # Errors
/// [`Error::Text`] with the line that is not a sample.
async fn open(probe: &Probe, warnings: &mut Vec<String>) -> Result<FileKind, Error> {
    let source = &probe.source;
    let name = source.name();
    let mut samples = Vec::new();
    let mut runnable = true;
    let mut lines = Lines::new(Rc::clone(source), LIMIT);
    while let Some(line) = lines.next().await? {
        runnable &= push(name, line.span.number, line.bytes, &mut samples)?;
    }
    runnable &= !samples.is_empty();
    let samples = distinct_records(name, samples, warnings);
    Ok(FileKind::SampleList(SampleList { samples, runnable }))
}

/// Whether a checkpoint can be run on the line's sample; true for an empty line.
fn push(name: &str, number: usize, line: &[u8], samples: &mut Vec<SampleRecord>) -> Result<bool, Error> {
    let line = if number == 1 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
    let line = line.trim_ascii();
    if line.is_empty() {
        return Ok(true);
    }
    let Line { id: IdText(id), domain, tokens, input_ids, text, embedding } = serde_json::from_slice(line)
        .map_err(|error| Error::Text {
            name: name.to_owned(),
            place: format!("line {number}"),
            found: json_words(line, &error),
            expected: "a JSON object with `id`, `domain` and `input_ids`, `text` or `tokens`".to_owned(),
            advice: "Correct the line.",
        })?;
    let runnable = input_ids.is_some() || text.is_some();
    let count = input_ids.as_ref().map(|listed| listed.count);
    let token_ids = input_ids.and_then(|listed| listed.ids).map(|ids| {
        // Texts are needed only beside ids, so that they are read a second time.
        let text = text.and_then(|_| serde_json::from_slice::<Text<'_>>(line).ok());
        TokenIds::new(&ids, text.as_ref().map(|line| &*line.text))
    });
    samples.push(SampleRecord {
        id,
        domain: domain.unwrap_or_else(|| "all".to_owned()),
        tokens: tokens.or(count),
        embedding,
        token_ids,
    });
    Ok(runnable)
}
