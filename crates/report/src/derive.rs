//! Figures that follow from other figures of a report. The analysis computes them by these functions, and so does
//! whoever reads a report that was sent without them.

use crate::{
    metrics::METRICS,
    model::{Correlation, Course, Group, Report, Series},
};

/// Adds the courses that [`Metric::derived`](crate::Metric::derived) computes, where they are missing, and sorts all
/// courses.
pub fn complete(report: &mut Report) {
    let derived = METRICS.iter().filter_map(|metric| metric.derived);
    let mut missing: Vec<Course> = Vec::new();
    for derive in derived {
        for domain in &report.domains {
            missing.extend(derive(report, domain).into_iter().filter(|course| !has(report, course)));
        }
    }
    report.courses.extend(missing);
    report.sort_courses();
}

/// Whether the report has the course already, with whatever values.
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

/// Pairs of `n` samples.
#[must_use]
pub fn all_pairs(n: u64) -> u64 {
    // One of two neighbours is even; halving it first leaves room for large counts.
    if n.is_multiple_of(2) {
        (n / 2).saturating_mul(n.saturating_sub(1))
    } else {
        n.saturating_mul((n - 1) / 2)
    }
}

/// Correlates the courses of a domain with its accuracy, over the checkpoints of the settings' window; empty without
/// accuracy. First the courses of the memorized samples, then those of all, in the order of [`crate::METRICS`].
#[must_use]
pub fn correlations(report: &Report, domain: &str) -> Vec<Correlation> {
    correlations_by(report, domain, |courses, accuracy| {
        let courses: Vec<&[Option<f64>]> = courses.iter().map(|course| &course[..]).collect();
        pathway::correlate_all(&courses, accuracy, pathway::RANDOM_ORDERS, report.settings.seed)
    })
}

/// [`correlations`] with the coefficients computed by `correlate`, which gives one result per course: so that the
/// analysis can look up what it has computed before.
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
