//! Whether the pathway distance falls or rises from the onset to the last checkpoint.

use super::values::{defined, step};
use crate::{Claim, ClaimKind, Domain, Group, Report, Why};

/// The smallest group with a standard error (docs/metrics.md#pathway-distance).
const SMALLEST_GROUP: u64 = 3;

/// The claims `falls` and `rises` of a group's distance.
pub(super) fn claims(report: &Report, domain: &Domain, group: Group) -> [Claim; 2] {
    [ClaimKind::Falls, ClaimKind::Rises].map(|kind| claim(report, domain, group, kind))
}

fn claim(report: &Report, domain: &Domain, group: Group, kind: ClaimKind) -> Claim {
    let claim = Claim::of(kind, domain).about("distance", group);
    let Some(course) = report.course(&domain.name, "distance", group) else {
        return claim.undecided(Why::NotMeasured);
    };
    let samples = course.n.unwrap_or(0);
    let claim = claim.with("samples", samples as f64);
    let change = domain.changes.iter().find(|found| found.metric == "distance" && found.group == group);
    if let Some(change) = change.filter(|found| found.ratio.is_finite() && found.half_width.is_finite()) {
        let at = |checkpoint: usize| course.values.get(checkpoint).copied().flatten();
        let change_of = change.ratio - 1.0;
        return claim
            .with("from_step", step(report, change.from))
            .with("to_step", step(report, change.to))
            .with("from", at(change.from))
            .with("to", at(change.to))
            .with("change", change_of)
            .with("low", change_of - change.half_width)
            .with("high", change_of + change.half_width)
            .holds(match kind {
                ClaimKind::Falls => change_of < -change.half_width,
                _ => change_of > change.half_width,
            });
    }
    if samples < SMALLEST_GROUP {
        return claim.undecided(Why::TooFewSamples);
    }
    if defined(report, &course.values).len() < 2 {
        return claim.undecided(Why::TooFewCheckpoints);
    }
    claim.undecided(Why::NoInterval)
}
