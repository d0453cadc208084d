//! Files become one run: checkpoints in training order, the samples that all of them have, and benchmark results
//! beside them. Files that do not fit are left out with a reason; nothing good is lost for their sake.

use std::{
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use trace::{GateKind, OpenTrace, Recognised, Results, SampleMeta};

use super::layers::{self, Joined};
use crate::error::Error;

/// One file after opening.
#[derive(Debug)]
pub struct Part {
    /// The caller's number for the file.
    pub id: usize,
    /// Its path or address, for messages.
    pub path: String,
    /// Its content.
    pub what: Recognised,
}

/// What became of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The file's number.
    pub id: usize,
    /// Whether its content is part of the run.
    pub used: bool,
    /// Why not, or what to know about it; whole sentences.
    pub text: Option<String>,
}

/// A run: everything that an analysis needs, checked to fit together.
#[derive(Debug)]
pub struct Run {
    /// Checkpoints in training order.
    pub checkpoints: Vec<RunCheckpoint>,
    /// Samples that every checkpoint has, in the order of the first checkpoint.
    pub samples: Vec<SampleMeta>,
    /// Samples of each domain, by name.
    pub domains: Vec<RunDomain>,
    /// MoE layers, `L`.
    pub layers: usize,
    /// Experts a layer, `E`.
    pub experts: usize,
    /// Experts a token, `k`.
    pub top_k: Option<usize>,
    /// Benchmark results.
    pub results: Option<Rc<Results>>,
    /// Embeddings of samples and items, in the run's order.
    pub embeddings: Option<RunEmbeddings>,
    /// Mean gates of the benchmark items at the last checkpoint, `[N, L*E]`.
    pub item_gates: Option<Vec<Vec<f32>>>,
    /// Entropy of every token's gates at a step, in the order of the samples.
    pub token_entropy: Vec<TokenEntropy>,
    /// What became of each file.
    pub verdicts: Vec<Verdict>,
}

/// One checkpoint of a run.
#[derive(Clone, Debug)]
pub struct RunCheckpoint {
    /// The file's number.
    pub file: usize,
    /// Training step.
    pub step: u64,
    /// Training tokens seen.
    pub tokens: Option<u64>,
    /// Its trace.
    pub trace: Rc<OpenTrace>,
    /// For each sample of the run its row in the trace.
    pub row_of: Rc<[u32]>,
    /// Loss of each sample of the run, NaN where there is none.
    pub loss: Rc<[f32]>,
}

/// One domain of a run.
#[derive(Clone, Debug)]
pub struct RunDomain {
    /// Its name.
    pub name: String,
    /// Its samples, ascending.
    pub samples: Rc<[u32]>,
    /// Its benchmark items, as indices into the results' items.
    pub items: Vec<usize>,
}

/// Text embeddings in the run's order.
#[derive(Clone, Debug)]
pub struct RunEmbeddings {
    /// One a sample of the run.
    pub samples: Vec<Vec<f64>>,
    /// One an item of the results.
    pub items: Vec<Vec<f64>>,
}

/// Entropies of single tokens at one checkpoint.
#[derive(Clone, Debug)]
pub struct TokenEntropy {
    /// Training step.
    pub step: Option<u64>,
    /// Mean over layers, one a token, samples in order.
    pub values: Vec<f64>,
}

/// Shape and kind that the traces of one run share.
type Shape = (usize, usize, bool);

/// Puts files together to a run.
///
/// Traces of another shape than most, of a step that another file already has, without a step, or without samples in
/// common with the others are left out; so are files that are no part of a run. Sample lists and results give names,
/// domains and token counts to traces that have none.
///
/// # Errors
/// [`Error::NothingToAnalyse`] when no file is a usable trace.
pub fn assemble(parts: &[Part]) -> Result<Run, Error> {
    let mut verdicts = Vec::new();
    let results = pick_results(parts, &mut verdicts);
    let (traces, joined) = label(parts, results.as_deref(), &mut verdicts);
    let traces = one_width(traces);
    let traces = same_shape(traces, &mut verdicts);
    let traces = join(traces, &mut verdicts);
    let mut traces = one_a_step(traces, &mut verdicts);
    let samples = common_samples(&mut traces, &mut verdicts)?;
    let Some((_, _, first)) = traces.first() else {
        return Err(Error::NothingToAnalyse { files: parts.len() });
    };
    let (layers, experts) = (first.info.layers, first.info.experts);
    let top_k = traces.iter().find_map(|(_, _, trace)| trace.info.top_k);
    let checkpoints: Vec<RunCheckpoint> =
        traces.into_iter().map(|(file, step, trace)| checkpoint(file, step, trace, &samples)).collect();
    let domains = domains(&samples, results.as_deref());
    let mut run = Run {
        checkpoints,
        samples,
        domains,
        layers,
        experts,
        top_k,
        results,
        embeddings: None,
        item_gates: None,
        token_entropy: Vec::new(),
        verdicts,
    };
    attach(&mut run, parts);
    joined.judge(&mut run.verdicts);
    run.verdicts.sort_by_key(|verdict| verdict.id);
    Ok(run)
}

