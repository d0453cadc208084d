//! Whether the pathway distance changes after memorization.

use report::{Course, Domain, Group, Report};

use crate::{chart, number, onset::Onsets, series};

/// The smallest group with a standard error (docs/metrics.md#pathway-distance).
const SMALLEST_GROUP: u64 = 3;

/// Below this size, the sentence names the group's size.
const SMALL_GROUP: u64 = 20;

/// Describes a group's distance in a sentence without a full stop.
pub(super) fn sentence(report: &Report, domain: &Domain, group: Group) -> String {
    let subject = format!("Pathway distance of {}", chart::of_group(group));
    let Some(distance) = report.course(&domain.name, "distance", group) else {
        return format!("{subject} was not measured");
    };
    let samples = distance.n.unwrap_or(0);
    if samples < SMALLEST_GROUP {
        let size = chart::counted(samples, "sample");
        return format!("{subject} has no interval: a group of {size} is too small");
    }
    let small = if samples < SMALL_GROUP {
        format!(" (only {})", chart::counted(samples, "sample"))
    } else {
        String::new()
    };
    let Some(Change { from, to, start, end, half }) = change(report, domain, distance) else {
        return format!("{subject}{small} has fewer than two checkpoints to compare");
    };
    let step =
        |at: usize| report.checkpoints.get(at).map_or_else(String::new, |found| chart::step_name(found.step));
    let between = format!("between {} and {}", step(from), step(to));
    let levels = format!("from {} to {} {}", number::plain(start), number::plain(end), report.unit_name());
    let Some(half) = half else {
        return format!("{subject}{small} changes {levels} {between}, without an interval");
    };
    let relative = end / start - 1.0;
    if relative.abs() <= half {
        return format!("{subject}{small} shows no change beyond its interval {between} ({levels})");
    }
    let verb = if relative < 0.0 { "falls" } else { "rises" };
    let size = relative.abs();
    // One digit if the nearer bound would round to zero.
    let digits = usize::from(size - half < 0.01 || half < 0.01);
    let percent = |share: f64| number::fixed(share * 100.0, digits);
    format!(
        "{subject}{small} {verb} by {} % (95 % interval {} to {} % or narrower) {between}",
        percent(size),
        percent(size - half),
        percent(size + half),
    )
}

struct Change {
    from: usize,
    to: usize,
    start: f64,
    end: f64,
    /// Largest half width that the 95 % interval of `end / start` can have.
    half: Option<f64>,
}

/// From half memorized (or the first value, if nothing is memorized) to the last value.
fn change(report: &Report, domain: &Domain, distance: &Course) -> Option<Change> {
    let onset =
        Onsets::of(report, domain).memorization.filter(|_| distance.group == Group::Memorized).unwrap_or(0);
    let defined = series::defined(&distance.values, report.checkpoints.len());
    let &(from, start) = defined.iter().find(|(at, _)| *at >= onset)?;
    let &(to, end) = defined.last()?;
    if from == to || start <= 0.0 {
        return None;
    }
    let ci = report.course(&domain.name, "distance_ci", distance.group);
    let half = ci
        .and_then(|ci| series::at(&ci.values, from).zip(series::at(&ci.values, to)))
        .map(|(first, last)| widest(start, end, first, last))
        .filter(|half| half.is_finite());
    Some(Change { from, to, start, end, half })
}

/// The largest half width that the interval of `end / start` can have.
///
/// To first order `d(end/start) = d_end/start - end/start^2 * d_start`; its standard error is at most the sum of the
/// two terms' (Minkowski), reached if the errors are opposite.
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
