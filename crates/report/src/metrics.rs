//! Metrics, the quantities that have a figure at each checkpoint. `definition` says what a metric's row
//! states; `table` has one row per metric.
//!
//! [`Report::check`](crate::Report::check), JSON, CSV, tables, charts, correlations, links and the
//! schema document iterate over the table. A new metric is a function in `pathway`, a row in a file
//! of `table` and a section in `docs/metrics.md`; the analysis provides its values in `analysis/compose`.

mod definition;
mod derived;
mod table;

pub use definition::{
    Band, Better, Bounds, Layers, LinkPrecision, Metric, MetricUnit, Need, SE_FEWER_BITS, Scale, Scope, Shown,
};
pub use table::METRICS;

use crate::model::{Course, Report};

/// The row of [`METRICS`] with that id.
#[must_use]
pub fn metric(id: &str) -> Option<&'static Metric> {
    METRICS.iter().find(|metric| metric.id == id)
}

impl Report {
    /// Sorts the courses by domain, metric (in the order of [`METRICS`]), group, layer, threshold,
    /// memorization step and second domain. Distances between two domains come last.
    pub fn sort_courses(&mut self) {
        let domain_at =
            |name: &str| self.domains.iter().position(|domain| domain.name == name).unwrap_or(usize::MAX);
        let metric_at = |id: &str| METRICS.iter().position(|metric| metric.id == id).unwrap_or(usize::MAX);
        self.courses.sort_by_cached_key(|course| {
            (
                course.other_domain.is_some(),
                domain_at(&course.domain),
                course.other_domain.as_deref().map(domain_at),
                metric_at(&course.metric),
                course.group,
                // Positive numbers have the order of their bits.
                (course.layer, course.tau.map(f64::to_bits), course.t_star),
            )
        });
    }
}

impl Course {
    /// The row of [`METRICS`]; `None` for a metric that this version does not know.
    #[must_use]
    pub fn definition(&self) -> Option<&'static Metric> {
        metric(&self.metric)
    }
}
