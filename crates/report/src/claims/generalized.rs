//! Whether items are generalized after samples are memorized.

use super::{accuracy, values::step};
use crate::{Claim, ClaimKind, Domain, Report, Why};

/// The claim `generalized-after` of a domain: accuracy rises, and the intervals of both halves do
/// not meet.
pub(super) fn claim(report: &Report, domain: &Domain) -> Claim {
    let rule = report.settings.onset_rule;
    let at = |checkpoint: Option<usize>| checkpoint.and_then(|at| step(report, at));
    let memorized = at(domain.memorization.half(rule));
    let generalized = at(domain.generalization.as_ref().and_then(|found| found.half(rule)));
    let (samples, items) = (
        pathway::half_between(report.memorized_steps(domain)).unzip(),
        pathway::half_between(report.item_steps(domain)).unzip(),
    );
    let claim = Claim::of(ClaimKind::GeneralizedAfter, domain)
        .with("memorized_step", memorized)
        .with("memorized_low_step", at(samples.0))
        .with("memorized_high_step", at(samples.1))
        .with("generalized_step", generalized)
        .with("generalized_low_step", at(items.0))
        .with("generalized_high_step", at(items.1));
    if domain.generalization.is_none() {
        return claim.undecided(Why::NotMeasured);
    }
    let (Some(memorized), Some(generalized)) = (memorized, generalized) else {
        let is_generalized = generalized.is_some();
        return claim.undecided(if is_generalized { Why::NoneMemorized } else { Why::NoneGeneralized });
    };
    let claim = claim.with("delay", generalized - memorized);
    let [rises, _] = accuracy::claims(report, domain);
    match (rises.holds, samples.1.zip(items.0)) {
        (None, _) => claim.undecided(rises.why),
        // Guesses are right three times in a row, too.
        (Some(false), _) => claim.fails(Why::NoRise),
        (Some(true), None) => claim.undecided(Why::TooFewSamples),
        (Some(true), Some((samples, items))) => claim.holds(items > samples),
    }
}
