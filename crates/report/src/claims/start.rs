//! Whether the sign of the change of the pathway distance depends on the checkpoint where it
//! starts.

use super::values::{defined, step};
use crate::{Claim, ClaimKind, Domain, Group, Report, Why};

/// The claim `sign-depends-on-start` of a group's distance.
///
/// Changes are compared from every checkpoint at which a sample of the domain has been memorized;
/// before, distances are low because nothing has been learned. A change counts if it exceeds the
/// widest interval that the two checkpoints' own intervals allow.
pub(super) fn claim(report: &Report, domain: &Domain, group: Group) -> Claim {
    let claim = Claim::of(ClaimKind::SignDependsOnStart, domain).about("distance", group);
    let Some(course) = report.course(&domain.name, "distance", group) else {
        return claim.undecided(Why::NotMeasured);
    };
    let Some(half) = report.course(&domain.name, "distance_ci", group) else {
        return claim.undecided(Why::NoInterval);
    };
    let half = |at: usize| half.values.get(at).copied().flatten().filter(|half| half.is_finite());
    let values = defined(report, &course.values);
    let Some((&(last, end), earlier)) = values.split_last() else {
        return claim.undecided(Why::TooFewCheckpoints);
    };
    let first = report.sample_steps(domain).iter().position(|&count| count > 0).unwrap_or(0);
    let changes = earlier.iter().filter(|&&(at, start)| at >= first && start > 0.0);
    let changes: Vec<Start> = changes
        .filter_map(|&(at, start)| {
            let half = widest(start, end, half(at)?, half(last)?);
            Some(Start { at, change: end / start - 1.0, half })
        })
        .collect();
    if changes.is_empty() {
        return claim.undecided(if earlier.is_empty() { Why::TooFewCheckpoints } else { Why::NoInterval });
    }
    let beyond = |sign: f64| {
        let found = changes.iter().filter(|start| sign * start.change > start.half);
        found.reduce(|most, start| if sign * start.change > sign * most.change { start } else { most })
    };
    let (rise, fall) = (beyond(1.0), beyond(-1.0));
    let with = |claim: Claim, name: &str, found: Option<&Start>| {
        claim
            .with(&format!("{name}_from_step"), found.and_then(|found| step(report, found.at)))
            .with(name, found.map(|found| found.change))
    };
    let claim = with(with(claim, "rise", rise), "fall", fall).with("to_step", step(report, last));
    claim.holds(rise.is_some() && fall.is_some())
}

/// Relative change from a checkpoint to the last one.
struct Start {
    at: usize,
    change: f64,
    /// Largest half width that its interval can have.
    half: f64,
}

/// The largest half width that the interval of `end / start` can have.
///
/// To first order `d(end/start) = d_end/start - end/start^2 * d_start`. Its standard error is at
/// most the sum of the two terms' (Minkowski), reached if the errors are opposite.
fn widest(start: f64, end: f64, half_start: f64, half_end: f64) -> f64 {
    (half_end.abs() + (end / start).abs() * half_start.abs()) / start
}

#[cfg(test)]
mod tests {
    use super::widest;

    #[test]
    fn the_bound_is_the_sum_of_the_relative_halves_where_nothing_changes() {
        assert!((widest(100.0, 100.0, 2.0, 3.0) - 0.05).abs() < 1e-12);
        assert!((widest(100.0, 50.0, 2.0, 3.0) - 0.04).abs() < 1e-12);
    }
}
