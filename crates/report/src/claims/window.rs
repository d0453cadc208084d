//! Why a course has no correlation with accuracy.

use crate::{Report, Why, derive::in_window};

/// The reason, from the values within the settings' window.
pub(super) fn reason(report: &Report, course: &[Option<f64>], accuracy: &[Option<f64>]) -> Why {
    let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
    let (course, accuracy) = (in_window(report, course), in_window(report, accuracy));
    let both = course.iter().zip(&accuracy).map(|(x, y)| finite(*x).zip(finite(*y)));
    let known: Vec<(f64, f64)> = both.flatten().collect();
    let constant = |of: fn(&(f64, f64)) -> f64| {
        known.windows(2).all(|pair| of(&pair[0]).to_bits() == of(&pair[1]).to_bits())
    };
    if known.len() < 3 {
        Why::TooFewCheckpoints
    } else if constant(|pair| pair.1) {
        Why::AccuracyConstant
    } else if constant(|pair| pair.0) {
        Why::MetricConstant
    } else if known.len() < course.len() {
        Why::ValuesMissing
    } else {
        Why::NotComputed
    }
}
