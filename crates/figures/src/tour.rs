//! A tour of a report: up to six steps, each with a view, a checkpoint, a chart, and sentences that say what the chart
//! shows and what it does not show. Every number in them is a figure of the report.

mod guide;
mod limits;
mod routing;
mod training;

use report::{ClaimKind, Domain, Report};
use serde::{Deserialize, Serialize};

use self::guide::Guide;
pub use self::guide::TourStep;
use crate::verdict::said::Said;

/// A tour of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tour {
    /// The steps in order; at most six.
    pub steps: Vec<TourStep>,
    /// Which steps are left out and why, in a sentence; empty without any.
    pub left_out: String,
}

/// The tour of a report. The step on the map needs the run's traces; without them, a step on consistency takes its place.
///
/// Steps whose figures the report lacks are left out.
#[must_use]
pub fn tour(report: &Report, has_traces: bool) -> Tour {
    let said = Said::of(report);
    let (Some(lead), Some(last)) = (lead(report, said), report.checkpoints.len().checked_sub(1)) else {
        let left_out = "There is no tour: the report has no checkpoints or no domains.".into();
        return Tour { steps: Vec::new(), left_out };
    };
    let guide = Guide { report, said, lead, last };
    let map = has_traces.then(|| routing::map(guide)).flatten();
    let candidates = [
        ("the memorized share", training::memorized(guide)),
        ("accuracy", training::accuracy(guide)),
        ("pathway distance", routing::distance(guide)),
        ("layers", routing::layers(guide)),
        ("map and consistency", map.or_else(|| training::consistency(guide))),
        ("what the report does not prove", Some(limits::limits(guide))),
    ];
    let mut tour = Tour::default();
    let mut missing = Vec::new();
    for (name, step) in candidates {
        match step {
            Some(step) => tour.steps.push(step),
            None => missing.push(name),
        }
    }
    if !missing.is_empty() {
        let names = crate::verdict::said::enumerated(&missing);
        tour.left_out = format!("Left out, because the report lacks their figures: {names}.");
    }
    tour
}

/// The first domain whose items are clearly generalized after its samples are memorized, else the first one with
/// memorized samples, else the first one.
fn lead<'a>(report: &'a Report, said: Said<'a>) -> Option<&'a Domain> {
    let holding = |kind: ClaimKind| {
        report
            .domains
            .iter()
            .find(|domain| said.of_domain(kind, &domain.name).is_some_and(|claim| claim.holds == Some(true)))
    };
    holding(ClaimKind::GeneralizedAfter)
        .or_else(|| holding(ClaimKind::Memorized))
        .or_else(|| report.domains.first())
}
