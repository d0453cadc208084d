//! The table of formats. A new format is a file or folder with a [`Format`], and its module and row
//! here.

pub mod benchmark_items;
pub mod embeddings;
pub mod expert_ids;
pub mod extra_gates;
pub mod flame_moe;
pub mod gate_inputs;
pub mod grokscope;
pub mod hf_logits;
pub mod kind;
pub mod mapped;
pub mod metadata;
pub mod model_config;
pub mod probe;
pub mod results;
pub mod samples;
pub mod unsupported;

use self::{
    expert_ids::{megatron, records, table, tokens},
    kind::{Entry, FileKind, Format},
    probe::Probe,
    results::{csv, json, lm_eval, lm_eval_samples, olmo_metrics, wandb},
};
use crate::{archive, text::has_ending};

/// All formats, in the order in which they are tried.
pub const FORMATS: &[&Format] = &[
    &extra_gates::FORMAT,
    &megatron::FORMAT,
    &records::FORMAT,
    &tokens::FORMAT,
    &table::FORMAT,
    &megatron::LOGITS,
    &grokscope::FORMAT,
    &hf_logits::FORMAT,
    &embeddings::FORMAT,
    &flame_moe::FORMAT,
    &gate_inputs::FORMAT,
    &lm_eval::FORMAT,
    &lm_eval_samples::FORMAT,
    &olmo_metrics::FORMAT,
    &benchmark_items::ITEMS,
    &benchmark_items::TEXT,
    &samples::FORMAT,
    &json::FORMAT,
    &wandb::FORMAT,
    &csv::FORMAT,
];

/// The entries of the formats in lists for users. They are copied at compile time, so that a
/// program that uses only these does not contain the readers.
static ENTRIES: [Option<Entry>; FORMATS.len()] = {
    let mut entries = [None; FORMATS.len()];
    let mut at = 0;
    while at < FORMATS.len() {
        entries[at] = FORMATS[at].entry;
        at += 1;
    }
    entries
};

/// The supported files that the page lists, in the order of that list.
#[must_use]
pub fn supported() -> Vec<Entry> {
    let mut entries: Vec<Entry> = ENTRIES.iter().flatten().copied().collect();
    entries.sort_by_key(|entry| entry.place);
    entries
}

/// The content that formats in containers of tensors have in common.
const CONTAINER: &str = "a safetensors or npz file";

/// The endings of all files that can be part of a run, lower case: those of formats, of single
/// arrays and of archives.
pub fn known_endings() -> impl Iterator<Item = &'static str> {
    let formats = FORMATS.iter().flat_map(|format| format.endings);
    formats.chain(&["npy"]).chain(&archive::ENDINGS).copied()
}

/// Whether a file can be part of a run, by the ending of its name.
#[must_use]
pub fn has_known_ending(name: &str) -> bool {
    known_endings().any(|ending| has_ending(name, ending))
}

/// Whether a file can be a container of named tensors, by the ending of its name.
#[must_use]
pub fn has_tensors_ending(name: &str) -> bool {
    let containers = FORMATS.iter().filter(|format| format.in_tensors);
    containers.flat_map(|format| format.endings).any(|ending| has_ending(name, ending))
}

/// The sentence for a file that no format matches, with the content that each of them expects.
pub fn unknown(probe: &Probe) -> FileKind {
    let mut contents: Vec<&str> = Vec::new();
    for format in FORMATS {
        let content = if format.in_tensors && probe.tensors.is_none() { CONTAINER } else { format.content };
        if !contents.contains(&content) {
            contents.push(content);
        }
    }
    let last = contents.pop().unwrap_or_default();
    FileKind::Unrelated {
        reason: format!("{}: not a known part of a run.", probe.source.name()),
        looked_for: Some(format!("Looked for {}, or {last}.", contents.join(", "))),
    }
}
