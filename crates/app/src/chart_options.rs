//! Chart options from the page's state.

use leptos::prelude::*;

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

/// Options of the Timeline.
pub fn timeline(app: App) -> figures::TimelineOptions {
    figures::TimelineOptions {
        axis: axis(app.axis.get()),
        theme: theme(app),
        group: app.group.get(),
        hidden: app.hidden.get().into_iter().collect(),
        present: app.presenting.get(),
        width: None,
        range: app.range.get(),
        smooth: app.smooth.get(),
        log: app.log.get(),
    }
}
