//! Memorization and generalization as they could be known at the time: each figure of a checkpoint
//! uses only the checkpoints up to it (docs/metrics.md#causal-memorization-step).
//!
//! Every computation is a fold that receives one checkpoint after the other. A run that is cut off
//! at a checkpoint therefore gives the same figures there as the full run.

mod fallen;
mod items;
mod looks;
mod phase;
mod samples;

pub use fallen::fallen;
pub use items::CausalGeneralization;
pub use looks::{LookPlan, plan_looks};
pub use phase::{FALSE_ALARM_RATE, Look, Phase, PhaseFold, one_sided};
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

/// The first index by which at least half of all members are counted
/// (docs/metrics.md#causal-memorization-step); `None` without members.
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

/// The first and last index that [`half_by`] can have with other members of the same kind: its 95 %
/// interval by order statistics (docs/metrics.md#claims).
///
/// Of `n` members in order, the interval goes from member `(n - 1.96 sqrt(n)) / 2`, rounded down, to
/// member `1 + (n + 1.96 sqrt(n)) / 2`, rounded up. `None` below eight members, for which there is
/// no first one.
#[must_use]
pub fn half_between(counts: &[usize]) -> Option<(usize, usize)> {
    let all = counts.iter().map(|&count| count as f64).sum::<f64>();
    let reach = 1.96 * all.sqrt();
    let (low, high) = (((all - reach) / 2.0).floor(), (1.0 + f64::midpoint(all, reach)).ceil());
    if low < 1.0 {
        return None;
    }
    let index = |member: f64| {
        let mut seen = 0.0;
        counts.iter().position(|&count| {
            seen += count as f64;
            seen >= member
        })
    };
    index(low).zip(index(high.min(all)))
}

#[cfg(test)]
mod tests {
    use super::{half_between, half_by};

    #[test]
    fn the_interval_of_half_is_that_of_order_statistics() {
        // Members 1 and 8 of 8, members 40 and 61 of 100.
        assert_eq!(half_between(&[1, 2, 4, 1]), Some((0, 3)));
        assert_eq!(half_between(&[39, 1, 20, 1, 39]), Some((1, 3)));
        assert_eq!(half_between(&[40, 0, 20, 0, 40]), Some((0, 4)));
        assert_eq!(half_between(&[0, 7]), None);
        assert_eq!(half_between(&[]), None);
        assert_eq!(half_between(&[usize::MAX, usize::MAX]), Some((0, 1)));
    }

    #[test]
    fn half_is_reached_where_the_lower_median_lies() {
        assert_eq!(half_by(&[]), None);
        assert_eq!(half_by(&[0, 0]), None);
        assert_eq!(half_by(&[0, 1, 1]), Some(1));
        assert_eq!(half_by(&[1, 1, 3]), Some(2));
        assert_eq!(half_by(&[usize::MAX, usize::MAX]), Some(0));
    }
}
