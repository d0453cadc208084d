//! The memorization and the generalization onset of a domain, one checkpoint each.
//!
//! - **Half memorized by**: the first checkpoint by which at least half of the memorized samples have reached
//!   their memorization step `t*`. Memorized means `t*` before the last checkpoint (docs/metrics.md#memorization-step), so samples whose
//!   `t*` only the last checkpoint shows do not count.
//! - **Half generalized by**: the median generalization step `t#` of the items that have one (docs/metrics.md#generalization-step), taken as
//!   the first checkpoint by which at least half of them have reached it. Items without `t#` do not count, so the
//!   figure says when the items generalize that do, not how many.

use report::{Domain, Report};

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
        let checkpoints = report.checkpoints.len();
        let confirmed = checkpoints.saturating_sub(1);
        let t_star = &domain.memorization.t_star;
        let memorization = half_by(t_star.get(..confirmed.min(t_star.len())).unwrap_or_default());
        let generalization = domain.generalization.as_ref().and_then(|found| {
            half_by(found.t_sharp.get(..checkpoints.min(found.t_sharp.len())).unwrap_or_default())
        });
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
