//! Completes traces from other files: joined layers, names, domains, token counts, logits, and a
//! step.

use trace::{FileKind, GateKind, OpenTrace, Results, StepSource};

use super::{
    batches, join,
    layers::{self, JoinedLayers},
    left_out::left_out,
    part::{Part, Stepped, Verdict, one_per_file},
    results::pick_results,
    rule::state_rules,
};

/// Returns the traces among the parts with their file ids. Layers of a folder and files of one step are joined; missing
/// names, domains and token counts come from other files. Verdicts explain traces that do not fit.
#[must_use]
pub fn traces(parts: &[Part]) -> (Vec<(usize, OpenTrace)>, Vec<Verdict>) {
    let mut verdicts = Vec::new();
    let results = pick_results(parts, &mut verdicts);
    let (traces, joined) = labelled(parts, results.as_deref(), &mut verdicts);
    let traces = files_of_one_step(traces, &mut verdicts);
    verdicts.extend(traces.iter().map(|&(id, _)| Verdict { id, used: true, text: None }));
    joined.add_verdicts(&mut verdicts);
    verdicts.extend(left_out(parts, &verdicts));
    (traces, one_per_file(verdicts))
}

/// Joins the files that are parts of one step; the others stay as they are.
fn files_of_one_step(
    traces: Vec<(usize, OpenTrace)>,
    verdicts: &mut Vec<Verdict>,
) -> Vec<(usize, OpenTrace)> {
    let (stepped, mut all): (Vec<_>, Vec<_>) =
        traces.into_iter().partition(|(_, trace)| trace.info.step.is_some());
    let stepped = stepped.into_iter().map(|(id, trace)| (id, trace.info.step.unwrap_or(0), trace));
    all.extend(join::join(stepped.collect(), verdicts).into_iter().map(|(id, _, trace)| (id, trace)));
    all.sort_by_key(|&(id, _)| id);
    all
}

/// All traces with names, domains and token counts from other files.
fn labelled(
    parts: &[Part],
    results: Option<&Results>,
    verdicts: &mut Vec<Verdict>,
) -> (Vec<(usize, OpenTrace)>, JoinedLayers) {
    let list = parts.iter().find_map(|part| match &part.what {
        FileKind::SampleList(list) if !list.samples.is_empty() => Some(&list.samples),
        _ => None,
    });
    let records = results.map(|results| &results.samples).filter(|records| !records.is_empty()).or(list);
    let mut joined = layers::join(parts, records.map_or(&[], Vec::as_slice), verdicts);
    let mut traces: Vec<(usize, OpenTrace)> = Vec::new();
    for part in parts {
        match &part.what {
            FileKind::Trace(trace) => {
                let mut trace = trace.clone();
                add_logits(&mut trace, parts, verdicts);
                traces.push((part.id, trace));
            }
            FileKind::Traces(all) => traces.extend(all.iter().map(|trace| (part.id, trace.clone()))),
            _ => {}
        }
    }
    state_rules(&mut traces, parts, &mut joined, verdicts);
    traces.append(&mut joined.traces);
    if let Some(records) = records {
        traces = batches::complete(traces, records, &mut joined, verdicts);
    }
    (traces, joined)
}

/// All completed traces with their steps.
pub(super) fn label(
    parts: &[Part],
    results: Option<&Results>,
    verdicts: &mut Vec<Verdict>,
) -> (Vec<Stepped>, JoinedLayers) {
    let (found, joined) = labelled(parts, results, verdicts);
    let mut traces = Vec::new();
    let named_steps = found.iter().any(|(_, trace)| trace.info.step_from == StepSource::FileName);
    for (id, trace) in found {
        // `ckpt-3` beside `step-2000` need not be step 3.
        if named_steps && trace.info.step_from == StepSource::CheckpointName {
            let number = trace.info.step.unwrap_or(0);
            verdicts.push(Verdict {
                id,
                used: false,
                text: Some(format!(
                    "{}: its name has checkpoint {number}, while names of other files have steps. Enter its training \
                     step in the file table, or name it like step-1000.",
                    trace.info.name
                )),
            });
            continue;
        }
        let Some(step) = trace.info.step else {
            verdicts.push(Verdict {
                id,
                used: false,
                text: Some(format!(
                    "{}: the training step is unknown: neither the file nor its name (like step-1000) has one. \
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

/// Adds the router logits of the same folder to a trace of ids.
fn add_logits(trace: &mut OpenTrace, parts: &[Part], verdicts: &mut Vec<Verdict>) {
    for part in parts {
        let FileKind::Logits(logits) = &part.what else { continue };
        if !trace.takes_logits(logits.source.name()) {
            continue;
        }
        let text = trace.set_logits(&logits.source).err().map(|error| error.to_string());
        verdicts.push(Verdict { id: part.id, used: text.is_none(), text });
        return;
    }
}

/// Sets the number of experts to the largest of all checkpoints, because ids only give a lower
/// bound.
pub(super) fn one_width(mut traces: Vec<Stepped>) -> Vec<Stepped> {
    let stated = traces.iter().find(|(_, _, trace)| {
        trace.info.gate_kind == GateKind::SelectionFrequency && !trace.experts_are_guessed()
    });
    let stated = stated.map(|(_, _, trace)| trace.info.experts);
    let guessed = traces.iter().filter(|(_, _, trace)| trace.experts_are_guessed());
    let Some(most) = stated.or(guessed.map(|(_, _, trace)| trace.info.experts).max()) else { return traces };
    for (_, _, trace) in traces.iter_mut().filter(|(_, _, trace)| trace.experts_are_guessed()) {
        // A trace with larger ids is unchanged, and left out later because of its shape.
        trace.set_experts(most).ok();
    }
    traces
}
