//! Selects the traces of one run: same shape, one per step, with common samples.

use std::collections::{BTreeMap, BTreeSet};

use trace::{BadSample, GateKind, OpenTrace, SampleMeta};

use super::part::{Stepped, Verdict};
use crate::{analysis::words::short, error::Error};

/// Shape and kind that the traces of one run share.
type Shape = (usize, usize, GateKind);

fn shape_of(trace: &OpenTrace) -> Shape {
    (trace.info.layers, trace.info.experts, trace.info.gate_kind)
}

/// Keeps the traces of the most common shape; ties take that of the earliest step.
pub(super) fn same_shape(traces: Vec<Stepped>, verdicts: &mut Vec<Verdict>) -> Vec<Stepped> {
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
                "{}: {}, but the other checkpoints have {}. One run has one shape and one kind of gates: \
                 open each run separately.",
                trace.info.name,
                shape_words(shape_of(&trace)),
                shape_words(shape)
            )),
        });
    }
    kept
}

fn shape_words((layers, experts, kind): Shape) -> String {
    let kind = match kind {
        GateKind::SoftmaxMean => "mean gates by softmax",
        GateKind::SigmoidNormalizedMean => "mean gates by normalized sigmoid",
        GateKind::SelectionFrequency => "selection frequencies",
    };
    format!("{kind} of {layers} layers with {experts} experts")
}

/// Keeps the first file of each step.
pub(super) fn one_per_step(traces: Vec<Stepped>, verdicts: &mut Vec<Verdict>) -> Vec<Stepped> {
    let mut kept: Vec<Stepped> = Vec::new();
    for (id, step, trace) in traces {
        match kept.last() {
            Some((_, last_step, last)) if *last_step == step => verdicts.push(Verdict {
                id,
                used: false,
                text: Some(format!(
                    "{}: {} already has step {step}. Correct the step in the file table or remove one file.",
                    trace.info.name, last.info.name
                )),
            }),
            _ => kept.push((id, step, trace)),
        }
    }
    kept
}

/// Returns the samples common to all traces, in the order of the first, without unusable ones;
/// traces without common samples are removed.
pub(super) fn common_samples(
    traces: &mut Vec<Stepped>,
    unusable: &BTreeMap<u64, Vec<BadSample>>,
    verdicts: &mut Vec<Verdict>,
) -> Result<Vec<SampleMeta>, Error> {
    fill_domains(traces);
    // If two runs are mixed, keep the checkpoints that share samples with most others.
    let fingerprints: Vec<BTreeSet<(&str, &str)>> =
        traces.iter().map(|(_, _, trace)| trace.info.samples.iter().map(identity).collect()).collect();
    let overlaps = |a: usize, b: usize| {
        let (small, large) = if fingerprints[a].len() < fingerprints[b].len() { (a, b) } else { (b, a) };
        let shared = fingerprints[small].intersection(&fingerprints[large]).count();
        2 * shared > fingerprints[small].len()
    };
    let overlap_counts: Vec<usize> =
        (0..traces.len()).map(|a| (0..traces.len()).filter(|&b| overlaps(a, b)).count()).collect();
    let Some(seed) = (0..traces.len()).max_by_key(|&a| (overlap_counts[a], std::cmp::Reverse(a))) else {
        return Ok(Vec::new());
    };
    let same_run: Vec<bool> = (0..traces.len()).map(|a| a == seed || overlaps(seed, a)).collect();
    let relabelled: BTreeMap<usize, String> = traces
        .iter()
        .filter_map(|(id, _, trace)| Some((*id, other_domains(trace, &traces.get(seed)?.2)?)))
        .collect();
    let mut keep = same_run.iter().copied();
    let left: Vec<Stepped> = traces.extract_if(.., |_| !keep.next().unwrap_or(true)).collect();
    let Some((_, _, first)) = traces.first() else { return Ok(Vec::new()) };
    let mut samples = first.info.samples.clone();
    for (id, step, trace) in left {
        let text = match relabelled.get(&id) {
            Some(reason) => format!("{}: {reason}", trace.info.name),
            None => format!(
                "{}: its samples are not those of the other checkpoints (step {step} seems to belong to another run). \
                 Open each run separately.",
                trace.info.name
            ),
        };
        verdicts.push(Verdict { id, used: false, text: Some(text) });
    }
    let steps: BTreeSet<u64> = traces.iter().map(|&(_, step, _)| step).collect();
    let unusable = unusable.iter().filter(|(step, _)| steps.contains(step));
    let unusable: BTreeSet<&str> = unusable.flat_map(|(_, bad)| bad).map(|bad| bad.id.as_str()).collect();
    samples.retain(|sample| !unusable.contains(sample.id.as_str()));
    let before = samples.len();
    for (_, _, trace) in traces.iter().skip(1) {
        let names: BTreeSet<(&str, &str)> = trace.info.samples.iter().map(identity).collect();
        samples.retain(|sample| names.contains(&identity(sample)));
    }
    if samples.is_empty() {
        return Err(Error::NoCommonSamples { checkpoints: traces.len() });
    }
    for (id, _, trace) in traces.iter() {
        // Unusable samples have a sentence of their own.
        let usable = trace.info.samples.iter().filter(|sample| !unusable.contains(sample.id.as_str()));
        let extra = usable.count() - samples.len();
        let text = (extra > 0).then(|| {
            let ignored = format!(
                "{}: {extra} of its {} samples are not in every checkpoint and are ignored \
                 ({} are used).",
                trace.info.name,
                trace.info.samples.len(),
                samples.len()
            );
            match relabelled.get(id) {
                Some(reason) => format!("{ignored} Of these, {reason}"),
                None => ignored,
            }
        });
        verdicts.push(Verdict { id: *id, used: true, text });
    }
    debug_assert!(samples.len() <= before, "samples are only removed");
    Ok(samples)
}

