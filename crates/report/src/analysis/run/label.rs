//! Traces with all that other files know of them: layers put together, names, domains, token counts, logits, a step.

use trace::{FileKind, GateKind, OpenTrace, Results, SampleMeta};

use super::{
    Stepped,
    layers::{self, Joined},
    part::{Part, Verdict},
    results::pick_results,
    rule::state_rules,
};

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
        FileKind::SampleList(list) => Some(&list.samples),
        _ => None,
    });
    let records = results.map(|results| &results.samples).filter(|records| !records.is_empty()).or(list);
    let mut joined = layers::join(parts, records.map_or(&[], Vec::as_slice), verdicts);
    let mut traces: Vec<(usize, OpenTrace)> = Vec::new();
    for part in parts {
        if let FileKind::Trace(trace) = &part.what {
            let mut trace = trace.clone();
            add_logits(&mut trace, parts, verdicts);
            traces.push((part.id, trace));
        }
    }
    state_rules(&mut traces, parts, &mut joined, verdicts);
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
pub(super) fn label(
    parts: &[Part],
    results: Option<&Results>,
    verdicts: &mut Vec<Verdict>,
) -> (Vec<Stepped>, Joined) {
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
        let FileKind::Logits(logits) = &part.what else { continue };
        if !trace.takes_logits(logits.source.name()) {
            continue;
        }
        let text = trace.set_logits(&logits.source).err().map(|error| error.to_string());
        verdicts.push(Verdict { id: part.id, used: text.is_none(), text });
        return;
    }
}

/// Ids bound the number of experts only from below, so the largest guess of a run's checkpoints is taken for all.
pub(super) fn one_width(mut traces: Vec<Stepped>) -> Vec<Stepped> {
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
