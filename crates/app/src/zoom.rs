//! The part of the horizontal axis that the Timeline shows.

use figures::Scale;
use leptos::prelude::*;
use report::Report;

use crate::chart_options;
use crate::state::{App, Axis};

/// The axis as shown; `None` without a report.
pub fn shown(app: App) -> Option<Scale> {
    let (axis, range) = (chart_options::axis(app.axis.get()), app.range.get());
    app.with_report(|report| Scale::new(report, axis, range))
}

/// The axis over all checkpoints; `None` without a report.
pub fn whole(app: App) -> Option<Scale> {
    let axis = chart_options::axis(app.axis.get());
    app.with_report(|report| Scale::new(report, axis, None))
}

/// Shows the part of a scale between two shares of its range.
pub fn part(app: App, scale: Option<Scale>, from: f64, to: f64) {
    let (Some(scale), Some(whole)) = (scale, untrack(|| whole(app))) else { return };
    let place = |share: f64| scale.place(share).round().max(0.0) as u64;
    let (first, last) = whole.range;
    let (from, to) = (place(from).max(first), place(to).min(last));
    if from < to {
        app.range.set(((from, to) != (first, last)).then_some((from, to)));
    }
}

/// Zooms by a factor about a share of the axis as shown; factors above 1 show more.
pub fn about(app: App, factor: f64, share: f64) {
    part(app, untrack(|| shown(app)), share * (1.0 - factor), share + (1.0 - share) * factor);
}

/// Zooms about the selected checkpoint.
pub fn about_checkpoint(app: App, factor: f64) {
    let share = untrack(|| {
        let scale = shown(app)?;
        let axis = chart_options::axis(app.axis.get());
        let place = app.with_report(|report| axis.places(report).get(app.checkpoint.get()).copied())??;
        Some(scale.share(place as f64)).filter(|share| (0.0..=1.0).contains(share))
    });
    about(app, factor, share.unwrap_or(0.5));
}

/// Selects the axis. A range keeps its checkpoints.
pub fn set_axis(app: App, axis: Axis) {
    let places = |report: &Report, axis| chart_options::axis(axis).places(report);
    if let Some(range) = app.range.get_untracked() {
        let range = untrack(|| {
            app.with_report(|report| {
                let (before, after) = (places(report, app.axis.get()), places(report, axis));
                if before == after {
                    return Some(range);
                }
                let nearest = |place: u64| {
                    let pairs = before.iter().zip(&after);
                    pairs.min_by_key(|(other, _)| other.abs_diff(place)).map(|(_, after)| *after)
                };
                nearest(range.0).zip(nearest(range.1)).filter(|(from, to)| from < to)
            })
        });
        app.range.set(range.flatten());
    }
    app.axis.set(axis);
}
