//! Phase of a domain by a sequential test of its distance (docs/metrics.md#state-of-a-domain).

use crate::student::t_quantile;

/// Probability per domain, as far as the choice of samples goes, that an unchanged distance is ever
/// called fallen; likewise for risen.
const ALPHA: f64 = 0.05;

/// Phase of a domain's training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Less than a fifth of the samples are declared memorized.
    #[default]
    Learning,
    /// A fifth or more are, and their distance has not changed.
    Memorized,
    /// The distance of the memorized samples has fallen.
    Structuring,
    /// The distance of the memorized samples has risen.
    Diverging,
}

/// Distance of the same samples at two checkpoints: later over earlier, minus 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SharedChange {
    /// Number of samples.
    pub samples: usize,
    /// Ratio of the mean distances minus 1.
    pub change: f64,
    /// Its standard error over the choice of samples.
    pub se: f64,
}

/// One test of the distance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// Number of the look `k`, from 1.
    pub number: u64,
    /// Level of the one-sided bounds, `alpha 6 / (pi² k²)`; the levels of all looks sum to `alpha`.
    pub level: f64,
    /// The change; `None` if it is undefined or not yet measured.
    pub change: Option<SharedChange>,
    /// Lower one-sided bound of the change.
    pub lower: Option<f64>,
    /// Upper one-sided bound of the change.
    pub upper: Option<f64>,
}

impl Look {
    /// Look number `number` at a change.
    #[must_use]
    pub fn new(number: u64, change: Option<SharedChange>) -> Self {
        let k = number as f64;
        let level = ALPHA * 6.0 / (core::f64::consts::PI * core::f64::consts::PI * k * k);
        let half = |of: &SharedChange| {
            let half = t_quantile(of.samples.checked_sub(1)? as u64, level)? * of.se;
            half.is_finite().then_some(half)
        };
        let half = change.as_ref().and_then(half);
        let bound = |sign: f64| Some(change?.change + sign * half?);
        Self { number, level, change, lower: bound(-1.0), upper: bound(1.0) }
    }
}

/// Phase of a domain over the checkpoints, from one after the other.
///
/// An alarm is a bound on the same side of 0 at two checkpoints in a row: an upper bound below 0
/// makes the domain structuring, a lower bound above 0 diverging. It holds until the other alarm.
#[derive(Clone, Copy, Debug, Default)]
pub struct PhaseFold {
    phase: Phase,
    looks: u64,
    /// Whether the last checkpoint's bounds were below or above 0.
    below: bool,
    above: bool,
}

impl PhaseFold {
    /// Adds the next checkpoint. `enough` tells whether a fifth of the samples are declared;
    /// `tested` is the change where the distance is tested. A test takes its level even if the
    /// change is undefined.
    pub fn push(&mut self, enough: bool, tested: Option<Option<SharedChange>>) -> (Phase, Option<Look>) {
        if enough && self.phase == Phase::Learning {
            self.phase = Phase::Memorized;
        }
        let look = tested.map(|change| {
            self.looks += 1;
            Look::new(self.looks, change)
        });
        let below = look.and_then(|look| look.upper).is_some_and(|upper| upper < 0.0);
        let above = look.and_then(|look| look.lower).is_some_and(|lower| lower > 0.0);
        if below && self.below {
            self.phase = Phase::Structuring;
        }
        if above && self.above {
            self.phase = Phase::Diverging;
        }
        (self.below, self.above) = (below, above);
        (self.phase, look)
    }
}
