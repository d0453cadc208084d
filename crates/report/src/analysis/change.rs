//! Changes of a group's pathway distance between two checkpoints, from cached sums of each sample
//! (docs/metrics.md#change-between-two-checkpoints).

use std::rc::Rc;

use super::{
    job::Job,
    measure::{Kind, Measured, MeasurementId},
};
use crate::{
    model::{Change, Domain, Group},
    settings::OnsetRule,
};

/// Changes from the start of a comparison to the last checkpoint, one per group.
pub(super) fn changes(job: &Job<'_>, index: usize, domain: &Domain) -> Vec<Change> {
    let of_group = |group| {
        let measured = |at: &usize| result(job, index, group, *at).is_some();
        let last = (0..job.run.checkpoints.len()).rev().find(measured)?;
        let from = (start(job.settings.onset_rule, domain, group)..last).find(measured)?;
        between(job, index, group, from, last)
    };
    [Group::Memorized, Group::All].into_iter().filter_map(of_group).collect()
}

/// Checkpoint from which a group's distance is compared with the last: half memorized for the
/// memorized samples, the first for all.
fn start(rule: OnsetRule, domain: &Domain, group: Group) -> usize {
    match group {
        Group::All => 0,
        Group::Memorized => domain.memorization.half(rule).unwrap_or(0),
    }
}

/// Change of a group of the domain with this index; `None` if it is undefined or not measured.
pub(super) fn between(job: &Job<'_>, index: usize, group: Group, from: usize, to: usize) -> Option<Change> {
    if from == to {
        return None;
    }
    let (earlier, later) = (result(job, index, group, from)?, result(job, index, group, to)?);
    let found = pathway::distance_change(earlier.sums()?, later.sums()?)?;
    Some(Change {
        metric: "distance".into(),
        group,
        from,
        to,
        ratio: found.ratio,
        se_ratio: found.se,
        half_width: found.half_width,
        n: found.samples,
    })
}

/// Distances of a group at a checkpoint, if any pair was measured.
fn result(job: &Job<'_>, domain: usize, group: Group, checkpoint: usize) -> Option<Rc<Measured>> {
    let found = job.result(MeasurementId { domain, group, kind: Kind::Distance }, checkpoint)?;
    found.sums()?.mean()?;
    Some(found)
}
