//! The values of a course and of the accuracy within the settings' window.

use super::Why;
use crate::{Report, Series};

/// Why the course has no correlation with the accuracy.
pub(super) fn reason(report: &Report, course: &Series, accuracy: &Series) -> Why {
    let window = report.settings.window;
    let inside = |step: u64| window.is_none_or(|window| (window.first..=window.last).contains(&step));
    let finite = |value: &Option<f64>| value.filter(|value| value.is_finite());
    let rows = report.steps().zip(course).zip(accuracy).filter(|&((step, _), _)| inside(step));
    let pairs: Vec<Option<(f64, f64)>> = rows.map(|((_, x), y)| finite(x).zip(finite(y))).collect();
    let known: Vec<(f64, f64)> = pairs.iter().copied().flatten().collect();
    let constant = |of: fn(&(f64, f64)) -> f64| {
        known.windows(2).all(|pair| of(&pair[0]).to_bits() == of(&pair[1]).to_bits())
    };
    if known.len() < 3 {
        Why::TooFewCheckpoints
    } else if constant(|pair| pair.1) {
        Why::AccuracyConstant
    } else if constant(|pair| pair.0) {
        Why::MetricConstant
    } else if known.len() < pairs.len() {
        Why::ValuesMissing
    } else {
        Why::NotComputed
    }
}
