//! Figures that several claims read from a report.

use crate::Report;

/// Training step of a checkpoint, as a figure.
pub(super) fn step(report: &Report, checkpoint: usize) -> Option<f64> {
    report.checkpoints.get(checkpoint).map(|at| at.step as f64)
}

/// Checkpoints and values of a course where it is defined.
pub(super) fn defined(report: &Report, values: &[Option<f64>]) -> Vec<(usize, f64)> {
    let values = values.iter().take(report.checkpoints.len()).enumerate();
    values.filter_map(|(at, value)| Some((at, value.filter(|value| value.is_finite())?))).collect()
}
