//! The memorization and the generalization onset of a domain, one checkpoint each, by the onset rule
//! of the settings.
//!
//! - **Half memorized by**: the first checkpoint by which at least half of the memorized samples
//!   have reached their memorization step (docs/metrics.md#memorization-step).
//! - **Half generalized by**: the first checkpoint by which at least half of the items that have a
//!   generalization step have reached it (docs/metrics.md#generalization-step). Items without one do
//!   not count, so the figure says when the items generalize that do, not how many.

use crate::{Domain, Report};

/// The two onsets of a domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Onsets {
    /// Index of the checkpoint by which half of the memorized samples are memorized.
    pub memorization: Option<usize>,
    /// Index of the checkpoint by which half of the generalizing items are generalized.
    pub generalization: Option<usize>,
}

impl Onsets {
    /// The onsets of a domain.
    #[must_use]
    pub fn of(report: &Report, domain: &Domain) -> Self {
        let within = |counts: &[usize]| half_by(counts.get(..report.checkpoints.len()).unwrap_or(counts));
        let memorization = within(report.memorized_steps(domain));
        let generalization = within(report.item_steps(domain));
        Self { memorization, generalization }
    }

    /// Steps from half memorized to half generalized; negative where items were right before samples settled.
    #[must_use]
    pub fn delay(self, report: &Report) -> Option<i64> {
        let step = |index: usize| i64::try_from(report.checkpoints.get(index)?.step).ok();
        step(self.generalization?)?.checked_sub(step(self.memorization?)?)
    }
}

/// The first index by which at least half of all members are counted; none without members.
fn half_by(counts: &[usize]) -> Option<usize> {
    let all: u128 = counts.iter().map(|&count| count as u128).sum();
    if all == 0 {
        return None;
    }
    let mut seen = 0_u128;
    counts.iter().position(|&count| {
        seen += count as u128;
        2 * seen >= all
    })
}

#[cfg(test)]
mod tests {
    use super::half_by;

    #[test]
    fn half_is_reached_where_the_lower_median_lies() {
        assert_eq!(half_by(&[]), None);
        assert_eq!(half_by(&[0, 0]), None);
        assert_eq!(half_by(&[0, 1, 1]), Some(1));
        assert_eq!(half_by(&[1, 1, 3]), Some(2));
        assert_eq!(half_by(&[usize::MAX, usize::MAX]), Some(0));
    }
}
