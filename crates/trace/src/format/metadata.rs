//! Reads metadata of trace files and dumps.

use serde::Deserialize;

use crate::{
    container::tensors::TensorFile,
    error::Error,
    model::{GateKind, SampleMeta, StepSource, make_distinct},
    text::{IdText, json_words, shorten, step_name::step_from_name},
};

/// A whole number in the metadata. Any other value is a warning, because the trace is usable
/// without it.
pub fn number(file: &TensorFile, key: &str, warnings: &mut Vec<String>) -> Option<u64> {
    let text = file.metadata(key)?.trim();
    match text.parse() {
        Ok(number) => Some(number),
        Err(_) => {
            if !text.is_empty() {
                warnings.push(format!(
                    "{}: metadata `{key}` is \"{}\", which is not a whole number and is ignored.",
                    file.name(),
                    shorten(text)
                ));
            }
            None
        }
    }
}

/// The rule that made the gates, where `gate_kind` states it.
///
/// # Errors
/// [`Error::Metadata`] for a name that is none of `known`.
pub fn gate_kind(file: &TensorFile, known: &[GateKind]) -> Result<Option<GateKind>, Error> {
    let Some(text) = file.metadata("gate_kind") else { return Ok(None) };
    match GateKind::of_name(text).filter(|kind| known.contains(kind)) {
        Some(kind) => Ok(Some(kind)),
        None => Err(Error::Metadata {
            name: file.name().to_owned(),
            field: "gate_kind".to_owned(),
            found: format!("\"{}\"", shorten(text)),
            expected: GateKind::names(known),
            advice: "State the rule that makes the gates, or omit `gate_kind` for softmax-mean.",
        }),
    }
}

#[derive(Deserialize)]
struct RawSample {
    id: IdText,
    domain: Option<String>,
}

/// Name and domain of each of `count` samples, if the metadata lists them.
///
/// # Errors
/// [`Error::Metadata`] when the list is not JSON, or has another shape or length. This is an error
/// because a wrong list would silently mix up domains.
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
        expected: format!("JSON: a list of {count} objects with `id` and `domain`, one per sample"),
        advice: "Write the list again, or leave it out; samples are then named by their index.",
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

/// The step, from the metadata or else from the name, and the tokens from the name.
pub fn step_of(file: &TensorFile, warnings: &mut Vec<String>) -> (Option<u64>, StepSource, Option<u64>) {
    let named = step_from_name(file.name());
    let tokens = named.and_then(|named| named.tokens);
    match (number(file, "step", warnings), named) {
        (Some(step), _) => (Some(step), StepSource::Metadata, tokens),
        (None, Some(named)) => (Some(named.step), named.source(), tokens),
        (None, None) => (None, StepSource::None, None),
    }
}
