//! The looks of the sequential test: at which checkpoints, with which samples and against which
//! reference (docs/metrics.md#state-of-a-domain).

use super::{CausalStep, half_by};

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

/// Plans the look at each of `checkpoints` checkpoints from the steps of the domain's samples. Each
/// look depends only on the samples declared by its checkpoint.
#[must_use]
pub fn plan_looks(steps: &[Option<CausalStep>], checkpoints: usize) -> Vec<LookPlan> {
    let mut counts = vec![0_usize; checkpoints];
    for step in steps.iter().flatten() {
        if let Some(count) = counts.get_mut(step.declared) {
            *count += 1;
        }
    }
    let mut declared = 0;
    let look = |(at, count): (usize, &usize)| {
        declared += count;
        let enough = declared > 0 && 5 * declared >= steps.len();
        let reference = half_by(counts.get(..=at).unwrap_or_default());
        let tested = enough && declared >= FEWEST && reference.is_some_and(|reference| reference < at);
        LookPlan { declared, enough, reference, tested }
    };
    counts.iter().enumerate().map(look).collect()
}
