//! The looks of the sequential test: at which checkpoints, with which samples and against which
//! reference (docs/metrics.md#state-of-a-domain).

use super::half_by;

/// Fewest samples with a standard error of the ratio of two distances.
const FEWEST: usize = 3;

/// Look at a domain at one checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookPlan {
    /// Samples declared by the checkpoint.
    pub declared: usize,
    /// Whether they are a fifth of the domain or more.
    pub enough: bool,
    /// Checkpoint by which half of them were declared; `None` without any.
    pub reference: Option<usize>,
    /// Whether the distance is tested: the reference is earlier and three samples or more are
    /// declared.
    pub tested: bool,
}

/// Plans the look at each checkpoint from the number of samples declared there, of a domain of
/// `samples` samples. Each look depends only on the checkpoints up to it.
#[must_use]
pub fn plan_looks(declared_at: &[usize], samples: usize) -> Vec<LookPlan> {
    let mut declared = 0_usize;
    let look = |(at, count): (usize, &usize)| {
        declared = declared.saturating_add(*count);
        let enough = declared > 0 && declared.saturating_mul(5) >= samples;
        let reference = half_by(declared_at.get(..=at).unwrap_or_default());
        let tested = enough && declared >= FEWEST && reference.is_some_and(|reference| reference < at);
        LookPlan { declared, enough, reference, tested }
    };
    declared_at.iter().enumerate().map(look).collect()
}
