//! Relation of a domain's courses to its accuracy (docs/metrics.md#does-it-follow-accuracy).

use crate::{
    metrics::{Better, METRICS, metric},
    model::{Correlation, Group, Report, Series},
};

/// Significance level of every test.
pub const LEVEL: f64 = 0.05;

/// Whether the permutation p of checkpoints is computed: the most expensive figure of a report, and
/// no evidence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointPermutations {
    /// The p is computed.
    Tried,
    /// The p is not computed; its fields are `None`.
    Skipped,
}

/// Courses of a domain and its accuracy at the checkpoints of the settings' window.
pub(crate) struct Related {
    /// Metric, group and values of each course.
    courses: Vec<(&'static str, Group, Series)>,
    /// Accuracy.
    pub accuracy: Series,
    /// Clock; `None` without two different steps.
    pub clock: Option<Vec<f64>>,
}

impl Related {
    /// Courses of the memorized samples come first, then those of all samples, in the order of
    /// [`METRICS`]; `None` without accuracy.
    fn of(report: &Report, domain: &str) -> Option<Self> {
        let accuracy = in_window(report, &report.course(domain, "accuracy", Group::All)?.values);
        let mut courses = Vec::new();
        for group in [Group::Memorized, Group::All] {
            for metric in METRICS.iter().filter(|metric| metric.correlates) {
                if let Some(course) = report.course(domain, metric.id, group) {
                    courses.push((metric.id, group, in_window(report, &course.values)));
                }
            }
        }
        let steps: Vec<u64> = report.steps().filter(|&step| is_in_window(report, step)).collect();
        Some(Self { courses, accuracy, clock: pathway::clock(&steps) })
    }

    /// Values of each course.
    pub fn values(&self) -> impl Iterator<Item = &[Option<f64>]> {
        self.courses.iter().map(|(_, _, values)| &values[..])
    }
}

/// Coefficients and tests of one course against accuracy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Relation {
    /// Coefficients.
    pub correlation: pathway::CorrelationResult,
    /// Tests A and A'.
    pub increments: pathway::IncrementTest,
}

fn is_in_window(report: &Report, step: u64) -> bool {
    report.settings.window.is_none_or(|window| (window.first..=window.last).contains(&step))
}

/// Values at the checkpoints of the settings' window.
pub(crate) fn in_window(report: &Report, values: &[Option<f64>]) -> Series {
    let steps = report.steps().zip(values);
    steps.filter(|&(step, _)| is_in_window(report, step)).map(|(_, value)| *value).collect()
}

impl Relation {
    /// Relations of several courses to one accuracy.
    pub fn of_all(
        courses: &[&[Option<f64>]],
        related: &Related,
        seed: u64,
        permutations: CheckpointPermutations,
    ) -> Vec<Self> {
        let accuracy = &related.accuracy;
        let correlations = match permutations {
            CheckpointPermutations::Tried => {
                pathway::correlate_all(courses, accuracy, pathway::RANDOM_ORDERS, seed)
            }
            CheckpointPermutations::Skipped => {
                courses.iter().map(|course| pathway::coefficients(course, accuracy)).collect()
            }
        };
        let draws = pathway::RANDOM_INCREMENT_ORDERS;
        let increments = pathway::test_increments(courses, accuracy, related.clock.as_deref(), draws, seed);
        let both = correlations.into_iter().zip(increments);
        both.map(|(correlation, increments)| Self { correlation, increments }).collect()
    }

    /// [`Relation::of_all`] without any p: no order is tried.
    fn observed(related: &Related) -> Vec<Self> {
        let (accuracy, draws) = (&related.accuracy, pathway::RANDOM_INCREMENT_ORDERS);
        let courses: Vec<&[Option<f64>]> = related.values().collect();
        let increments = pathway::observe_increments(&courses, accuracy, related.clock.as_deref(), draws);
        let both = courses.iter().zip(increments);
        both.map(|(course, increments)| Self {
            correlation: pathway::coefficients(course, accuracy),
            increments,
        })
        .collect()
    }
}

/// Relates the courses of a domain to its accuracy, over the checkpoints of the settings' window;
/// empty without accuracy. Courses of the memorized samples come first, then those of all samples,
/// in the order of [`METRICS`].
#[must_use]
pub fn correlations(report: &Report, domain: &str, permutations: CheckpointPermutations) -> Vec<Correlation> {
    correlations_by(report, domain, |related| {
        let courses: Vec<&[Option<f64>]> = related.values().collect();
        Relation::of_all(&courses, related, report.settings.seed, permutations)
    })
}

/// [`correlations`] without any p: no order is tried.
#[must_use]
pub fn coefficients(report: &Report, domain: &str) -> Vec<Correlation> {
    correlations_by(report, domain, Relation::observed)
}

/// [`correlations`] with figures from `relate`, which returns one result per course. The analysis
/// uses it to look up cached results.
pub(crate) fn correlations_by(
    report: &Report,
    domain: &str,
    relate: impl FnOnce(&Related) -> Vec<Relation>,
) -> Vec<Correlation> {
    let Some(related) = Related::of(report, domain) else { return Vec::new() };
    let found = relate(&related);
    let results = related.courses.iter().zip(found);
    results
        .map(|((metric, group, _), Relation { correlation, increments })| Correlation {
            metric: (*metric).into(),
            group: *group,
            n: increments.n,
            pearson: correlation.pearson,
            spearman: correlation.spearman,
            undefined: correlation.undefined.map(|reason| reason.to_string()),
            increments_r: increments.r,
            increments_p: increments.p(),
            increments_clock_p: increments.clock_p(),
            increments_orders: increments.orders,
            increments_exact: increments.exact,
            increments_undefined: increments.undefined.map(|reason| reason.to_string()),
            partial: increments.partial,
            checkpoint_permutation_p: correlation.pearson_p,
            checkpoint_permutation_p_spearman: correlation.spearman_p,
            checkpoint_permutation_orders: correlation.orders,
            checkpoint_permutation_exact: correlation.exact,
        })
        .collect()
}

/// Pearson's r of the clock with a domain's accuracy, over the checkpoints of the settings' window
/// at which it is known.
#[must_use]
pub fn clock(report: &Report, domain: &str) -> Option<f64> {
    let related = Related::of(report, domain)?;
    let clock: Series = related.clock?.into_iter().map(Some).collect();
    pathway::pearson(&clock, &related.accuracy)
}

/// Whether a course follows accuracy: its coefficient has the sign that the metric is expected to
/// have, and both tests of increments reject chance.
///
/// `None` if a test is undefined or the metric has no expected direction.
#[must_use]
pub fn follows(found: &Correlation) -> Option<bool> {
    let sign = match metric(&found.metric)?.better {
        Better::Higher => 1.0,
        Better::Lower => -1.0,
        Better::Neither => return None,
    };
    let (r, p, clock_p) = (found.increments_r?, found.increments_p?, found.increments_clock_p?);
    Some(r * sign > 0.0 && p < LEVEL && clock_p < LEVEL)
}
