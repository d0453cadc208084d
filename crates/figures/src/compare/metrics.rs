//! The metrics that two runs can be compared by, and the values of one of them.

use report::{Band, Course, Group, METRICS, Metric, Report, Shown, WHOLE_RUN};

use super::{COMPARED, names};
use crate::{lines::WHOLE_RUN_NAME, series};

/// Whose values a chart shows: the domains of both runs, or the whole runs.
pub(super) struct Place<'a> {
    /// Index of colour and marker.
    pub index: usize,
    /// [`Course::domain`].
    pub domain: &'a str,
    /// Name in charts and tables.
    pub name: &'a str,
}

/// The places of a metric that are not hidden.
pub(super) fn places<'a>(runs: [&'a Report; 2], metric: &Metric, hidden: &[String]) -> Vec<Place<'a>> {
    let domains = names(runs);
    if metric.scope.whole_run {
        return vec![Place { index: domains.len(), domain: WHOLE_RUN, name: WHOLE_RUN_NAME }];
    }
    let domains = domains.into_iter().enumerate().filter(|(_, name)| !hidden.iter().any(|own| own == name));
    domains.map(|(index, name)| Place { index, domain: name, name }).collect()
}

/// The group whose values a metric has.
pub(super) fn group_of(metric: &Metric, group: Group) -> Group {
    if metric.scope.groups { group } else { Group::All }
}

/// The course of a metric over all layers.
pub(super) fn course<'a>(
    report: &'a Report,
    domain: &str,
    metric: &Metric,
    group: Group,
) -> Option<&'a Course> {
    report.course(domain, metric.id, group_of(metric, group))
}

/// The metrics with values over all layers, in the order of [`METRICS`].
///
/// Half widths and quartiles are no metrics of their own here.
pub(super) struct Offered {
    /// Metrics of both runs.
    pub both: Vec<&'static Metric>,
    /// Metrics of one run only: of A, of B.
    only: [Vec<&'static str>; 2],
}

impl Offered {
    pub fn of(runs: [&Report; 2], group: Group) -> Self {
        let is_bound = |id: &str| {
            METRICS.iter().any(|metric| match metric.band {
                Band::None => false,
                Band::HalfWidth(half) => half == id,
                Band::Quartiles(low, high) => low == id || high == id,
            })
        };
        let mut found = Self { both: Vec::new(), only: [Vec::new(), Vec::new()] };
        for metric in METRICS.iter().filter(|metric| !is_bound(metric.id)) {
            let has = |report: &Report| {
                let courses = places(runs, metric, &[]).into_iter();
                courses
                    .filter_map(|place| course(report, place.domain, metric, group))
                    .any(|course| !series::defined(&course.values, report.checkpoints.len()).is_empty())
            };
            match runs.map(has) {
                [true, true] => found.both.push(metric),
                [true, false] => found.only[0].push(metric.name),
                [false, true] => found.only[1].push(metric.name),
                [false, false] => {}
            }
        }
        found
    }

    /// The requested metric. If the runs do not have it, the first one of the Timeline that is not in the other charts.
    pub fn chosen(&self, id: Option<&str>) -> Option<&'static Metric> {
        let first = |is_fit: fn(&Metric) -> bool| self.both.iter().copied().find(|metric| is_fit(metric));
        let is_further = |metric: &Metric| !COMPARED.contains(&metric.id);
        self.both
            .iter()
            .copied()
            .find(|metric| Some(metric.id) == id)
            .or_else(|| {
                first(|metric| {
                    matches!(metric.shown, Shown::Chart | Shown::Timeline) && !COMPARED.contains(&metric.id)
                })
            })
            .or_else(|| first(is_further))
            .or_else(|| self.both.first().copied())
    }

    /// Which metrics only one run has, as a sentence.
    pub fn missing(&self) -> Option<String> {
        let [a, b] = &self.only;
        let parts: Vec<String> = [("A", a), ("B", b)]
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(run, names)| format!("only {run} has {}", names.join("; ")))
            .collect();
        (!parts.is_empty()).then(|| format!("Metrics of one run are not offered: {}.", parts.join(", and ")))
    }
}
