//! Courses as small SVG paths, without axes.

use std::fmt::Write;

use report::{Report, Series};

use crate::series;

/// Width and height of the box, and the margin inside it.
const BOX: (f64, f64, f64) = (120.0, 24.0, 2.0);

/// The path of a course over the training steps, in the given range or that of its values; gaps
/// break it. Empty without two values.
pub(crate) fn path(report: &Report, values: &Series, range: Option<(f64, f64)>) -> String {
    let steps: Vec<f64> = report.steps().map(|step| step as f64).collect();
    let defined = series::defined(values, steps.len());
    let range = range.or_else(|| series::extent(defined.iter().map(|&(_, value)| value)));
    let (Some((low, high)), Some((first, last)), true) =
        (range, series::extent(steps.iter().copied()), defined.len() > 1)
    else {
        return String::new();
    };
    let (width, height, margin) = BOX;
    let share = |value: f64, low: f64, high: f64| if high > low { (value - low) / (high - low) } else { 0.5 };
    let mut path = String::new();
    let mut before = None;
    for (at, value) in defined {
        let Some(&step) = steps.get(at) else { continue };
        let pen = if before.is_some_and(|before| before + 1 == at) { 'L' } else { 'M' };
        let x = margin + (width - 2.0 * margin) * share(step, first, last);
        let y = height - margin - (height - 2.0 * margin) * share(value, low, high);
        // Writing to a string does not fail.
        write!(path, "{pen}{x:.1} {y:.1}").ok();
        before = Some(at);
    }
    path
}
