//! The table of formats. A new format is a file with a [`Format`] and a row here.

use crate::{
    format::{
        benchmark_items, embeddings,
        expert_ids::{megatron, records, table},
        extra_gates, flame_moe, gate_inputs, grokscope, hf_logits,
        kind::Format,
        probe::Probe,
        results::{csv, json, lm_eval, lm_eval_samples, olmo_metrics, wandb},
        samples,
    },
    text::has_ending,
};

/// All formats, in the order in which they are tried.
pub static FORMATS: [&Format; 19] = [
    &extra_gates::FORMAT,
    &megatron::FORMAT,
    &records::FORMAT,
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

/// What formats in containers of tensors have in common.
const CONTAINER: &str = "a safetensors or npz file";

/// Whether some format has files of this name's ending.
#[must_use]
pub fn has_known_ending(name: &str) -> bool {
    FORMATS.iter().flat_map(|format| format.endings).any(|ending| has_ending(name, ending))
}

/// The sentence for a file that no format matches: what each of them looked for.
pub fn unknown(probe: &Probe) -> String {
    let mut contents: Vec<&str> = Vec::new();
    for format in FORMATS {
        let content = if format.in_tensors && probe.tensors.is_none() { CONTAINER } else { format.content };
        if !contents.contains(&content) {
            contents.push(content);
        }
    }
    let last = contents.pop().unwrap_or_default();
    format!(
        "{}: no part of a run that this version knows. Looked for {}, or {last}.",
        probe.source.name(),
        contents.join(", ")
    )
}
