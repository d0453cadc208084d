//! Attaches embeddings, item gates and token entropies to a run, and explains files that are not
//! part of it.

use std::collections::BTreeMap;

use trace::{FileKind, Results, SampleMeta};

use super::{
    data::{Run, RunEmbeddings, TokenEntropy},
    part::{Part, Verdict},
};

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
                    run.item_gates = Some(found.values.chunks(width).map(<[f32]>::to_vec).collect());
                }
                let text = format!(
                    "{}: gates of {count} items in {} layers of {} experts, but the run has {items} items, \
                     {} layers and {} experts.",
                    part.path, found.layers, found.experts, run.layers, run.experts
                );
                (fits, (!fits).then_some(text))
            }
            FileKind::TokenGates(found) => {
                let step = found.step;
                let fits = step.is_some_and(|step| run.checkpoints.iter().any(|c| c.step == step));
                if fits {
                    run.token_entropy.push(TokenEntropy { step, values: found.entropy.clone() });
                }
                let text = format!(
                    "{}: gates of single tokens, but the run has no checkpoint of this step. Name the file like \
                     tokens-STEP.safetensors.",
                    part.path
                );
                (fits, (!fits).then_some(text))
            }
            FileKind::SampleList(_) => (true, None),
            _ => continue,
        };
        run.verdicts.push(Verdict { id: part.id, used, text });
    }
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