/// The results of the run: the first file of results; items of further files are not mixed in.
fn pick_results(parts: &[Part], verdicts: &mut Vec<Verdict>) -> Option<Rc<Results>> {
    let mut picked: Option<Results> = None;
    for part in parts {
        let Recognised::Results(results) = &part.what else { continue };
        match &mut picked {
            None => {
                picked = Some(results.clone());
                verdicts.push(Verdict { id: part.id, used: true, text: None });
            }
            // One file with items and one with sample records or accuracies complete each other.
            Some(sofar) if complements(sofar, results) => {
                merge_results(sofar, results.clone());
                verdicts.push(Verdict { id: part.id, used: true, text: None });
            }
            Some(_) => verdicts.push(Verdict {
                id: part.id,
                used: false,
                text: Some(format!(
                    "{}: another file already gives the benchmark results of this run. Remove that one to use this.",
                    part.path
                )),
            }),
        }
    }
    picked.map(Rc::new)
}

fn complements(a: &Results, b: &Results) -> bool {
    (a.items.is_empty() || b.items.is_empty())
        && (a.samples.is_empty() || b.samples.is_empty())
        && (a.accuracy.is_empty() || b.accuracy.is_empty())
}

fn merge_results(into: &mut Results, from: Results) {
    if into.items.is_empty() && !from.items.is_empty() {
        into.items = from.items;
        into.steps = from.steps;
    }
    if into.samples.is_empty() {
        into.samples = from.samples;
    }
    if into.accuracy.is_empty() {
        into.accuracy = from.accuracy;
    }
    if into.validation_loss.is_empty() {
        into.validation_loss = from.validation_loss;
    }
    into.model = into.model.take().or(from.model);
}

/// The traces among the parts, each with its file's number: layers of one folder put together, and with names, domains
/// and token counts from wherever they are. Verdicts tell of those that do not fit.
#[must_use]
pub fn traces(parts: &[Part]) -> (Vec<(usize, OpenTrace)>, Vec<Verdict>) {
    let mut verdicts = Vec::new();
    let results = pick_results(parts, &mut verdicts);
    let (traces, joined) = labelled(parts, results.as_deref(), &mut verdicts);
    verdicts.extend(traces.iter().map(|&(id, _)| Verdict { id, used: true, text: None }));
    joined.judge(&mut verdicts);
    (traces, verdicts)
}

/// Every trace with names, domains and token counts from wherever they are.
fn labelled(
    parts: &[Part],
    results: Option<&Results>,
    verdicts: &mut Vec<Verdict>,
) -> (Vec<(usize, OpenTrace)>, Joined) {
    let list = parts.iter().find_map(|part| match &part.what {
        Recognised::SampleList(list) => Some(&list.samples),
        _ => None,
    });
    let records = results.map(|results| &results.samples).filter(|records| !records.is_empty()).or(list);
    let mut joined = layers::join(parts, records.map_or(&[], Vec::as_slice), verdicts);
    let mut traces: Vec<(usize, OpenTrace)> = Vec::new();
    for part in parts {
        if let Recognised::Trace(trace) = &part.what {
            let mut trace = trace.clone();
            add_logits(&mut trace, parts, verdicts);
            traces.push((part.id, trace));
        }
    }
    traces.append(&mut joined.traces);
    if let Some(records) = records {
        traces.retain_mut(|(id, trace)| match apply_records(trace, records) {
            Ok(()) => true,
            Err(error) => {
                verdicts.push(Verdict { id: *id, used: false, text: Some(error.to_string()) });
                false
            }
        });
    }
    (traces, joined)
}

