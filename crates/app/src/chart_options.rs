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

/// Number of charts of the Timeline that a presentation has room for.
pub fn presented_charts(app: App) -> usize {
    if app.height.get() < 1000 || app.tour.get().is_some() { 2 } else { 4 }
}

/// Height of the plots of the Timeline: the charts at the top end above the fold, and those of a
/// presentation fill the window.
fn plot_height(app: App) -> u32 {
    let height = app.height.get();
    if app.presenting.get() {
        let rows = presented_charts(app) as u32 / 2;
        // The panel of the tour takes a part of the window.
        let taken = if app.tour.get().is_some() { 330 } else { 150 };
        (height.saturating_sub(taken) / rows).saturating_sub(if rows > 1 { 185 } else { 220 })
    } else if app.embedded.get() {
        // The host may follow the page's height, which must not depend on that of its frame.
        240
    } else {
        height.saturating_sub(600).clamp(150, 300)
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
        height: Some(plot_height(app)),
    }
}
