//! Sums of the selections of single tokens at one checkpoint, which are read together with those of
//! the last checkpoint and of its neighbors.

use std::{ops::Range, rc::Rc};

use pathway::{Coactivation, CommitmentSum, LoadCounts, Neighbors, SaturationSum};
use trace::TopK;

use super::{host::Watch, run::RunCheckpoint};
use crate::error::Error;

/// Most samples whose selections are in memory.
const SAMPLES_PER_READ: usize = 256;

/// Sums over the tokens of one domain, from expert selections.
#[derive(Debug)]
pub struct Selections {
    /// Selection counts of each expert.
    pub load: LoadCounts,
    /// Agreement with the last checkpoint.
    pub saturation: Option<SaturationSum>,
    /// Agreement with the checkpoints before and after; `None` at the first one.
    pub commitment: Option<CommitmentSum>,
    /// Co-activation; only at the last checkpoint.
    pub coactivation: Option<Coactivation>,
}

/// Checkpoints whose selections a checkpoint's are compared with.
#[derive(Clone, Copy, Debug)]
pub struct Others<'a> {
    /// The last one of the run.
    pub last: &'a RunCheckpoint,
    /// The one before, if there is one.
    pub before: Option<&'a RunCheckpoint>,
    /// The next one, if there is one.
    pub after: Option<&'a RunCheckpoint>,
}

/// Reads the selections of a checkpoint and of the others, and sums them per domain. `None` if the
/// trace has none.
pub async fn read_selections(
    checkpoint: &RunCheckpoint,
    others: Others<'_>,
    domains: &[Rc<[u32]>],
    watch: &dyn Watch,
) -> Result<Option<Vec<Selections>>, Error> {
    let info = &checkpoint.trace.info;
    if !info.has_topk {
        return Ok(None);
    }
    let comparable =
        |other: &&RunCheckpoint| other.trace.info.has_topk && other.trace.info.top_k == info.top_k;
    let ordered = |other: Option<&RunCheckpoint>| {
        info.topk_ordered && other.is_none_or(|other| other.trace.info.topk_ordered)
    };
    let (layers, experts) = (info.layers, info.experts);
    let last = Some(others.last).filter(comparable);
    let before = others.before.filter(comparable);
    // Whether a change lasts is known of first experts only.
    let after = others.after.filter(comparable).filter(|_| before.is_some());
    let firsts = ordered(before) && ordered(after);
    let read: Vec<&RunCheckpoint> =
        std::iter::once(checkpoint).chain(last).chain(before).chain(after.filter(|_| firsts)).collect();
    let mut sums = Vec::new();
    for members in domains {
        let mut of_domain = Selections {
            load: LoadCounts::new(layers, experts)?,
            saturation: None,
            commitment: None,
            coactivation: None,
        };
        if checkpoint.file == others.last.file {
            of_domain.coactivation = Some(Coactivation::new(layers, experts)?);
        }
        for ranges in runs_of_rows(members, &read) {
            let mut found = Vec::with_capacity(read.len());
            for (at, rows) in read.iter().zip(ranges) {
                found.push(at.trace.topk(rows).await?);
            }
            let mut found = found.into_iter();
            let Some(Some(here)) = found.next() else { return Ok(None) };
            of_domain.load.push(&here.ids, here.k)?;
            if let Some(coactivation) = &mut of_domain.coactivation {
                coactivation.push(&here.ids, here.k)?;
            }
            let there = last.and_then(|_| found.next()).flatten();
            if let Some(there) = there.filter(|there| there.ids.len() == here.ids.len()) {
                let new = || SaturationSum::new(layers, here.k, ordered(last));
                of_domain.saturation.get_or_insert_with(new).push(&here.ids, &there.ids)?;
            }
            let same_tokens =
                |other: &TopK| other.offsets == here.offsets && other.ids.len() == here.ids.len();
            let earlier = before.and_then(|_| found.next()).flatten().filter(same_tokens);
            let later = found.next().flatten().filter(same_tokens);
            if let Some(earlier) = earlier {
                let sum = match &mut of_domain.commitment {
                    Some(sum) => sum,
                    empty => empty.insert(CommitmentSum::new(layers, experts, here.k, firsts)?),
                };
                add_commitment(sum, &here, &earlier, later.as_ref())?;
            }
            watch.yield_now().await;
        }
        sums.push(of_domain);
    }
    Ok(Some(sums))
}

/// Adds the selections of some samples with the same tokens, sample by sample.
fn add_commitment(
    sum: &mut CommitmentSum,
    here: &TopK,
    earlier: &TopK,
    later: Option<&TopK>,
) -> Result<(), Error> {
    let token = here.layers * here.k;
    for span in here.offsets.windows(2) {
        let [start, end] = *span else { continue };
        let of = |topk: &'_ TopK| -> Range<usize> {
            let length = topk.ids.len();
            (start * token).min(length)..(end * token).min(length)
        };
        let (now, before) = (&here.ids[of(here)], &earlier.ids[of(earlier)]);
        let after = later.map(|later| &later.ids[of(later)]);
        sum.push(Neighbors { before, now, after })?;
    }
    Ok(())
}

/// Splits samples into ranges whose rows are contiguous in all checkpoints, to read them together;
/// one range per checkpoint.
fn runs_of_rows(members: &[u32], checkpoints: &[&RunCheckpoint]) -> Vec<Vec<Range<usize>>> {
    let mut runs: Vec<Vec<Range<usize>>> = Vec::new();
    for &sample in members {
        let rows = || checkpoints.iter().map(|at| at.row_of[sample as usize] as usize);
        match runs.last_mut() {
            Some(run)
                if run.iter().zip(rows()).all(|(range, row)| range.end == row)
                    && run.first().is_some_and(|range| range.len() < SAMPLES_PER_READ) =>
            {
                for range in run {
                    range.end += 1;
                }
            }
            _ => runs.push(rows().map(|row| row..row + 1).collect()),
        }
    }
    runs
}