/// The same, with the step of each.
fn label(
    parts: &[Part],
    results: Option<&Results>,
    verdicts: &mut Vec<Verdict>,
) -> (Vec<(usize, u64, OpenTrace)>, Joined) {
    let (found, joined) = labelled(parts, results, verdicts);
    let mut traces = Vec::new();
    for (id, trace) in found {
        let Some(step) = trace.info.step else {
            verdicts.push(Verdict {
                id,
                used: false,
                text: Some(format!(
                    "{}: its training step is not known: neither the file nor its name (like step-1000) says it. \
                     Enter the step in the file table.",
                    trace.info.name
                )),
            });
            continue;
        };
        traces.push((id, step, trace));
    }
    traces.sort_by_key(|&(id, step, _)| (step, id));
    (traces, joined)
}

/// Gives a trace of ids the router logits that lie beside it.
fn add_logits(trace: &mut OpenTrace, parts: &[Part], verdicts: &mut Vec<Verdict>) {
    for part in parts {
        let Recognised::Logits(logits) = &part.what else { continue };
        if !trace.takes_logits(logits.source.name()) {
            continue;
        }
        let text = trace.set_logits(&logits.source).err().map(|error| error.to_string());
        verdicts.push(Verdict { id: part.id, used: text.is_none(), text });
        return;
    }
}

/// Ids bound the number of experts only from below, so the largest guess of a run's checkpoints is taken for all.
fn one_width(mut traces: Vec<(usize, u64, OpenTrace)>) -> Vec<(usize, u64, OpenTrace)> {
    let told = traces.iter().find(|(_, _, trace)| {
        trace.info.gate_kind == GateKind::SelectionFrequency && !trace.experts_are_guessed()
    });
    let told = told.map(|(_, _, trace)| trace.info.experts);
    let guessed = traces.iter().filter(|(_, _, trace)| trace.experts_are_guessed());
    let Some(most) = told.or(guessed.map(|(_, _, trace)| trace.info.experts).max()) else { return traces };
    for (_, _, trace) in traces.iter_mut().filter(|(_, _, trace)| trace.experts_are_guessed()) {
        // Where ids go beyond, the trace stays as it is and is left out as one of another shape.
        trace.set_experts(most).ok();
    }
    traces
}

/// Makes one trace of the files of a folder that hold ids of the same step: servers answer into many files.
fn join(traces: Vec<(usize, u64, OpenTrace)>, verdicts: &mut Vec<Verdict>) -> Vec<(usize, u64, OpenTrace)> {
    let mut groups: Vec<Vec<(usize, u64, OpenTrace)>> = Vec::new();
    let folder = |trace: &OpenTrace| {
        trace.info.name.rsplit_once(['/', '\\']).map_or(String::new(), |(folder, _)| folder.to_owned())
    };
    for (id, step, trace) in traces {
        let fits = |group: &&mut Vec<(usize, u64, OpenTrace)>| {
            group.first().is_some_and(|(_, first_step, first)| {
                *first_step == step
                    && first.is_of_records()
                    && trace.is_of_records()
                    && folder(first) == folder(&trace)
                    && first.info.format == trace.info.format
            })
        };
        match groups.iter_mut().find(fits) {
            Some(group) => group.push((id, step, trace)),
            None => groups.push(vec![(id, step, trace)]),
        }
    }
    let mut joined = Vec::new();
    for mut group in groups {
        if group.len() == 1 {
            joined.append(&mut group);
            continue;
        }
        // In the order of their names, whatever the order in which they were dropped.
        group.sort_by(|(_, _, a), (_, _, b)| a.info.name.cmp(&b.info.name));
        match OpenTrace::join(group.iter().map(|(_, _, trace)| trace.clone()).collect()) {
            Ok(whole) => {
                let names = &whole.info.name;
                for (id, ..) in group.iter().skip(1) {
                    let text =
                        Some(format!("Read together with the other files of step {}: {names}.", group[0].1));
                    verdicts.push(Verdict { id: *id, used: true, text });
                }
                joined.push((group[0].0, group[0].1, whole));
            }
            Err(error) => {
                for (id, ..) in group.iter().skip(1) {
                    verdicts.push(Verdict { id: *id, used: false, text: Some(error.to_string()) });
                }
                joined.extend(group.into_iter().take(1));
            }
        }
    }
    joined
}

