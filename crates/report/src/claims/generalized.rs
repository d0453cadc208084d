//! Whether items are generalized after samples are memorized.

use super::values::step;
use crate::{Claim, ClaimKind, Domain, Report, Why};

/// The claim `generalized-after` of a domain.
pub(super) fn claim(report: &Report, domain: &Domain) -> Claim {
    let rule = report.settings.onset_rule;
    let at = |checkpoint: Option<usize>| checkpoint.and_then(|at| step(report, at));
    let memorized = at(domain.memorization.half(rule));
    let generalized = at(domain.generalization.as_ref().and_then(|found| found.half(rule)));
    let claim = Claim::of(ClaimKind::GeneralizedAfter, domain)
        .with("memorized_step", memorized)
        .with("generalized_step", generalized);
    if domain.generalization.is_none() {
        return claim.undecided(Why::NotMeasured);
    }
    match (memorized, generalized) {
        (_, None) => claim.undecided(Why::NoneGeneralized),
        (None, _) => claim.undecided(Why::NoneMemorized),
        (Some(memorized), Some(generalized)) => {
            let delay = generalized - memorized;
            claim.with("delay", delay).holds(delay > 0.0)
        }
    }
}
