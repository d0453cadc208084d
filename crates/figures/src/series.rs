//! Reading a report's series without trusting their lengths.

use report::Series;

/// The value at a checkpoint if it exists and is finite.
pub(crate) fn at(series: &Series, checkpoint: usize) -> Option<f64> {
    series.get(checkpoint).copied().flatten().filter(|value| value.is_finite())
}

/// Checkpoints and values of a series, up to the number of checkpoints.
pub(crate) fn defined(series: &Series, checkpoints: usize) -> Vec<(usize, f64)> {
    (0..checkpoints).filter_map(|index| Some((index, at(series, index)?))).collect()
}

/// Smallest and largest value.
pub(crate) fn extent(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    values.into_iter().filter(|value| value.is_finite()).fold(None, |extent, value| match extent {
        None => Some((value, value)),
        Some((low, high)) => Some((low.min(value), high.max(value))),
    })
}

/// An extent with a margin above and below, so that no line touches the frame.
pub(crate) fn padded((low, high): (f64, f64)) -> (f64, f64) {
    let span = high - low;
    let room = if span > 0.0 && span.is_finite() { span * 0.06 } else { (low.abs() * 0.05).max(0.05) };
    let padded = (low - room, high + room);
    if padded.0.is_finite() && padded.1.is_finite() { padded } else { (low, high) }
}

/// A value if it is finite.
pub(crate) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

/// An extent of positive values with a margin on a logarithmic scale.
pub(crate) fn padded_log((low, high): (f64, f64)) -> (f64, f64) {
    let room = libm::pow(high / low, 0.06).max(1.02);
    (low / room, high * room)
}

/// Relative position of a value in an extent.
pub(crate) fn share(value: f64, (low, high): (f64, f64), log: bool) -> f64 {
    if log { libm::log(value / low) / libm::log(high / low) } else { (value - low) / (high - low) }
}
