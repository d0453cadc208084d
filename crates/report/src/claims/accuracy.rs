//! Whether accuracy rises or falls from the first to the last checkpoint, beyond its interval.

use super::values::{defined, step};
use crate::{Claim, ClaimKind, Domain, Group, Report, Why};

/// The claims `rises` and `falls` of a domain's accuracy.
pub(super) fn claims(report: &Report, domain: &Domain) -> [Claim; 2] {
    [ClaimKind::Rises, ClaimKind::Falls].map(|kind| claim(report, domain, kind))
}

fn claim(report: &Report, domain: &Domain, kind: ClaimKind) -> Claim {
    let claim = Claim::of(kind, domain).about("accuracy", Group::All);
    let Some(accuracy) = report.course(&domain.name, "accuracy", Group::All) else {
        return claim.undecided(Why::NoAccuracy);
    };
    let found = defined(report, &accuracy.values);
    let (Some(&(from, start)), Some(&(to, end))) = (found.first(), found.last()) else {
        return claim.undecided(Why::NoAccuracy);
    };
    let claim = claim
        .with("from_step", step(report, from))
        .with("to_step", step(report, to))
        .with("from", start)
        .with("to", end);
    if from == to {
        return claim.undecided(Why::TooFewCheckpoints);
    }
    if domain.items == 0 {
        return claim.undecided(Why::NoItems);
    }
    let half = half_interval(start, domain.items) + half_interval(end, domain.items);
    let (change, up) = (end - start, kind == ClaimKind::Rises);
    claim
        .with("items", domain.items as f64)
        .with("change", change)
        .with("low", change - half)
        .with("high", change + half)
        .with("most_after_step", most_after(&found).and_then(|at| step(report, at)))
        .holds(if up { change > half } else { -change > half })
}

/// The last checkpoint that is not beyond the middle between start and end: at most half of the
/// change has happened there, and all later values stay beyond the middle. `None` if it is the
/// first.
fn most_after(defined: &[(usize, f64)]) -> Option<usize> {
    let (&(first, start), &(_, end)) = (defined.first()?, defined.last()?);
    let middle = start + (end - start) / 2.0;
    let before = |value: f64| if end > start { value <= middle } else { value >= middle };
    let &(at, _) = defined.iter().rev().find(|&&(_, value)| before(value))?;
    (at != first).then_some(at)
}

/// Half width of the 95 % interval of a share of `items` (Agresti and Coull: two successes and two
/// failures are added, so that shares of 0 and 1 have an interval).
///
/// The interval of a change is the sum of both: at least as wide as that of the difference, however
/// the items' answers at the two checkpoints are related.
fn half_interval(share: f64, items: usize) -> f64 {
    let items = items as f64 + 4.0;
    let share = (share.clamp(0.0, 1.0) * (items - 4.0) + 2.0) / items;
    1.96 * (share * (1.0 - share) / items).sqrt()
}

#[cfg(test)]
mod tests {
    use super::{half_interval, most_after};

    #[test]
    fn a_share_of_none_has_an_interval() {
        assert!((half_interval(0.5, 96) - 0.098).abs() < 1e-12);
        assert!(half_interval(0.0, 10) > 0.1);
    }

    #[test]
    fn most_of_a_change_comes_after_the_last_value_before_the_middle() {
        let course = |values: &[f64]| most_after(&values.iter().copied().enumerate().collect::<Vec<_>>());
        assert_eq!(course(&[0.0, 0.6, 0.4, 0.8, 1.0]), Some(2));
        assert_eq!(course(&[1.0, 0.9, 0.2, 0.0]), Some(1));
        assert_eq!(course(&[0.0, 1.0, 1.0]), None);
    }
}
