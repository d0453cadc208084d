//! Assembles files to one run: checkpoints in training order, their common samples, and benchmark
//! results. Files that do not fit are left out with a reason and do not affect the others.

mod accuracies;
mod attach;
mod bad;
mod batches;
mod data;
mod fit;
mod join;
mod label;
mod layers;
mod left_out;
mod part;
mod records;
mod results;
mod rule;
mod token_ids;
mod tokens;

use std::{collections::BTreeMap, rc::Rc, sync::Arc};

use trace::{OpenTrace, Results, SampleMeta};

pub use self::{
    accuracies::Contradiction,
    bad::BadSamples,
    data::{Run, RunCheckpoint, RunDomain},
    label::traces,
    part::{Part, Verdict},
};
use self::{
    accuracies::contradictions,
    attach::attach,
    bad::{leave_out, unusable},
    fit::{common_samples, identity, one_per_step, same_shape},
    join::join,
    label::{label, one_width},
    left_out::left_out,
    part::one_per_file,
    results::{name_unmatched, pick_results},
};
use crate::error::Error;

/// Assembles files to a run.
///
/// Traces are left out if they have another shape than most, the step of another file, no step, or
/// no common samples; files that are not part of a run are left out too. Sample lists and results
/// provide missing names, domains and token counts.
///
/// # Errors
/// [`Error::NothingToAnalyse`] if no file is a usable trace.
pub fn assemble(parts: &[Part]) -> Result<Run, Error> {
    assemble_without(parts, &BadSamples::new())
}

/// Assembles files to a run, as [`assemble`] does, without the samples whose gates cannot be used.
pub fn assemble_without(parts: &[Part], known: &BadSamples) -> Result<Run, Error> {
    let mut verdicts = Vec::new();
    let results = pick_results(parts, &mut verdicts);
    let (traces, joined) = label(parts, results.as_deref(), &mut verdicts);
    let traces = one_width(traces);
    let traces = same_shape(traces, &mut verdicts);
    let traces = join(traces, &mut verdicts);
    let mut traces = one_per_step(traces, &mut verdicts);
    let of_tokens = tokens::bad_samples(parts, &traces);
    let unusable = unusable(&mut traces, known, &of_tokens, &mut verdicts);
    let samples = common_samples(&mut traces, &unusable, &mut verdicts)?;
    let without = leave_out(&unusable, &traces, &mut verdicts);
    let Some((_, _, first)) = traces.first() else {
        let found = parts.iter().flat_map(|part| part.what.traces());
        let without_step = found.filter(|trace| trace.info.step.is_none()).count();
        let others = parts.iter().filter(|part| part.is_beside_traces()).count();
        return Err(Error::NothingToAnalyse { files: parts.len(), without_step, others });
    };
    let (layers, experts) = (first.info.layers, first.info.experts);
    let top_k = traces.iter().find_map(|(_, _, trace)| trace.info.top_k);
    let checkpoints: Vec<RunCheckpoint> =
        traces.into_iter().map(|(file, step, trace)| checkpoint(file, step, trace, &samples)).collect();
    let domains = domains(&samples, results.as_deref());
    let contradictions = results.as_deref().map(contradictions).unwrap_or_default();
    let token_ids = token_ids::of_samples(parts, &samples);
    let mut run = Run {
        checkpoints,
        samples,
        token_ids,
        domains,
        layers,
        experts,
        top_k,
        results,
        embeddings: None,
        item_gates: None,
        items_left_out: None,
        token_entropy: Vec::new(),
        left_out: without,
        contradictions,
        verdicts,
    };
    let contradicted = accuracies::verdict(parts, &run.verdicts, &run.contradictions);
    run.verdicts.extend(contradicted);
    attach(&mut run, parts);
    name_unmatched(&mut run, parts);
    joined.add_verdicts(&mut run.verdicts);
    let others = left_out(parts, &run.verdicts);
    run.verdicts.extend(others);
    run.verdicts = one_per_file(run.verdicts);
    Ok(run)
}

/// Returns a verdict for each file where [`assemble`] fails, as far as the failure concerns single
/// files.
#[must_use]
pub fn explain(parts: &[Part]) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    let results = pick_results(parts, &mut verdicts);
    let (_, joined) = label(parts, results.as_deref(), &mut verdicts);
    joined.add_verdicts(&mut verdicts);
    verdicts.extend(left_out(parts, &verdicts));
    // Without a run, no file is used yet.
    verdicts.retain(|verdict| !verdict.used);
    one_per_file(verdicts)
}

fn checkpoint(file: usize, step: u64, trace: OpenTrace, samples: &[SampleMeta]) -> RunCheckpoint {
    let rows: BTreeMap<(&str, &str), u32> =
        trace.info.samples.iter().enumerate().map(|(row, sample)| (identity(sample), row as u32)).collect();
    let row_of: Arc<[u32]> =
        samples.iter().map(|sample| rows.get(&identity(sample)).copied().unwrap_or(0)).collect();
    let loss = row_of
        .iter()
        .map(|&row| {
            let losses = trace.info.loss.as_deref().unwrap_or(&[]);
            losses.get(row as usize).copied().unwrap_or(f32::NAN)
        })
        .collect();
    RunCheckpoint { file, step, tokens: trace.info.tokens, trace: Rc::new(trace), row_of, loss }
}

fn domains(samples: &[SampleMeta], results: Option<&Results>) -> Vec<RunDomain> {
    // Domains are in the order of the samples.
    let mut domains: Vec<(String, Vec<u32>)> = Vec::new();
    let mut index: BTreeMap<&str, usize> = BTreeMap::new();
    for (i, sample) in samples.iter().enumerate() {
        let at = *index.entry(sample.domain.as_str()).or_insert_with(|| {
            domains.push((sample.domain.clone(), Vec::new()));
            domains.len() - 1
        });
        domains[at].1.push(i as u32);
    }
    domains
        .into_iter()
        .map(|(name, members)| {
            let items = results.map_or_else(Vec::new, |results| {
                let named = |&i: &usize| results.items[i].domain == name;
                (0..results.items.len()).filter(named).collect()
            });
            RunDomain { name, samples: members.into(), items }
        })
        .collect()
}
