//! Completes a trace from a list of samples: names, domains, token counts, and where samples end.

use std::collections::BTreeMap;

use trace::{Error, OpenTrace, SampleMeta, SampleRecord};

/// The domain of samples for which nothing states one.
const NO_DOMAIN: &str = "all";

/// Characters of an id that a sentence repeats.
const SHOWN: usize = 60;

/// Adds missing names, domains and token counts to a trace. Samples without names are those of the
/// list in its order; samples with names are found by their ids. Returns a sentence about samples
/// that the list lacks.
///
/// # Errors
/// Token counts do not fit the trace.
pub(super) fn apply_records(
    trace: &mut OpenTrace,
    records: &[SampleRecord],
) -> Result<Option<String>, Error> {
    let all_counts: Option<Vec<u32>> = records.iter().map(|record| record.tokens).collect();
    let mut note = None;
    if let Some(rows) = trace.rows_without_ends()
        && records.len() > 1
    {
        let sum: u64 = all_counts.iter().flatten().map(|&tokens| u64::from(tokens)).sum();
        match all_counts.as_deref() {
            Some(counts) if trace.split_rows(counts) => {}
            Some(_) => {
                note = Some(format!(
                    "{}: the tokens of the {} samples in the list sum to {sum}, but there are {rows} rows, which remain \
                     one sample. List the samples of these rows, in their order, with all their tokens.",
                    trace.info.name,
                    records.len()
                ));
            }
            None => {
                note = Some(format!(
                    "{}: the list of {} samples does not state the tokens of each, so the {rows} rows remain one \
                     sample. Write `tokens` or `input_ids` into each line.",
                    trace.info.name,
                    records.len()
                ));
            }
        }
    }
    let counts = if trace.info.labelled {
        let by_id: BTreeMap<&str, &SampleRecord> =
            records.iter().map(|record| (record.id.as_str(), record)).collect();
        note = note.or(add_domains(trace, &by_id));
        trace.info.samples.iter().map(|sample| by_id.get(sample.id.as_str())?.tokens).collect()
    } else if records.len() == trace.samples_in_file() {
        let name =
            |record: &SampleRecord| SampleMeta { id: record.id.clone(), domain: record.domain.clone() };
        trace.name_samples_in_file(&records.iter().map(name).collect::<Vec<_>>())?;
        let rows = trace.rows_in_file();
        all_counts.map(|counts| rows.iter().filter_map(|&row| counts.get(row).copied()).collect::<Vec<u32>>())
    } else {
        note = note.or_else(|| Some(other_number(trace, records.len())));
        None
    };
    if trace.info.n_tokens.is_none()
        && let Some(counts) = counts
    {
        trace.set_token_counts(&counts)?;
    }
    Ok(note)
}

/// The sentence on a list of another number of samples than a trace without names has.
fn other_number(trace: &OpenTrace, listed: usize) -> String {
    format!(
        "{}: the list names {listed} samples, but the file has {}, so that its samples have no names and no domains. \
         List the samples of the file, in its order.",
        trace.info.name,
        trace.samples_in_file()
    )
}

/// Gives samples the domains of the list, by their ids, if the trace states none.
fn add_domains(trace: &mut OpenTrace, by_id: &BTreeMap<&str, &SampleRecord>) -> Option<String> {
    let listed = by_id.values().any(|record| record.domain != NO_DOMAIN);
    if !listed || trace.info.samples.iter().any(|sample| sample.domain != NO_DOMAIN) {
        return None;
    }
    let mut missing = 0;
    for sample in &mut trace.info.samples {
        match by_id.get(sample.id.as_str()) {
            Some(record) => sample.domain.clone_from(&record.domain),
            None => missing += 1,
        }
    }
    let count = trace.info.samples.len();
    let first = trace.info.samples.iter().find(|sample| !by_id.contains_key(sample.id.as_str()))?;
    let short = |text: &str| text.chars().take(SHOWN).collect::<String>();
    let other = by_id.keys().next().map(|id| short(id)).unwrap_or_default();
    Some(format!(
        "{}: {missing} of {count} samples (such as `{}`) are not in the list of samples (which has `{other}`), so that their \
         domain is unknown. Write the same ids into both, or state the domain beside each sample.",
        trace.info.name,
        short(&first.id)
    ))
}
