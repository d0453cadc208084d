//! Attaches embeddings, item gates and token entropies to a run, and explains files that are not
//! part of it.

use std::collections::BTreeMap;

use trace::{FileKind, Results, SampleMeta, TokenGates, UnusableRows};

use super::{
    data::{Run, RunCheckpoint, RunEmbeddings, TokenEntropy},
    part::{Part, Verdict},
    tokens,
};
use crate::analysis::words::{listed, short};

/// Attaches embeddings, item gates and token entropies of matching shape.
pub(super) fn attach(run: &mut Run, parts: &[Part]) {
    let items = run.results.as_ref().map_or(0, |results| results.items.len());
    if let Some(results) = run.results.clone() {
        run.embeddings = embeddings_of(&results, &run.samples);
    }
    let rows = run.checkpoints.first().map_or(0, |first| first.trace.info.samples.len());
    for part in parts {
        let (used, text) = match &part.what {
            FileKind::Embeddings(found) => {
                let fits = found.samples.len() == rows && found.items.len() == items;
                if fits && let Some(first) = run.checkpoints.first() {
                    let samples =
                        first.row_of.iter().map(|&row| widen(&found.samples[row as usize])).collect();
                    let items = found.items.iter().map(|item| widen(item)).collect();
                    run.embeddings = Some(RunEmbeddings { samples, items });
                }
                let text = format!(
                    "{}: embeddings of {} samples and {} items, but the run has {rows} and {items}. \
                     They must be in the order of the traces' samples and of the results' items.",
                    part.path,
                    found.samples.len(),
                    found.items.len()
                );
                (fits, (!fits).then_some(text))
            }
            FileKind::ItemGates(found) => {
                let width = found.layers * found.experts;
                let count = found.values.len().checked_div(width).unwrap_or(0);
                let fits = (found.layers, found.experts) == (run.layers, run.experts) && count == items;
                if fits {
                    let unusable: &[usize] = found.unusable.as_ref().map_or(&[], |unusable| &unusable.rows);
                    let gates = found.values.chunks(width).enumerate();
                    let usable = gates
                        .map(|(item, gates)| unusable.binary_search(&item).is_err().then(|| gates.to_vec()));
                    run.item_gates = Some(usable.collect());
                    run.items_left_out =
                        found.unusable.as_ref().map(|unusable| items_left_out(run, unusable));
                }
                let text = format!(
                    "{}: gates of {count} items in {} layers of {} experts, but the run has {items} items, \
                     {} layers and {} experts.",
                    part.path, found.layers, found.experts, run.layers, run.experts
                );
                (fits, if fits { run.items_left_out.clone() } else { Some(text) })
            }
            FileKind::TokenGates(found) => match token_entropy(run, found) {
                Ok(entropy) => {
                    run.token_entropy.push(entropy);
                    let left_out = found.unusable.as_ref().map(|unusable| {
                        format!(
                            "{} Samples with such tokens are left out at all checkpoints.",
                            unusable.fault
                        )
                    });
                    (true, left_out)
                }
                Err(reason) => (false, Some(format!("{}: {reason}", part.path))),
            },
            FileKind::SampleList(_) => (true, None),
            _ => continue,
        };
        run.verdicts.push(Verdict { id: part.id, used, text });
    }
}

/// The entropies of tokens at a checkpoint of the run.
///
/// # Errors
/// Why they cannot be used, as the end of a sentence that begins with their file.
fn token_entropy(run: &Run, found: &TokenGates) -> Result<TokenEntropy, String> {
    let of_step = |at: &&RunCheckpoint| Some(at.step) == found.step;
    let Some(checkpoint) = run.checkpoints.iter().find(of_step) else {
        return Err(
            "gates of single tokens, but the run has no checkpoint of this step. Name the file like \
                    tokens-STEP.safetensors."
                .to_owned(),
        );
    };
    if run.token_entropy.iter().any(|other| other.step == found.step) {
        return Err(format!(
            "gates of single tokens at step {}, which another file already has. Remove one of them.",
            checkpoint.step
        ));
    }
    tokens::of_trace(&checkpoint.trace, found)?;
    Ok(TokenEntropy { step: found.step, values: found.entropy.clone() })
}

/// The sentence on items whose gates cannot be used.
fn items_left_out(run: &Run, unusable: &UnusableRows) -> String {
    let items = run.results.as_ref().map_or(&[][..], |results| &results.items);
    let names: Vec<String> = unusable
        .rows
        .iter()
        .filter_map(|&row| items.get(row))
        .map(|item| format!("`{}`", short(&item.id)))
        .collect();
    format!(
        "{} {} {} no part in the pairing by gates; {} answers count.",
        unusable.fault,
        listed(&names),
        if names.len() == 1 { "takes" } else { "take" },
        if names.len() == 1 { "its" } else { "their" },
    )
}

/// Embeddings in the results, if every sample and every item has one of the same width.
fn embeddings_of(results: &Results, samples: &[SampleMeta]) -> Option<RunEmbeddings> {
    let by_id: BTreeMap<&str, &Vec<f64>> = results
        .samples
        .iter()
        .filter_map(|record| Some((record.id.as_str(), record.embedding.as_ref()?)))
        .collect();
    let of_samples: Vec<Vec<f64>> = samples
        .iter()
        .map(|sample| by_id.get(sample.id.as_str()).map(|&e| e.clone()))
        .collect::<Option<_>>()?;
    let of_items: Vec<Vec<f64>> =
        results.items.iter().map(|item| item.embedding.clone()).collect::<Option<_>>()?;
    let width = of_samples.first()?.len();
    let even = of_samples.iter().chain(&of_items).all(|embedding| embedding.len() == width);
    (even && !of_items.is_empty()).then_some(RunEmbeddings { samples: of_samples, items: of_items })
}

fn widen(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}
