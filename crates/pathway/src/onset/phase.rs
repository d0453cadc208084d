//! Phase of a domain by a sequential test of its distance (docs/metrics.md#state-of-a-domain).

use crate::{change::DistanceChange, student::t_quantile};

/// Probability per domain, as far as the choice of samples goes, that an unchanged distance is ever
/// called fallen; likewise for risen.
pub const FALSE_ALARM_RATE: f64 = 0.05;

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

/// One test of the distance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// Number of the look `k`, from 1.
    pub number: u64,
    /// Level of the one-sided bounds; the levels of all looks sum to `alpha`.
    pub level: f64,
    /// Distance of the samples declared so far, now over at the reference; `None` if it is undefined
    /// or not yet measured.
    pub change: Option<DistanceChange>,
    /// Lower one-sided bound of the ratio minus 1.
    pub lower: Option<f64>,
    /// Upper one-sided bound of the ratio minus 1.
    pub upper: Option<f64>,
}

impl Look {
    /// Level of the look number `number`: `alpha 6 / (pi² k²)`.
    #[must_use]
    pub fn level_of(number: u64) -> f64 {
        let k = number as f64;
        FALSE_ALARM_RATE * 6.0 / (core::f64::consts::PI * core::f64::consts::PI * k * k)
    }

    /// Look number `number` at a change.
    #[must_use]
    pub fn new(number: u64, change: Option<DistanceChange>) -> Self {
        let level = Self::level_of(number);
        let bounds = change.and_then(|of| one_sided(of.ratio - 1.0, of.se, of.samples, level));
        let (lower, upper) = bounds.unzip();
        Self { number, level, change, lower, upper }
    }
}

/// Lower and upper one-sided bound of an estimate at a level (docs/metrics.md#state-of-a-domain), by
/// the t distribution with `samples - 1` degrees of freedom; `None` if they are not finite.
#[must_use]
pub fn one_sided(estimate: f64, se: f64, samples: usize, level: f64) -> Option<(f64, f64)> {
    let half = t_quantile(samples.checked_sub(1)? as u64, level)? * se;
    let bounds = (estimate - half, estimate + half);
    (bounds.0.is_finite() && bounds.1.is_finite()).then_some(bounds)
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
    pub fn push(&mut self, enough: bool, tested: Option<Option<DistanceChange>>) -> (Phase, Option<Look>) {
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
