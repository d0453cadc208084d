//! The horizontal axis: training steps, tokens, or steps on a logarithmic scale.

use report::Report;
use serde::{Deserialize, Serialize};
use wire::{Json, json};

use crate::series;

/// Steps and tokens as short labels. The axis's own format would choose one prefix for all labels and call 100 `0k`;
/// and it calls a billion `G`. Below a thousand they are plain numbers.
pub(crate) const SHORT: &str =
    "datum.value < 1000 ? format(datum.value, '~r') : replace(format(datum.value, '~s'), 'G', 'B')";

/// Values as plain numbers. The axis's own format takes its precision from the distance of two ticks and writes 10 as
/// `1e+1`.
pub(crate) const PLAIN: &str = "format(datum.value, '~r')";

/// Quantity on the horizontal axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Axis {
    /// Training steps.
    #[default]
    Step,
    /// Training tokens; steps if any checkpoint lacks its tokens.
    Tokens,
    /// Training steps on a symmetric logarithmic scale, which includes step 0.
    LogStep,
}

impl Axis {
    /// Whether the report has what this axis needs.
    #[must_use]
    pub fn is_available(self, report: &Report) -> bool {
        self != Self::Tokens || report.checkpoints.iter().all(|checkpoint| checkpoint.tokens.is_some())
    }

    /// This axis, or steps if the report has no tokens.
    pub(crate) fn or_step(self, report: &Report) -> Self {
        if self.is_available(report) { self } else { Self::Step }
    }

    /// Position of each checkpoint, `[C]`.
    pub(crate) fn places(self, report: &Report) -> Vec<u64> {
        let tokens = self.or_step(report) == Self::Tokens;
        report
            .checkpoints
            .iter()
            .map(|checkpoint| checkpoint.tokens.filter(|_| tokens).unwrap_or(checkpoint.step))
            .collect()
    }

    /// Relative position on the axis, from 0 to 1.
    pub(crate) fn fraction(self, report: &Report, place: u64) -> f64 {
        let places = self.places(report);
        let first = places.iter().copied().min().unwrap_or(0) as f64;
        let last = places.iter().copied().max().unwrap_or(0) as f64;
        let smallest = places.iter().copied().filter(|&place| place > 0).min().unwrap_or(1) as f64;
        let scaled = |place: f64| if self == Self::LogStep { libm::log1p(place / smallest) } else { place };
        let span = scaled(last) - scaled(first);
        if span > 0.0 { (scaled(place as f64) - scaled(first)) / span } else { 0.0 }
    }

    /// The axis title.
    pub(crate) fn title(self, report: &Report) -> &'static str {
        match self.or_step(report) {
            Self::Tokens => "Training tokens",
            Self::Step => "Training step",
            Self::LogStep => "Training step (logarithmic)",
        }
    }

    /// The encoding of the field `x`: the same range in every figure of a report.
    pub(crate) fn encoding(self, report: &Report, field: &str) -> Json {
        let places = self.places(report);
        let first = places.iter().copied().min().unwrap_or(0);
        let last = places.iter().copied().max().unwrap_or(1);
        let last = if last > first { last } else { first.saturating_add(1) };
        let mut axis = json!({ "title": self.title(report), "labelExpr": SHORT, "tickCount": { "expr": "ceil(width / 80)" }, "tickMinStep": 1, "labelOverlap": "greedy", "labelFlush": true });
        let mut scale = json!({ "domain": [first, last], "nice": false, "zero": false });
        if self.or_step(report) == Self::LogStep {
            let smallest = places.iter().copied().filter(|&place| place > 0).min().unwrap_or(1);
            scale.set("type", "symlog");
            scale.set("constant", smallest);
            axis.set("values", log_ticks(first, last, smallest));
        }
        json!({ "field": field, "type": "quantitative", "scale": scale, "axis": axis })
    }
}

/// Zero if it is in range, then powers of ten, with halves or thirds if there is room.
fn log_ticks(first: u64, last: u64, smallest: u64) -> Vec<u64> {
    let mut ticks = Vec::new();
    if first == 0 {
        ticks.push(0);
    }
    let decades = series::extent([smallest as f64, last as f64])
        .map_or(0.0, |(low, high)| libm::log10(high / low.max(1.0)));
    let factors: &[u64] = if decades > 4.0 { &[1] } else { &[1, 3] };
    let mut power: u64 = 1;
    loop {
        ticks.extend(
            factors
                .iter()
                .filter_map(|factor| power.checked_mul(*factor))
                .filter(|tick| (first.max(smallest)..=last).contains(tick)),
        );
        match power.checked_mul(10) {
            Some(next) if next <= last => power = next,
            _ => return ticks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithmic_ticks_keep_zero() {
        assert_eq!(log_ticks(0, 12_000, 25), [0, 30, 100, 300, 1000, 3000, 10_000]);
        assert_eq!(log_ticks(5000, 5001, 5000), Vec::<u64>::new());
        assert_eq!(log_ticks(0, u64::MAX, 1).len(), 21);
    }
}