/// The domain that readers give samples of a file without domains.
pub(super) const UNSTATED: &str = "all";

/// Gives the samples of traces without any domain those of the first trace that states domains.
fn fill_domains(traces: &mut [Stepped]) {
    let is_stated = |trace: &OpenTrace| trace.info.samples.iter().any(|sample| sample.domain != UNSTATED);
    let Some((_, _, stated)) = traces.iter().find(|(_, _, trace)| is_stated(trace)) else { return };
    if traces.iter().all(|(_, _, trace)| is_stated(trace)) {
        return;
    }
    let known = stated.info.samples.iter().map(|sample| (sample.id.clone(), sample.domain.clone()));
    let known: BTreeMap<String, String> = known.collect();
    for (_, _, trace) in traces.iter_mut().filter(|(_, _, trace)| !is_stated(trace)) {
        for sample in &mut trace.info.samples {
            if let Some(domain) = known.get(&sample.id) {
                sample.domain.clone_from(domain);
            }
        }
    }
}

/// Identity of a sample: its id and its domain.
pub(super) fn identity(sample: &SampleMeta) -> (&str, &str) {
    (&sample.id, &sample.domain)
}

/// A sentence on the samples of a trace that have another domain in the reference; `None` without any.
fn other_domains(trace: &OpenTrace, reference: &OpenTrace) -> Option<String> {
    let known: BTreeMap<&str, &str> =
        reference.info.samples.iter().map(|sample| (sample.id.as_str(), sample.domain.as_str())).collect();
    let differing: Vec<(&SampleMeta, &str)> = trace
        .info
        .samples
        .iter()
        .filter_map(|sample| Some((sample, *known.get(sample.id.as_str())?)))
        .filter(|(sample, domain)| sample.domain != *domain)
        .collect();
    let (sample, domain) = *differing.first()?;
    Some(format!(
        "{} than in {}: `{}` is of `{}` here and of `{}` there. Give each sample the same domain at every checkpoint.",
        match differing.len() {
            1 => "1 sample has another domain".to_owned(),
            count => format!("{count} samples have other domains"),
        },
        reference.info.name,
        short(&sample.id),
        short(&sample.domain),
        short(domain),
    ))
}
