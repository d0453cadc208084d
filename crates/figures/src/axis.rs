//! The horizontal axis: training steps, tokens, or steps on a logarithmic scale.

use report::Report;
use serde::{Deserialize, Serialize};
use wire::{Json, json};

use crate::series;

/// Steps and tokens as short labels of at most four digits. The axis's own format would choose one prefix for all labels
/// and call 100 `0k`; and it calls a billion `G`. Below a thousand they are plain numbers.
pub(crate) const SHORT: &str =
    "datum.value < 1000 ? format(datum.value, '~r') : replace(format(datum.value, '.4~s'), 'G', 'B')";

/// [`SHORT`], or all digits where four do not tell two ticks apart: on a narrow range far from 0.
const SHORT_IN_RANGE: &str = "datum.value < 1000 ? format(datum.value, '~r') : (x1 - x0) * 200 < x1 ? format(datum.value, ',') : replace(format(datum.value, '.4~s'), 'G', 'B')";

/// Values as plain numbers with grouped thousands. The axis's own format takes its precision from the distance of two
/// ticks and writes 10 as `1e+1`.
pub(crate) const PLAIN: &str = "format(datum.value, ',~r')";

/// Space between ticks of a horizontal axis.
const TICKS: &str = "ceil(width / 80)";

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
    #[must_use]
    pub fn places(self, report: &Report) -> Vec<u64> {
        let tokens = self.or_step(report) == Self::Tokens;
        report
            .checkpoints
            .iter()
            .map(|checkpoint| checkpoint.tokens.filter(|_| tokens).unwrap_or(checkpoint.step))
            .collect()
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
        let mut axis = json!({ "title": self.title(report), "labelExpr": SHORT, "tickCount": { "expr": TICKS }, "tickMinStep": 1, "labelOverlap": "greedy", "labelFlush": true });
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

/// Positions on the horizontal axis of the timeline, whole or zoomed.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    /// The first and last position shown.
    pub range: (u64, u64),
    /// The smallest position above zero on a logarithmic axis.
    constant: Option<u64>,
    title: &'static str,
}

impl Scale {
    /// The scale of an axis over a range, or over all checkpoints. Ranges are cut to the checkpoints.
    #[must_use]
    pub fn new(report: &Report, axis: Axis, range: Option<(u64, u64)>) -> Self {
        let places = axis.places(report);
        let first = places.iter().copied().min().unwrap_or(0);
        let last = places.iter().copied().max().unwrap_or(1).max(first.saturating_add(1));
        let cut = range.map(|(from, to)| (from.clamp(first, last), to.clamp(first, last)));
        let constant = (axis.or_step(report) == Axis::LogStep)
            .then(|| places.iter().copied().filter(|&place| place > 0).min().unwrap_or(1));
        Self {
            range: cut.filter(|(from, to)| from < to).unwrap_or((first, last)),
            constant,
            title: axis.title(report),
        }
    }

    /// Relative position: 0 at the start of the range, 1 at its end.
    #[must_use]
    pub fn share(&self, place: f64) -> f64 {
        let (from, to) = (self.scaled(self.range.0 as f64), self.scaled(self.range.1 as f64));
        (self.scaled(place) - from) / (to - from)
    }

    /// The position at a share of the range.
    #[must_use]
    pub fn place(&self, share: f64) -> f64 {
        let (from, to) = (self.scaled(self.range.0 as f64), self.scaled(self.range.1 as f64));
        let scaled = from + share * (to - from);
        self.constant.map_or(scaled, |constant| libm::expm1(scaled) * constant as f64)
    }

    /// Whether a position is in the range.
    pub(crate) fn shows(&self, place: u64) -> bool {
        (self.range.0..=self.range.1).contains(&place)
    }

    fn scaled(&self, place: f64) -> f64 {
        self.constant.map_or(place, |constant| libm::log1p(place / constant as f64))
    }

    /// The parameters of [`Scale::encoding`]. Pages change them without drawing the chart anew.
    pub(crate) fn params(&self, room: &str) -> Vec<Json> {
        let ((from, to), constant) = (self.range, self.constant);
        let mut params = vec![
            json!({ "name": "x0", "value": from }),
            json!({ "name": "x1", "value": to }),
            json!({ "name": "room", "expr": room }),
            // The page sets it to the index of the last checkpoint drawn.
            json!({ "name": "upto", "value": (u32::MAX) }),
        ];
        if let Some(constant) = constant {
            params.push(json!({ "name": "ticks", "value": log_ticks(from, to, constant) }));
        }
        params
    }

    /// The encoding of a field by [`Scale::params`]: the same range in every chart of a timeline.
    pub(crate) fn encoding(&self, field: &str) -> Json {
        let mut axis = json!({
            "title": self.title, "labelExpr": SHORT_IN_RANGE, "tickCount": { "expr": TICKS }, "tickMinStep": 1,
            "labelOverlap": "greedy", "labelFlush": true,
        });
        let mut scale = json!({
            "domain": [{ "expr": "x0" }, { "expr": "x1" }], "range": [0, { "expr": "width - room" }],
            "nice": false, "zero": false,
        });
        if let Some(constant) = self.constant {
            scale.set("type", "symlog");
            scale.set("constant", constant);
            axis.set("values", json!({ "expr": "ticks" }));
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
            _ => break,
        }
    }
    // A narrow range has no power of ten; its ticks are those of a linear axis.
    if ticks.len() < 3 {
        let step = nice_step(last - first);
        ticks = (first.div_ceil(step)..=last / step).map(|at| at * step).collect();
    }
    ticks
}

/// The largest of 1, 2, 5, 10, … that divides a span into at least four steps; at least 1.
fn nice_step(span: u64) -> u64 {
    let mut step = 1_u64;
    loop {
        let next = [2_u64, 5, 10]
            .map(|factor| step.saturating_mul(factor))
            .into_iter()
            .rfind(|next| span / next >= 4);
        match next {
            Some(next) if next / 10 == step => step = next,
            Some(next) => return next,
            None => return step,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logarithmic_ticks_keep_zero() {
        assert_eq!(log_ticks(0, 12_000, 25), [0, 30, 100, 300, 1000, 3000, 10_000]);
        assert_eq!(log_ticks(5000, 5001, 5000), [5000, 5001]);
        assert_eq!(log_ticks(1200, 2700, 25), [1200, 1400, 1600, 1800, 2000, 2200, 2400, 2600]);
        assert_eq!(log_ticks(0, u64::MAX, 1).len(), 21);
    }
}
