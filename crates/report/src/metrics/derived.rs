//! Metrics that follow from other courses and counts of a report.

use crate::derive::half_width_of_mean;
use crate::model::{Course, Domain, Report, Series};

/// Courses of a domain and metric, of whole groups and of single layers.
fn courses<'a>(
    report: &'a Report,
    domain: &'a Domain,
    metric: &'static str,
) -> impl Iterator<Item = &'a Course> {
    let of_domain = report.courses.iter().filter(|course| course.domain == domain.name);
    of_domain.filter(move |course| course.metric == metric && course.other_domain.is_none())
}

/// A course of the same samples, layer and threshold with another metric and values.
fn like(course: &Course, metric: &str, values: Series) -> Course {
    Course { metric: metric.into(), values, se: None, pairs: None, ..course.clone() }
}

pub(super) fn loss_moving_average(report: &Report, domain: &Domain) -> Vec<Course> {
    courses(report, domain, "loss")
        .map(|loss| like(loss, "loss_moving_average", pathway::moving_average(&loss.values)))
        .collect()
}

pub(super) fn distance_ci(report: &Report, domain: &Domain) -> Vec<Course> {
    let whole = courses(report, domain, "distance").filter(|course| course.is_whole());
    whole
        .filter_map(|course| {
            let (se, n) = (course.se.as_ref()?, course.n?);
            // The quantile takes a bisection, so it is computed once per course, not per
            // checkpoint.
            let unit = half_width_of_mean(1.0, n);
            let values = se.iter().map(|se| Some(unit? * (*se)?)).collect();
            Some(Course { pairs: course.pairs, ..like(course, "distance_ci", values) })
        })
        .collect()
}

/// 1 less distance over null distance, with the courses of a metric as the null.
fn beyond(report: &Report, domain: &Domain, null: &'static str, metric: &str) -> Vec<Course> {
    courses(report, domain, null)
        .filter_map(|null| {
            let distance = report.course_at(&domain.name, "distance", null.group, null.tau?)?;
            let both = distance.values.iter().zip(&null.values);
            let values = both.map(|(mean, null)| pathway::structure((*mean)?, (*null)?)).collect();
            Some(like(null, metric, values))
        })
        .collect()
}

pub(super) fn structure(report: &Report, domain: &Domain) -> Vec<Course> {
    beyond(report, domain, "null_distance", "structure")
}

pub(super) fn structure_load(report: &Report, domain: &Domain) -> Vec<Course> {
    beyond(report, domain, "null_distance_load", "structure_load")
}

/// `C = 1 - (1 - C)`, up to rounding; the analysis computes the mean of `C` directly.
pub(super) fn consistency_c(report: &Report, domain: &Domain) -> Vec<Course> {
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

/// [`load`] with a course over all layers, the mean of their figures, if there are any.
fn load_of_all(
    domain: &Domain,
    metric: &str,
    figure: impl Fn(&pathway::LayerLoad) -> Option<f64>,
) -> Vec<Course> {
    let mut courses = load(domain, metric, figure);
    if let Some(first) = courses.first() {
        let mean = |c: usize| {
            let layers: Option<Vec<f64>> = courses.iter().map(|course| *course.values.get(c)?).collect();
            let layers = layers?;
            Some(layers.iter().sum::<f64>() / layers.len() as f64)
        };
        let values = (0..first.values.len()).map(mean).collect();
        let whole = Course { layer: None, values, ..first.clone() };
        courses.insert(0, whole);
    }
    courses
}

pub(super) fn load_max_over_mean(_: &Report, domain: &Domain) -> Vec<Course> {
    load(domain, "load_max_over_mean", |load| load.max_over_mean)
}

pub(super) fn load_max_violation(_: &Report, domain: &Domain) -> Vec<Course> {
    load_of_all(domain, "load_max_violation", |load| load.max_violation)
}

pub(super) fn load_cv(_: &Report, domain: &Domain) -> Vec<Course> {
    load_of_all(domain, "load_cv", |load| load.cv)
}

pub(super) fn load_never_used(_: &Report, domain: &Domain) -> Vec<Course> {
    load(domain, "load_never_used", |load| Some(load.never_used as f64))
}

pub(super) fn load_never_used_share(_: &Report, domain: &Domain) -> Vec<Course> {
    load_of_all(domain, "load_never_used_share", |load| {
        (!load.counts.is_empty()).then(|| load.never_used as f64 / load.counts.len() as f64)
    })
}

/// Courses of the whole run, whichever domain is given.
pub(super) fn expert_information_share(report: &Report, _: &Domain) -> Vec<Course> {
    let Some(most) = pathway::most_information(report.domains.len(), report.run.experts) else {
        return Vec::new();
    };
    let found = report.courses.iter().filter(|course| course.metric == "expert_information");
    found
        .map(|course| {
            let values = course.values.iter().map(|value| Some((*value)? / most)).collect();
            like(course, "expert_information_share", values)
        })
        .collect()
}
