//! The tour of a report: which step is open, and what the page shows for it.

use figures::TourStep;
use leptos::prelude::*;
use wasm_bindgen::prelude::*;

use crate::state::{App, View};

#[wasm_bindgen(module = "/src/tour.js")]
extern "C" {
    /// Outlines a chart and scrolls it into view; an empty id removes the outline.
    fn mark(chart: &str);
}

/// Whether the tour is open, untracked.
pub fn is_open(app: App) -> bool {
    app.tour.with_untracked(Option::is_some)
}

/// Opens the tour of a complete report, or closes it.
pub fn toggle(app: App) {
    if is_open(app) {
        close(app);
    } else if app.complete.get_untracked() {
        app.tour.set(Some(0));
    }
}

/// Closes the tour.
pub fn close(app: App) {
    app.tour.set(None);
    app.tour_steps.set(None);
    unmark();
}

/// Removes the outline, also if the page lost the report and with it the tour.
pub fn unmark() {
    mark("");
}

/// Opens the next or previous step, if there is one.
pub fn turn(app: App, forward: bool) {
    let last = steps(app).saturating_sub(1);
    app.tour.update(|at| {
        *at = at.map(|at| if forward { (at + 1).min(last) } else { at.saturating_sub(1) });
    });
}

/// Number of steps, untracked.
fn steps(app: App) -> usize {
    app.tour_steps.with_untracked(|drawn| drawn.as_ref().map_or(0, |drawn| drawn.tour.steps.len()))
}

/// The step at an offset from the open one, tracked.
pub fn step(app: App, offset: usize) -> Option<TourStep> {
    let at = app.tour.get()? + offset;
    app.tour_steps.with(|drawn| drawn.as_ref()?.tour.steps.get(at).cloned())
}

/// Id of the chart that the open step is about, if it is on the Timeline.
pub fn timeline_chart(app: App) -> Option<String> {
    step(app, 0).filter(|step| step.view == View::Timeline.slug()).map(|step| step.chart)
}

/// Switches view, checkpoint and domain to those of a step, and outlines its chart.
pub fn show(app: App, step: &TourStep) {
    app.range.set(None);
    app.playing.set(false);
    if app.domain.with_untracked(|domain| *domain != step.domain) {
        app.domain.set(step.domain.clone());
    }
    app.checkpoint.set(step.checkpoint);
    if let Some(view) = View::from_slug(&step.view).filter(|view| *view != app.view.get_untracked()) {
        app.view.set(view);
    }
    mark(&step.chart);
}
