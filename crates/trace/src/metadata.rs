//! The lines of text that our trace files, and dumps made with care, say about themselves.

use serde::Deserialize;

use crate::{
    error::Error,
    model::SampleMeta,
    open_trace::first_duplicate,
    tensors::TensorFile,
    text::{IdText, json_words},
};

/// The most characters of a file's own text that one message repeats.
const SHOWN: usize = 60;

/// A whole number in the metadata; nonsense is a warning, because the trace is good without it.
pub fn number(file: &TensorFile, key: &str, warnings: &mut Vec<String>) -> Option<u64> {
    let text = file.metadata(key)?.trim();
    match text.parse() {
        Ok(number) => Some(number),
        Err(_) => {
            if !text.is_empty() {
                warnings.push(format!(
                    "{}: metadata `{key}` is \"{}\", which is no whole number; it is left out of account.",
                    file.name(),
                    shorten(text)
                ));
            }
            None
        }
    }
}

/// A file's own text as a message may repeat it: not longer than a name should be.
#[must_use]
pub fn shorten(text: &str) -> String {
    shorten_to(text, SHOWN)
}

/// Text cut to so many characters.
#[must_use]
pub fn shorten_to(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[derive(Deserialize)]
struct RawSample {
    id: IdText,
    domain: Option<String>,
}

/// Name and domain of each of `count` samples, where the metadata lists them.
///
/// # Errors
/// [`Error::Metadata`] when the list is not JSON, has another shape or another length. A wrong list would mix up the
/// domains without anybody noticing, so it is no mere warning.
pub fn samples(
    file: &TensorFile,
    count: usize,
    warnings: &mut Vec<String>,
) -> Result<Option<Vec<SampleMeta>>, Error> {
    let Some(text) = file.metadata("samples") else { return Ok(None) };
    let wrong = |found: String| Error::Metadata {
        name: file.name().to_owned(),
        field: "samples".to_owned(),
        found,
        expected: format!("JSON: a list of {count} objects with `id` and `domain`, one a sample"),
        advice: "Write the list again, or leave it out: samples are then known by their place.",
    };
    let raw: Vec<RawSample> =
        serde_json::from_str(text).map_err(|error| wrong(json_words(text.as_bytes(), &error)))?;
    if raw.len() != count {
        return Err(wrong(format!("a list of {}", raw.len())));
    }
    let mut samples: Vec<SampleMeta> = raw
        .into_iter()
        .map(|RawSample { id: IdText(id), domain }| SampleMeta {
            id,
            domain: domain.unwrap_or_else(|| "all".to_owned()),
        })
        .collect();
    make_distinct(file.name(), &mut samples, warnings);
    Ok(Some(samples))
}

/// Gives later samples of an id that comes twice another one, the same at every checkpoint of the same list.
pub fn make_distinct(name: &str, samples: &mut [SampleMeta], warnings: &mut Vec<String>) {
    let Some(twice) = first_duplicate(samples).map(str::to_owned) else { return };
    let mut taken: std::collections::BTreeSet<String> = samples.iter().map(|s| s.id.clone()).collect();
    let mut seen = std::collections::BTreeSet::new();
    let mut renamed = 0_usize;
    for sample in samples.iter_mut() {
        if seen.insert(sample.id.clone()) {
            continue;
        }
        let mut n = 2_usize;
        let mut id = format!("{} ({n})", sample.id);
        while !taken.insert(id.clone()) {
            n += 1;
            id = format!("{} ({n})", sample.id);
        }
        sample.id = id;
        seen.insert(sample.id.clone());
        renamed += 1;
    }
    warnings.push(format!(
        "{name}: sample ids come more than once (`{}` for one); {renamed} samples were given ids like `{} (2)`. \
         Give every sample its own id, so that checkpoints can be compared sample by sample.",
        shorten(&twice),
        shorten(&twice)
    ));
}
