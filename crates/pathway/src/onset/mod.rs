//! Memorization and generalization as they could be known at the time: each figure of a checkpoint
//! uses only the checkpoints up to it (docs/metrics.md#causal-memorization-step).
//!
//! Every computation is a fold that receives one checkpoint after the other. A run that is cut off
//! at a checkpoint therefore gives the same figures there as the full run.

mod items;
mod looks;
mod phase;
mod samples;

pub use items::CausalGeneralization;
pub use looks::{LookPlan, plan_looks};
pub use phase::{Look, Phase, PhaseFold, one_sided};
pub use samples::CausalMemorization;

/// Causal step of one sample or item. All three are indices of checkpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CausalStep {
    /// The step itself, `t°` or `t°#`.
    pub first: usize,
    /// First checkpoint at which the step was known.
    pub declared: usize,
    /// First checkpoint at which it was known to be followed by a relapse.
    pub relapse: Option<usize>,
}

/// The first index by which at least half of all members are counted; `None` without members.
#[must_use]
pub fn half_by(counts: &[usize]) -> Option<usize> {
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