/// Gives a trace the records' names, domains and token counts where it has none itself.
fn apply_records(trace: &mut OpenTrace, records: &[trace::SampleRecord]) -> Result<(), trace::Error> {
    if records.len() != trace.info.samples.len() {
        return Ok(());
    }
    if !trace.info.labelled {
        let samples =
            records.iter().map(|record| SampleMeta { id: record.id.clone(), domain: record.domain.clone() });
        trace.set_samples(samples.collect())?;
    }
    if trace.info.n_tokens.is_none()
        && let Some(counts) = records.iter().map(|record| record.tokens).collect::<Option<Vec<u32>>>()
    {
        trace.set_token_counts(&counts)?;
    }
    Ok(())
}

fn shape_of(trace: &OpenTrace) -> Shape {
    (trace.info.layers, trace.info.experts, trace.info.gate_kind == GateKind::SelectionFrequency)
}

/// Keeps the traces of the commonest shape (of equals: the earliest step's).
fn same_shape(
    traces: Vec<(usize, u64, OpenTrace)>,
    verdicts: &mut Vec<Verdict>,
) -> Vec<(usize, u64, OpenTrace)> {
    let mut counts: BTreeMap<Shape, usize> = BTreeMap::new();
    for (_, _, trace) in &traces {
        *counts.entry(shape_of(trace)).or_default() += 1;
    }
    let most = counts.values().copied().max().unwrap_or(0);
    let Some(shape) = traces.iter().map(|(_, _, trace)| shape_of(trace)).find(|shape| counts[shape] == most)
    else {
        return traces;
    };
    let (kept, left): (Vec<_>, Vec<_>) =
        traces.into_iter().partition(|(_, _, trace)| shape_of(trace) == shape);
    for (id, _, trace) in left {
        verdicts.push(Verdict {
            id,
            used: false,
            text: Some(format!(
                "{}: {}, but the other checkpoints have {}. One run has one shape: \
                 drop the runs one after the other.",
                trace.info.name,
                shape_words(shape_of(&trace)),
                shape_words(shape)
            )),
        });
    }
    kept
}

fn shape_words((layers, experts, frequency): Shape) -> String {
    let kind = if frequency { "selection frequencies" } else { "mean gates" };
    format!("{kind} of {layers} layers with {experts} experts")
}

/// Keeps the first file of each step.
fn one_a_step(
    traces: Vec<(usize, u64, OpenTrace)>,
    verdicts: &mut Vec<Verdict>,
) -> Vec<(usize, u64, OpenTrace)> {
    let mut kept: Vec<(usize, u64, OpenTrace)> = Vec::new();
    for (id, step, trace) in traces {
        match kept.last() {
            Some((_, last_step, last)) if *last_step == step => verdicts.push(Verdict {
                id,
                used: false,
                text: Some(format!(
                    "{}: step {step} is already given by {}. Correct the step in the file table or remove one.",
                    trace.info.name, last.info.name
                )),
            }),
            _ => kept.push((id, step, trace)),
        }
    }
    kept
}

/// The samples that every trace has, in the order of the first; traces that share none with it are left out.
fn common_samples(
    traces: &mut Vec<(usize, u64, OpenTrace)>,
    verdicts: &mut Vec<Verdict>,
) -> Result<Vec<SampleMeta>, Error> {
    // Two runs mixed: keep the checkpoints that share their samples with most others.
    let fingerprints: Vec<BTreeSet<&str>> = traces
        .iter()
        .map(|(_, _, trace)| trace.info.samples.iter().map(|sample| sample.id.as_str()).collect())
        .collect();
    let overlaps = |a: usize, b: usize| {
        let (small, large) = if fingerprints[a].len() < fingerprints[b].len() { (a, b) } else { (b, a) };
        let shared = fingerprints[small].intersection(&fingerprints[large]).count();
        2 * shared > fingerprints[small].len()
    };
    let friends: Vec<usize> =
        (0..traces.len()).map(|a| (0..traces.len()).filter(|&b| overlaps(a, b)).count()).collect();
    let Some(seed) = (0..traces.len()).max_by_key(|&a| (friends[a], std::cmp::Reverse(a))) else {
        return Ok(Vec::new());
    };
    let together: Vec<bool> = (0..traces.len()).map(|a| a == seed || overlaps(seed, a)).collect();
    let mut keep = together.iter().copied();
    let left: Vec<(usize, u64, OpenTrace)> =
        traces.extract_if(.., |_| !keep.next().unwrap_or(true)).collect();
    let Some((_, _, first)) = traces.first() else { return Ok(Vec::new()) };
    let mut samples = first.info.samples.clone();
    for (id, step, trace) in left {
        verdicts.push(Verdict {
            id,
            used: false,
            text: Some(format!(
                "{}: its samples are not those of the other checkpoints (step {step} seems to be of another run). \
                 Drop each run by itself.",
                trace.info.name
            )),
        });
    }
    let before = samples.len();
    for (_, _, trace) in traces.iter().skip(1) {
        let ids: BTreeSet<&str> = trace.info.samples.iter().map(|sample| sample.id.as_str()).collect();
        samples.retain(|sample| ids.contains(sample.id.as_str()));
    }
    if samples.is_empty() {
        return Err(Error::NoCommonSamples { checkpoints: traces.len() });
    }
    for (id, _, trace) in traces.iter() {
        let extra = trace.info.samples.len() - samples.len();
        let text = (extra > 0).then(|| {
            format!(
                "{}: {extra} of its {} samples are not in every checkpoint and are not counted \
                 ({} are).",
                trace.info.name,
                trace.info.samples.len(),
                samples.len()
            )
        });
        verdicts.push(Verdict { id: *id, used: true, text });
    }
    debug_assert!(samples.len() <= before, "samples only ever leave");
    Ok(samples)
}

