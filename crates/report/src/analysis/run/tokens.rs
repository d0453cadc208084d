//! Gates of single tokens beside a trace: the samples to which unusable ones belong.

use std::collections::BTreeMap;

use trace::{BadSample, FileKind, OpenTrace, TokenGates};

use super::part::{Part, Stepped};

/// Samples with a token whose gates cannot be used, by step.
pub(super) fn bad_samples(parts: &[Part], traces: &[Stepped]) -> BTreeMap<u64, Vec<BadSample>> {
    let mut all = BTreeMap::new();
    for part in parts {
        let FileKind::TokenGates(tokens) = &part.what else { continue };
        let Some(step) = tokens.step.filter(|step| !all.contains_key(step)) else { continue };
        let of_step = traces.iter().find(|(_, at, _)| *at == step);
        if let Some(bad) = of_step.and_then(|(_, _, trace)| of_trace(trace, tokens).ok()) {
            all.insert(step, bad);
        }
    }
    all
}

/// The samples of a trace with a token whose gates cannot be used, each with the first fault of the
/// file.
///
/// # Errors
/// Why the tokens cannot be used with this trace, as the end of a sentence that begins with their
/// file.
pub(super) fn of_trace(trace: &OpenTrace, tokens: &TokenGates) -> Result<Vec<BadSample>, String> {
    let count = tokens.entropy.len();
    let Some(counts) = &trace.info.n_tokens else {
        return Err(format!(
            "gates of {count} tokens, but {} does not say how many tokens each sample has. Write `n_tokens` into the \
             trace, or add a list of the samples with their `tokens`.",
            trace.info.name
        ));
    };
    let sum: u64 = counts.iter().map(|&count| u64::from(count)).sum();
    if sum != count as u64 {
        return Err(format!(
            "gates of {count} tokens, but the samples of {} have {sum}. Write the tokens of all samples, in the order of \
             the trace.",
            trace.info.name
        ));
    }
    let Some(unusable) = &tokens.unusable else { return Ok(Vec::new()) };
    let mut rows = unusable.rows.iter().peekable();
    let mut bad = Vec::new();
    let mut end = 0;
    for (row, (sample, &count)) in trace.info.samples.iter().zip(counts).enumerate() {
        end += count as usize;
        let mut found = false;
        while rows.next_if(|&&token| token < end).is_some() {
            found = true;
        }
        if found {
            bad.push(BadSample { row, id: sample.id.clone(), fault: unusable.fault.clone() });
        }
    }
    let samples = trace.info.samples.len();
    if bad.len().saturating_mul(2) > samples {
        return Err(format!(
            "{} of {samples} samples have a token whose gates cannot be used, which is more than half, so that the file \
             is left out. The first: {}",
            bad.len(),
            unusable.fault
        ));
    }
    Ok(bad)
}
