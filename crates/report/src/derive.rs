//! Figures derived from other figures of a report. The analysis and readers of links compute them
//! with the same functions.

mod accuracy;
mod exchange;
mod states;

pub use accuracy::{CheckpointPermutations, LEVEL, clock, coefficients, correlations, follows};
pub(crate) use accuracy::{Related, Relation, correlations_by, in_window};
pub use exchange::{exchange, exchange_statistics};
pub use states::states;

use crate::{
    metrics::METRICS,
    model::{Change, Course, Report},
};

/// Adds the missing courses of all metrics with [`Metric::derived`](crate::Metric::derived), and
/// sorts all courses.
pub fn complete(report: &mut Report) {
    let derived = METRICS.iter().filter_map(|metric| Some((metric.derived?, metric.scope.whole_run)));
    let mut missing: Vec<Course> = Vec::new();
    for (derive, whole_run) in derived {
        // Courses of the whole run are derived once.
        let domains = report.domains.iter().take(if whole_run { 1 } else { usize::MAX });
        for domain in domains {
            missing.extend(derive(report, domain).into_iter().filter(|course| !has(report, course)));
        }
    }
    report.courses.extend(missing);
    report.sort_courses();
}

/// Whether the report already has the course, with any values.
fn has(report: &Report, course: &Course) -> bool {
    let key = |course: &Course| {
        (
            course.group,
            course.layer,
            course.tau.map(f64::to_bits),
            course.t_star,
            course.other_domain.is_some(),
        )
    };
    report.courses.iter().any(|other| {
        other.metric == course.metric && other.domain == course.domain && key(other) == key(course)
    })
}

/// Number of pairs of `n` samples.
#[must_use]
pub fn all_pairs(n: u64) -> u64 {
    // One of `n` and `n - 1` is even; halving it first avoids overflow of large counts.
    if n.is_multiple_of(2) {
        (n / 2).saturating_mul(n.saturating_sub(1))
    } else {
        n.saturating_mul((n - 1) / 2)
    }
}

/// Computes what relates courses to accuracy: correlations and clock of every domain, and the test
/// of exchanged domains.
pub fn relate(report: &mut Report, permutations: CheckpointPermutations) {
    for at in 0..report.domains.len() {
        let name = report.domains[at].name.clone();
        let correlations = correlations(report, &name, permutations);
        report.domains[at].clock = clock(report, &name);
        report.domains[at].correlations = correlations;
    }
    report.exchange = exchange(report);
}

/// [`relate`] without any p: no order of increments and no assignment of domains is tried. The p of a
/// report come with its link.
pub fn relate_without_tests(report: &mut Report) {
    for at in 0..report.domains.len() {
        let name = report.domains[at].name.clone();
        let coefficients = coefficients(report, &name);
        report.domains[at].clock = clock(report, &name);
        report.domains[at].correlations = coefficients;
    }
    report.exchange = exchange_statistics(report);
}

/// Half width of the 95 % interval of a mean over `n` samples, from its standard error; `None` below two samples.
#[must_use]
pub fn half_width_of_mean(se: f64, n: u64) -> Option<f64> {
    Some(pathway::t_quantile_95(n.checked_sub(1)?)? * se)
}

/// Half width of the 95 % interval of a change, from its standard error and number of samples.
#[must_use]
pub fn half_width(change: &Change) -> f64 {
    let degrees = (change.n as u64).saturating_sub(1);
    pathway::t_quantile_95(degrees).unwrap_or(f64::INFINITY) * change.se_ratio
}
