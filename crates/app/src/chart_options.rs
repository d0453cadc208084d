//! Chart options from the page's state, and the figures drawn with them.

use figures::{ExpertOrder, Figure, LayerMeasure};
use leptos::prelude::*;
use report::Report;

use crate::state::{App, Axis};

/// Light or dark charts.
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

/// Options of a chart of one domain.
pub fn domain_chart(app: App) -> figures::ChartOptions {
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

/// The tau sweep of the current domain, wrapped into rows by the width.
pub fn sweep(app: App, report: &Report, width: Option<u32>) -> Option<Figure> {
    figures::sweep(report, &app.domain.get(), &figures::ChartOptions { width, ..domain_chart(app) })
}

/// A metric of the current domain by layer and checkpoint.
pub fn layers(app: App, report: &Report, measure: LayerMeasure) -> Option<Figure> {
    figures::layers(report, &app.domain.get(), measure, &domain_chart(app))
}

/// The experts of the selected cell.
pub fn experts(app: App, report: &Report, order: ExpertOrder) -> Option<Figure> {
    figures::experts(
        report,
        &app.domain.get(),
        app.checkpoint.get(),
        app.layer.get(),
        order,
        &domain_chart(app),
    )
}

/// The strongest co-activations of the current layer.
pub fn coactivation(app: App, report: &Report) -> Option<Figure> {
    figures::coactivation(report, &app.domain.get(), app.layer.get(), &domain_chart(app))
}

/// The delays of the current domain.
pub fn delays(app: App, report: &Report) -> Vec<Figure> {
    figures::delays(report, &app.domain.get(), &domain_chart(app))
}