fn checkpoint(file: usize, step: u64, trace: OpenTrace, samples: &[SampleMeta]) -> RunCheckpoint {
    let rows: BTreeMap<&str, u32> =
        trace.info.samples.iter().enumerate().map(|(row, sample)| (sample.id.as_str(), row as u32)).collect();
    let row_of: Rc<[u32]> =
        samples.iter().map(|sample| rows.get(sample.id.as_str()).copied().unwrap_or(0)).collect();
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
    // In the order in which the samples name them: the user's own order.
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

/// Embeddings, item gates and token entropies, where their shapes fit.
fn attach(run: &mut Run, parts: &[Part]) {
    let items = run.results.as_ref().map_or(0, |results| results.items.len());
    if let Some(results) = run.results.clone() {
        run.embeddings = embeddings_of(&results, &run.samples);
    }
    let rows = run.checkpoints.first().map_or(0, |first| first.trace.info.samples.len());
    for part in parts {
        let (used, text) = match &part.what {
            Recognised::Trace(_) | Recognised::Layer(_) | Recognised::Results(_) => continue,
            Recognised::Embeddings(found) => {
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
            Recognised::ItemGates(found) => {
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
            Recognised::TokenGates(found) => {
                let step = found.step;
                let fits = step.is_some_and(|step| run.checkpoints.iter().any(|c| c.step == step));
                if fits {
                    run.token_entropy.push(TokenEntropy { step, values: found.entropy.clone() });
                }
                let text = format!(
                    "{}: gates of single tokens, but its step is not one of the run's. Name it like \
                     tokens-STEP.safetensors.",
                    part.path
                );
                (fits, (!fits).then_some(text))
            }
            Recognised::SampleList(_) => (true, None),
            Recognised::Items => {
                let text = format!(
                    "{}: benchmark items, which are asked of checkpoints. Drop checkpoint folders too; results of \
                     items go into run.json or a table with item, domain, step and correct.",
                    part.path
                );
                (false, Some(text))
            }
            Recognised::GateInputs { .. } => {
                let text = format!(
                    "{}: inputs of routers, which gating layers are computed on. Drop the checkpoint's folder too.",
                    part.path
                );
                (false, Some(text))
            }
            Recognised::Text => {
                let text = format!(
                    "{}: plain text, which checkpoints are run on. Drop checkpoint folders too.",
                    part.path
                );
                (false, Some(text))
            }
            Recognised::Mappable(proposal) => (false, Some(proposal.sentence())),
            Recognised::Logits(_) if run.verdicts.iter().any(|verdict| verdict.id == part.id) => continue,
            Recognised::Logits(_) => {
                let text = format!(
                    "{}: router logits without the trace that tells their shape. Drop `router_trace_rank*.jsonl` of the \
                     same folder and rank too.",
                    part.path
                );
                (false, Some(text))
            }
            Recognised::Unrelated { looked_for } => (false, Some(looked_for.clone())),
        };
        run.verdicts.push(Verdict { id: part.id, used, text });
    }
}

/// Embeddings that ride in the results, when every sample and every item has one of the same width.
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
