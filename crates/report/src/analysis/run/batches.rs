//! Completes traces from a list of samples: each file by itself, and batches of one step together,
//! whose samples are those of the list in the order of the files' names.

use std::ops::Range;

use trace::{OpenTrace, SampleRecord};

use super::{
    join::{go_together, natural},
    layers::JoinedLayers,
    part::Verdict,
    records::apply_records,
};

/// Adds names, domains and token counts of the list to the traces. Traces that the list does not
/// fit are left out with the reason.
pub(super) fn complete(
    traces: Vec<(usize, OpenTrace)>,
    records: &[SampleRecord],
    joined: &mut JoinedLayers,
    verdicts: &mut Vec<Verdict>,
) -> Vec<(usize, OpenTrace)> {
    let shares = shares_of_batches(&traces, records);
    let mut kept = Vec::with_capacity(traces.len());
    for ((id, mut trace), share) in traces.into_iter().zip(shares) {
        let done = share.and_then(|share| {
            let share = records.get(share).unwrap_or_default();
            apply_records(&mut trace, share).map_err(|error| error.to_string())
        });
        match done {
            Ok(note) => {
                if let Some(note) = note {
                    joined.note(id, &note);
                }
                kept.push((id, trace));
            }
            Err(text) => verdicts.push(Verdict { id, used: false, text: Some(text) }),
        }
    }
    kept
}

/// Which records of the list are the samples of a trace, or why it cannot be said.
type Share = Result<Range<usize>, String>;

/// The share of each trace: all records, but for batches.
fn shares_of_batches(traces: &[(usize, OpenTrace)], records: &[SampleRecord]) -> Vec<Share> {
    let mut shares: Vec<Share> = traces.iter().map(|_| Ok(0..records.len())).collect();
    let mut seen = vec![false; traces.len()];
    for (first, (_, trace)) in traces.iter().enumerate() {
        if seen.get(first) == Some(&true) || !is_batch(trace, records) {
            continue;
        }
        let mut batches: Vec<(usize, &OpenTrace)> = traces
            .iter()
            .enumerate()
            .skip(first)
            .map(|(at, (_, other))| (at, other))
            .filter(|(at, other)| {
                *at == first
                    || other.info.step == trace.info.step
                        && is_batch(other, records)
                        && go_together(trace, other)
            })
            .collect();
        for &(at, _) in &batches {
            if let Some(seen) = seen.get_mut(at) {
                *seen = true;
            }
        }
        if batches.len() < 2 {
            continue;
        }
        batches.sort_by_key(|(_, batch)| natural(&batch.info.name));
        let of_files: Vec<&OpenTrace> = batches.iter().map(|&(_, batch)| batch).collect();
        let divided = divide(&of_files, records);
        for (place, (at, _)) in batches.into_iter().enumerate() {
            let share = divided.as_ref().map_err(Clone::clone).map(|ranges| ranges.get(place).cloned());
            if let Some(slot) = shares.get_mut(at) {
                *slot = share.map(Option::unwrap_or_default);
            }
        }
    }
    shares
}

/// Whether a trace may be one of several batches of unnamed samples. Files of records with as many
/// samples as the list may be the same samples again.
fn is_batch(trace: &OpenTrace, records: &[SampleRecord]) -> bool {
    let again = trace.is_of_records() && trace.samples_in_file() == records.len();
    !trace.info.labelled && trace.info.layer.is_none() && !again
}

/// Divides the list among batches, which are in the order of their names.
///
/// # Errors
/// A sentence with both counts if the list has not the samples of the batches.
fn divide(batches: &[&OpenTrace], records: &[SampleRecord]) -> Result<Vec<Range<usize>>, String> {
    let tokens: Option<Vec<u64>> = records.iter().map(|record| record.tokens.map(u64::from)).collect();
    let rows: u64 = batches.iter().filter_map(|batch| batch.rows_without_ends()).map(|n| n as u64).sum();
    // Files without ends of samples are one sample each where the list has as many.
    let Some(tokens) = tokens.filter(|_| rows > 0) else {
        let samples: usize = batches.iter().map(|batch| batch.samples_in_file()).sum();
        if samples == records.len() {
            return Ok(ranges(batches.iter().map(|batch| batch.samples_in_file())));
        }
        let (has, advice) = if rows > 0 {
            (format!("{rows} rows of unknown samples"), " and write `tokens` or `input_ids` into each line")
        } else {
            (format!("{samples} samples"), "")
        };
        return Err(format!(
            "{} {has}, but the list names {}. List all their samples, in the order of the files' names{advice}.",
            called(batches),
            records.len()
        ));
    };
    let mut counts = Vec::with_capacity(batches.len());
    let mut at = 0;
    for batch in batches {
        let left = tokens.get(at..).unwrap_or_default();
        let count = match batch.rows_without_ends() {
            Some(rows) => count_to(rows as u64, left),
            None => (left.len() >= batch.samples_in_file()).then(|| batch.samples_in_file()),
        };
        let Some(count) = count else { break };
        at += count;
        counts.push(count);
    }
    if counts.len() == batches.len() && at == records.len() {
        return Ok(ranges(counts.into_iter()));
    }
    let sum = tokens.iter().fold(0_u64, |sum, &tokens| sum.saturating_add(tokens));
    let file = batches.get(counts.len()).or(batches.last()).map_or("", |batch| &batch.info.name);
    Err(format!(
        "{} {rows} rows, but the tokens of the list's {} samples sum to {sum}, or a sample does not end where its file \
         does; the first file that does not fit is {file}. List the samples of all files, in the order of the files' \
         names, with all their tokens.",
        called(batches),
        records.len()
    ))
}

/// How many of the counts, from the first on, sum to a number; `None` if none do.
fn count_to(sum: u64, counts: &[u64]) -> Option<usize> {
    let mut left = sum;
    let mut taken = 0;
    while left > 0 {
        left = left.checked_sub(*counts.get(taken)?)?;
        taken += 1;
    }
    Some(taken)
}

/// Ranges of these lengths, one behind the other.
fn ranges(counts: impl Iterator<Item = usize>) -> Vec<Range<usize>> {
    let mut end = 0;
    counts
        .map(|count| {
            end += count;
            end - count..end
        })
        .collect()
}

/// The start of a sentence on batches: `run/batch_0.npz and 3 more of step 5 have`.
fn called(batches: &[&OpenTrace]) -> String {
    let first = batches.first().map(|batch| &batch.info);
    let step = first.and_then(|info| info.step).map_or(String::new(), |step| format!(" of step {step}"));
    let name = first.map_or("", |info| &info.name);
    format!("{name} and {} more{step} have", batches.len().saturating_sub(1))
}
