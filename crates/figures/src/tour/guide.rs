//! A step of a tour, and what steps are composed from.

use report::{Domain, Report};
use serde::{Deserialize, Serialize};

use crate::verdict::said::Said;

/// One step of a tour.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TourStep {
    /// Title in a few words.
    pub title: String,
    /// What the chart shows, in one to three sentences.
    pub shows: String,
    /// What the chart does not show, in one or two sentences.
    pub limits: String,
    /// The view's name in URLs: `timeline`, `layers`, `map`, `delays`.
    pub view: String,
    /// Id of the chart, as in [`Figure::id`](crate::Figure::id); `map` for the map. Empty if the step is about no chart.
    pub chart: String,
    /// Name of the domain, for views that show one domain.
    pub domain: String,
    /// Index of the checkpoint that the step selects.
    pub checkpoint: usize,
}

/// What the steps are composed from.
#[derive(Clone, Copy)]
pub(super) struct Guide<'a> {
    pub report: &'a Report,
    pub said: Said<'a>,
    /// The domain that the steps describe in detail.
    pub lead: &'a Domain,
    /// Index of the last checkpoint.
    pub last: usize,
}

impl Guide<'_> {
    /// Index of the checkpoint with this step; the last one without it.
    pub fn checkpoint(&self, step: Option<f64>) -> usize {
        let found = step.and_then(|step| self.report.steps().position(|at| at == step as u64));
        found.unwrap_or(self.last)
    }
}

/// A text with a capital first letter and a full stop.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    format!("{first}{}.", letters.as_str())
}
