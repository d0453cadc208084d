//! How charts look now: what the page's facts ask of the figures.

use figures::{ExpertOrder, Figure, LayerMeasure};
use leptos::prelude::*;
use report::Report;

use crate::state::{App, Axis};

/// The ground that charts stand on.
pub fn theme(app: App) -> figures::Theme {
    if app.dark.get() { figures::Theme::Dark } else { figures::Theme::Light }
}

/// The horizontal axis.
pub fn axis(axis: Axis) -> figures::Axis {
    match axis {
        Axis::Steps => figures::Axis::Step,
        Axis::Tokens => figures::Axis::Tokens,
        Axis::Log => figures::Axis::LogStep,
    }
}

/// What a chart of one domain is asked to look like.
pub fn chart(app: App) -> figures::ChartOptions {
    figures::ChartOptions {
        axis: axis(app.axis.get()),
        theme: theme(app),
        group: app.group.get(),
        present: app.presenting.get(),
        width: None,
    }
}

/// The charts of the Timeline.
pub fn timeline(app: App, report: &Report) -> Vec<Figure> {
    let options = figures::TimelineOptions {
        axis: axis(app.axis.get()),
        theme: theme(app),
        group: app.group.get(),
        hidden: app.hidden.get().into_iter().collect(),
        present: app.presenting.get(),
        width: None,
    };
    figures::timeline(report, &options)
}

/// Distances at the other thresholds, of the domain on show, in as many rows as the width asks for.
pub fn sweep(app: App, report: &Report, width: Option<u32>) -> Option<Figure> {
    figures::sweep(report, &app.domain.get(), &figures::ChartOptions { width, ..chart(app) })
}

/// Layers against checkpoints, of the domain on show.
pub fn layers(app: App, report: &Report, measure: LayerMeasure) -> Option<Figure> {
    figures::layers(report, &app.domain.get(), measure, &chart(app))
}

/// The experts of the cell on show.
pub fn experts(app: App, report: &Report, order: ExpertOrder) -> Option<Figure> {
    figures::experts(report, &app.domain.get(), app.checkpoint.get(), app.layer.get(), order, &chart(app))
}

/// The strongest co-activations of the layer on show.
pub fn coactivation(app: App, report: &Report) -> Option<Figure> {
    figures::coactivation(report, &app.domain.get(), app.layer.get(), &chart(app))
}

/// The delays of the domain on show.
pub fn delays(app: App, report: &Report) -> Vec<Figure> {
    figures::delays(report, &app.domain.get(), &chart(app))
}
