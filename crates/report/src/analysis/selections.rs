//! Sums of the selections of single tokens at one checkpoint, which are read together with those of
//! the last checkpoint and of its neighbors.

use std::{ops::Range, sync::Arc};

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

/// Checkpoints with whose selections those of a checkpoint are compared.
#[derive(Clone, Copy, Debug)]
pub struct Others<'a> {
    /// The last checkpoint of the run.
    pub last: &'a RunCheckpoint,
    /// The checkpoint before, if there is one.
    pub before: Option<&'a RunCheckpoint>,
    /// The next checkpoint, if there is one.
    pub after: Option<&'a RunCheckpoint>,
}

/// Reads the selections of a checkpoint and of the others, and sums them per domain. `None` if the
/// trace has none.
pub async fn read_selections(
    checkpoint: &RunCheckpoint,
    others: Others<'_>,
    domains: &[Arc<[u32]>],
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
            if let Some(there) = last.and_then(|_| found.next()).flatten() {
                let new = || SaturationSum::new(layers, here.k, ordered(last));
                push_same_tokens(of_domain.saturation.get_or_insert_with(new), &here, &there)?;
            }
            let earlier = before.and_then(|_| found.next()).flatten();
            let later = found.next().flatten();
            if let Some(earlier) = earlier {
                let sum = match &mut of_domain.commitment {
                    Some(sum) => sum,
                    empty => empty.insert(CommitmentSum::new(layers, experts, here.k, firsts)?),
                };
                push_neighbors(sum, &here, &earlier, later.as_ref())?;
            }
            watch.yield_now().await;
        }
        sums.push(of_domain);
    }
    Ok(Some(sums))
}

/// Adds the selections of the samples with as many tokens in both traces; tokens of the others cannot
/// be matched.
fn push_same_tokens(sum: &mut SaturationSum, here: &TopK, there: &TopK) -> Result<(), Error> {
    if here.offsets == there.offsets {
        return Ok(sum.push(&here.ids, &there.ids)?);
    }
    for sample in 0..here.offsets.len().saturating_sub(1) {
        if let (Some(now), Some(last)) = (here.of(sample), there.of(sample))
            && now.len() == last.len()
        {
            sum.push(now, last)?;
        }
    }
    Ok(())
}

/// Adds the selections of the samples with as many tokens at the checkpoint before, and at the next
/// one where these are as many too.
fn push_neighbors(
    sum: &mut CommitmentSum,
    here: &TopK,
    earlier: &TopK,
    later: Option<&TopK>,
) -> Result<(), Error> {
    for sample in 0..here.offsets.len().saturating_sub(1) {
        let Some(now) = here.of(sample) else { continue };
        let same = |other: &&[u16]| other.len() == now.len();
        let Some(before) = earlier.of(sample).filter(same) else { continue };
        let after = later.and_then(|later| later.of(sample)).filter(same);
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
