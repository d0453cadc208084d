//! The memorization and the generalization onset of a domain, one checkpoint each, by the onset rule of the settings or
//! by a given one.
//!
//! - **Half memorized by**: the first checkpoint by which at least half of the memorized samples have reached their
//!   memorization step, `t°` or `t*` (docs/metrics.md#causal-memorization-step, docs/metrics.md#memorization-step).
//!   Samples whose `t*` only the last checkpoint shows do not count.
//! - **Half generalized by**: the median generalization step, `t°#` or `t#`, of the items that have one, taken as the
//!   first checkpoint by which at least half of them have reached it. Items without a step do not count, so the figure
//!   says when the items generalize that do, not how many.

use report::{Domain, OnsetRule, Report};

/// The two onsets of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Onsets {
    /// Index of the checkpoint by which half of the memorized samples are memorized.
    pub memorization: Option<usize>,
    /// Index of the checkpoint by which half of the generalizing items are generalized.
    pub generalization: Option<usize>,
}

impl Onsets {
    /// The onsets of a domain by the rule of the settings.
    #[must_use]
    pub fn of(report: &Report, domain: &Domain) -> Self {
        Self::by(report.settings.onset_rule, domain)
    }

    /// The onsets of a domain by a rule.
    #[must_use]
    pub fn by(rule: OnsetRule, domain: &Domain) -> Self {
        let generalization = domain.generalization.as_ref().and_then(|found| found.half(rule));
        Self { memorization: domain.memorization.half(rule), generalization }
    }

    /// Steps from half memorized to half generalized; negative where items were right before samples settled.
    #[must_use]
    pub fn delay(self, report: &Report) -> Option<i64> {
        let step = |index: usize| i64::try_from(report.checkpoints.get(index)?.step).ok();
        step(self.generalization?)?.checked_sub(step(self.memorization?)?)
    }
}
