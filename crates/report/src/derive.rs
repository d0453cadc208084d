//! Figures that follow from other figures of a report. The analysis computes them by these functions, and so does
//! whoever reads a report that was sent without them.

use crate::model::{Correlation, Course, Domain, Group, Report, Series};

/// Adds the courses that [`Metric::derived`](crate::Metric::derived) computes, where they are missing, and sorts all
/// courses.
pub fn complete(report: &mut Report) {
    let derived = crate::METRICS.iter().filter_map(|metric| metric.derived);
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

/// Half width of the 95 % confidence interval of a mean with this standard error over `n` independent samples: the t
/// quantile with `n - 1` degrees of freedom times `se`.
#[must_use]
pub fn half_width(se: Option<f64>, n: u64) -> Option<f64> {
    Some(pathway::t_quantile_95(n.checked_sub(1)?)? * se?)
}

/// Courses of a domain by metric, over whole groups or of single layers.
fn courses<'a>(
    report: &'a Report,
    domain: &'a Domain,
    metric: &'static str,
) -> impl Iterator<Item = &'a Course> {
    let of_domain = report.courses.iter().filter(|course| course.domain == domain.name);
    of_domain.filter(move |course| course.metric == metric && course.other_domain.is_none())
}

/// A course with other figures: of the same samples, layer and threshold.
fn like(course: &Course, metric: &str, values: Series) -> Course {
    Course { metric: metric.into(), values, se: None, pairs: None, ..course.clone() }
}

pub(crate) fn loss_moving_average(report: &Report, domain: &Domain) -> Vec<Course> {
    courses(report, domain, "loss")
        .map(|loss| like(loss, "loss_moving_average", pathway::moving_average(&loss.values)))
        .collect()
}

pub(crate) fn distance_ci(report: &Report, domain: &Domain) -> Vec<Course> {
    let whole = courses(report, domain, "distance").filter(|course| course.is_whole());
    whole
        .filter_map(|course| {
            let (se, n) = (course.se.as_ref()?, course.n?);
            // The quantile takes a bisection: once per course, not per checkpoint.
            let unit = half_width(Some(1.0), n);
            let values = se.iter().map(|se| Some(unit? * (*se)?)).collect();
            Some(Course { pairs: course.pairs, ..like(course, "distance_ci", values) })
        })
        .collect()
}

pub(crate) fn structure(report: &Report, domain: &Domain) -> Vec<Course> {
    courses(report, domain, "null_distance")
        .filter_map(|null| {
            let distance = report.course_at(&domain.name, "distance", null.group, null.tau?)?;
            let both = distance.values.iter().zip(&null.values);
            let values = both.map(|(mean, null)| pathway::structure((*mean)?, (*null)?)).collect();
            Some(like(null, "structure", values))
        })
        .collect()
}

/// `C = 1 - (1 - C)`, to the last digits only: the analysis has the mean of `C` itself.
pub(crate) fn consistency_c(report: &Report, domain: &Domain) -> Vec<Course> {
    courses(report, domain, "consistency_mean")
        .map(|mean| {
            let values = mean.values.iter().map(|mean| Some(1.0 - (*mean)?)).collect();
            like(mean, "consistency_c", values)
        })
        .collect()
}

/// One course per layer from the counts of that layer's experts.
fn load(domain: &Domain, metric: &str, figure: impl Fn(&pathway::LayerLoad) -> Option<f64>) -> Vec<Course> {
    let layers = domain.expert_selections.iter().flatten().map(Vec::len).max().unwrap_or(0);
    (0..layers)
        .map(|layer| Course {
            metric: metric.into(),
            domain: domain.name.clone(),
            layer: Some(layer),
            values: domain
                .expert_selections
                .iter()
                .map(|counts| figure(&pathway::LayerLoad::new(counts.as_ref()?.get(layer)?)))
                .collect(),
            ..Course::default()
        })
        .collect()
}

pub(crate) fn load_max_over_mean(_: &Report, domain: &Domain) -> Vec<Course> {
    load(domain, "load_max_over_mean", |load| load.max_over_mean)
}

pub(crate) fn load_cv(_: &Report, domain: &Domain) -> Vec<Course> {
    load(domain, "load_cv", |load| load.cv)
}

pub(crate) fn load_never_used(_: &Report, domain: &Domain) -> Vec<Course> {
    load(domain, "load_never_used", |load| Some(load.never_used as f64))
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
        for metric in crate::METRICS.iter().filter(|metric| metric.correlates) {
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
