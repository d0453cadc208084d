//! Figures derived from other figures of a report. The analysis and readers of links compute them
//! with the same functions.

use crate::{
    metrics::METRICS,
    model::{Correlation, Course, Group, Report, Series},
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

/// Correlates the courses of a domain with its accuracy, over the checkpoints of the settings'
/// window; empty without accuracy. Courses of the memorized samples come first, then those of all
/// samples, in the order of [`crate::METRICS`].
#[must_use]
pub fn correlations(report: &Report, domain: &str) -> Vec<Correlation> {
    correlations_by(report, domain, |courses, accuracy| {
        let courses: Vec<&[Option<f64>]> = courses.iter().map(|course| &course[..]).collect();
        pathway::correlate_all(&courses, accuracy, pathway::RANDOM_ORDERS, report.settings.seed)
    })
}

/// [`correlations`] with coefficients from `correlate`, which returns one result per course. The
/// analysis uses it to look up cached results.
pub(crate) fn correlations_by(
    report: &Report,
    domain: &str,
    correlate: impl FnOnce(&[Series], &[Option<f64>]) -> Vec<pathway::CorrelationResult>,
) -> Vec<Correlation> {
    let Some(accuracy) = report.course(domain, "accuracy", Group::All) else { return Vec::new() };
    let inside = |step: u64| {
        let window = report.settings.window;
        window.is_none_or(|window| (window.first..=window.last).contains(&step))
    };
    let cut = |values: &[Option<f64>]| -> Series {
        report.steps().zip(values).filter(|&(step, _)| inside(step)).map(|(_, value)| *value).collect()
    };
    let mut named = Vec::new();
    for group in [Group::Memorized, Group::All] {
        for metric in METRICS.iter().filter(|metric| metric.correlates) {
            if let Some(course) = report.course(domain, metric.id, group) {
                named.push((metric.id, group, cut(&course.values)));
            }
        }
    }
    let courses: Vec<Series> = named.iter().map(|(_, _, course)| course.clone()).collect();
    let found = correlate(&courses, &cut(&accuracy.values));
    let results = named.into_iter().zip(found);
    results
        .map(|((metric, group, _), found)| Correlation {
            metric: metric.into(),
            group,
            n: found.n,
            pearson: found.pearson,
            pearson_p: found.pearson_p,
            spearman: found.spearman,
            spearman_p: found.spearman_p,
            orders: found.orders,
            exact: found.exact,
            undefined: found.undefined.map(|reason| reason.to_string()),
        })
        .collect()
}
