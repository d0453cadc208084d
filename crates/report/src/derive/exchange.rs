//! Test of exchanged domains (docs/metrics.md#domains-exchanged).

use super::accuracy::in_window;
use crate::{
    metrics::{Better, METRICS},
    model::{Exchange, Group, Report, Series},
};

/// Most domains whose accuracies are exchanged: the work grows with their square.
const MOST_DOMAINS: usize = 100;

/// Test B of every metric that is correlated with accuracy and has an expected direction, for the
/// memorized and for all samples; empty without accuracies.
#[must_use]
pub fn exchange(report: &Report) -> Vec<Exchange> {
    let (draws, seed) = (pathway::RANDOM_ASSIGNMENTS, report.settings.seed);
    of_metrics(report, |courses, accuracies, rising| {
        pathway::test_exchange(courses, accuracies, rising, draws, seed)
    })
}

/// [`exchange`] without any p: no assignment is tried.
#[must_use]
pub fn exchange_statistics(report: &Report) -> Vec<Exchange> {
    of_metrics(report, |courses, accuracies, rising| {
        pathway::observe_exchange(courses, accuracies, rising, pathway::RANDOM_ASSIGNMENTS)
    })
}

/// Result of a test for the courses of a metric, the accuracies of the same domains, and whether the
/// metric is expected to rise.
type Test<'a> = &'a dyn Fn(&[&[Option<f64>]], &[&[Option<f64>]], bool) -> pathway::ExchangeTest;

/// Results of `test` for every metric.
fn of_metrics(
    report: &Report,
    test: impl Fn(&[&[Option<f64>]], &[&[Option<f64>]], bool) -> pathway::ExchangeTest,
) -> Vec<Exchange> {
    let mut found = Vec::new();
    for group in [Group::Memorized, Group::All] {
        for metric in METRICS.iter().filter(|metric| metric.correlates) {
            let rising = match metric.better {
                Better::Higher => true,
                Better::Lower => false,
                Better::Neither => continue,
            };
            found.extend(of_metric(report, metric.id, group, rising, &test));
        }
    }
    found
}

/// Test B of one metric; `None` if no domain has its course and an accuracy.
fn of_metric(report: &Report, metric: &str, group: Group, rising: bool, test: Test<'_>) -> Option<Exchange> {
    let pair = |name: &str| -> Option<(Series, Series)> {
        let course = report.course(name, metric, group)?;
        let accuracy = report.course(name, "accuracy", Group::All)?;
        Some((in_window(report, &course.values), in_window(report, &accuracy.values)))
    };
    let pairs = report.domains.iter().filter_map(|domain| pair(&domain.name));
    let (courses, accuracies): (Vec<Series>, Vec<Series>) = pairs.take(MOST_DOMAINS + 1).unzip();
    let domains = courses.len();
    if domains == 0 {
        return None;
    }
    let exchange = Exchange { metric: metric.into(), group, domains, ..Exchange::default() };
    if domains > MOST_DOMAINS {
        let undefined = Some(format!("The test is computed for up to {MOST_DOMAINS} domains."));
        return Some(Exchange { undefined, ..exchange });
    }
    let courses: Vec<&[Option<f64>]> = courses.iter().map(|course| &course[..]).collect();
    let accuracies: Vec<&[Option<f64>]> = accuracies.iter().map(|course| &course[..]).collect();
    let found = test(&courses, &accuracies, rising);
    let undefined = match (found.statistic, found.assignments) {
        (None, _) => Some(
            "A correlation between a course and an accuracy is undefined: one is constant, or fewer than three \
             checkpoints have both."
                .to_owned(),
        ),
        (_, 0) => Some(few_domains(domains)),
        _ => None,
    };
    Some(Exchange {
        statistic: found.statistic,
        p: found.p(),
        assignments: found.assignments,
        exact: found.exact,
        undefined,
        ..exchange
    })
}

/// Why so few domains have no p.
fn few_domains(domains: usize) -> String {
    let assignments: usize = (1..=domains).product();
    let least = match assignments {
        1 => "1".to_owned(),
        more => format!("1/{more}"),
    };
    format!(
        "The test needs {} domains to fall below .05; with {domains} the smallest possible p is {least}.",
        pathway::FEWEST_EXCHANGED
    )
}
