//! Whether items are generalized after samples are memorized.

use super::{accuracy, values::step};
use crate::{Claim, ClaimKind, Domain, OnsetRule, Report, Why};

/// The claim `generalized-after` of a domain: accuracy rises, and the intervals of both halves do
/// not meet.
pub(super) fn claim(report: &Report, domain: &Domain) -> Claim {
    let rule = report.settings.onset_rule;
    let at = |checkpoint: Option<usize>| checkpoint.and_then(|at| step(report, at));
    let memorized = at(domain.memorization.half(rule));
    let generalized = at(domain.generalization.as_ref().and_then(|found| found.half(rule)));
    // Losses that were low from the start say nothing about when samples are memorized; their steps may
    // all be the earliest.
    let low_from_start = match rule {
        OnsetRule::Causal => report.memorized(domain).saturating_sub(domain.memorization.fallen),
        OnsetRule::Paper => 0,
    };
    let (samples, items) = (
        pathway::half_between(&without_first(report.memorized_steps(domain), low_from_start)).unzip(),
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

/// Counts by step without the earliest members.
fn without_first(counts: &[usize], mut members: usize) -> Vec<usize> {
    let rest = |&count: &usize| {
        let gone = members.min(count);
        members -= gone;
        count - gone
    };
    counts.iter().map(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::without_first;

    #[test]
    fn the_earliest_members_are_left_out() {
        assert_eq!(without_first(&[2, 3, 4], 0), [2, 3, 4]);
        assert_eq!(without_first(&[2, 3, 4], 4), [0, 1, 4]);
        assert_eq!(without_first(&[2, 3, 4], 10), [0, 0, 0]);
    }
}
