//! Whether items are generalized after samples are memorized.

use super::{Claim, ClaimKind, Why, step};
use crate::{Domain, Report, onset::Onsets};

/// The claim `generalized-after` of a domain.
pub(super) fn claim(report: &Report, domain: &Domain) -> Claim {
    let onsets = Onsets::of(report, domain);
    let at = |checkpoint: Option<usize>| checkpoint.and_then(|at| step(report, at));
    let claim = Claim::of(ClaimKind::GeneralizedAfter, domain)
        .with("memorized_step", at(onsets.memorization))
        .with("generalized_step", at(onsets.generalization));
    if domain.generalization.is_none() {
        return claim.undecided(Why::NotMeasured);
    }
    if onsets.generalization.is_none() {
        return claim.undecided(Why::NoneGeneralized);
    }
    match onsets.delay(report) {
        None => claim.undecided(Why::NoneMemorized),
        Some(delay) => claim.with("delay", delay as f64).holds(delay > 0),
    }
}
