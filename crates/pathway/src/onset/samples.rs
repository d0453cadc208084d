//! Causal memorization step of samples, with the search for the loss threshold
//! (docs/metrics.md#causal-memorization-step).

use super::CausalStep;
use crate::memorization::on_grid;

/// Checkpoints over which the loss must be settled.
const WINDOW: usize = 3;

/// Causal memorization of a domain's samples, from their losses at one checkpoint after the other.
///
/// `t°` of a sample is the earliest checkpoint with a loss of at most `eps` from which on the range
/// of three losses is at most `delta`; it is declared at the third. A declared sample relapses at a
/// later loss above `eps + delta`. What happened before `eps` was fixed counts at the checkpoint
/// that fixed it.
#[derive(Clone, Debug)]
pub struct CausalMemorization {
    delta: f64,
    eps: Option<f64>,
    /// Largest threshold that the search accepts: half the first mean loss.
    most: Option<f64>,
    /// Losses so far, `[C][S]`.
    losses: Vec<Vec<f32>>,
    /// Smallest threshold with which each sample would be declared by now; infinite if none.
    least: Vec<f64>,
    steps: Vec<Option<CausalStep>>,
}

impl CausalMemorization {
    /// Starts before the first checkpoint. Without `eps` the threshold is searched for.
    #[must_use]
    pub fn new(samples: usize, eps: Option<f64>, delta: f64) -> Self {
        let (least, steps) = (vec![f64::INFINITY; samples], vec![None; samples]);
        Self { delta, eps, most: None, losses: Vec::new(), least, steps }
    }

    /// Adds the losses of the next checkpoint in nats per token, one per sample. Missing losses are
    /// NaN; a window with one is not settled.
    pub fn push(&mut self, losses: &[f32]) {
        let now = self.losses.len();
        self.losses.push(losses.to_vec());
        if self.eps.is_some() {
            self.observe(now, now);
            return;
        }
        self.most = self.most.or_else(|| Some(mean_of_finite(losses)? / 2.0));
        for (sample, least) in self.least.iter_mut().enumerate() {
            if let Some(first) = settled(&self.losses, sample, now, self.delta) {
                *least = least.min(first);
            }
        }
        self.eps = self.search();
        if self.eps.is_some() {
            (0..=now).for_each(|at| self.observe(at, now));
        }
    }

    /// The loss threshold, once a checkpoint has fixed it.
    #[must_use]
    pub fn eps(&self) -> Option<f64> {
        self.eps
    }

    /// Step of each sample declared so far.
    #[must_use]
    pub fn steps(&self) -> &[Option<CausalStep>] {
        &self.steps
    }

    /// Smallest grid value with which a fifth of the samples are declared by now, if it is at most
    /// half the first mean loss. The grid is that of [`crate::search_eps`].
    fn search(&self) -> Option<f64> {
        let mut least: Vec<f64> = self.least.iter().copied().filter(|loss| loss.is_finite()).collect();
        least.sort_unstable_by(f64::total_cmp);
        let fifth = self.least.len().div_ceil(5).checked_sub(1)?;
        let (_, eps) = on_grid(*least.get(fifth)?);
        (eps <= self.most?).then_some(eps)
    }

    /// Takes the checkpoint `at` into account, known since `now`.
    fn observe(&mut self, at: usize, now: usize) {
        let Some(eps) = self.eps else { return };
        let Some(losses) = self.losses.get(at) else { return };
        for (sample, step) in self.steps.iter_mut().enumerate() {
            match step {
                Some(step) => {
                    let relapsed = losses.get(sample).is_some_and(|&loss| f64::from(loss) > eps + self.delta);
                    if relapsed && step.relapse.is_none() {
                        step.relapse = Some(now);
                    }
                }
                None => {
                    if settled(&self.losses, sample, at, self.delta).is_some_and(|first| first <= eps) {
                        *step = Some(CausalStep { first: at + 1 - WINDOW, declared: now, relapse: None });
                    }
                }
            }
        }
    }
}

/// First loss of a sample's window that ends at a checkpoint, if the window is settled: all losses
/// are finite and their range is at most `delta`.
fn settled(losses: &[Vec<f32>], sample: usize, end: usize, delta: f64) -> Option<f64> {
    let window = losses.get((end + 1).checked_sub(WINDOW)?..=end)?;
    let mut range = (f64::INFINITY, f64::NEG_INFINITY);
    let mut first = None;
    for losses in window {
        let loss = f64::from(losses.get(sample).copied().filter(|loss| loss.is_finite())?);
        range = (range.0.min(loss), range.1.max(loss));
        first = first.or(Some(loss));
    }
    // With a NaN tolerance, no window is settled.
    first.filter(|_| range.1 - range.0 <= delta)
}

fn mean_of_finite(losses: &[f32]) -> Option<f64> {
    let finite = losses.iter().filter(|loss| loss.is_finite());
    let (sum, count) = finite.fold((0.0, 0_u32), |(sum, n), &loss| (sum + f64::from(loss), n + 1));
    (count > 0).then(|| sum / f64::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A step as (first, declared, relapse).
    type Step = Option<(usize, usize, Option<usize>)>;

    /// Threshold and steps of samples with losses `[S][C]`.
    fn fold(losses: &[&[f32]], eps: Option<f64>) -> (Option<f64>, Vec<Step>) {
        let mut fold = CausalMemorization::new(losses.len(), eps, 0.05);
        for at in 0..losses.first().map_or(0, |sample| sample.len()) {
            fold.push(&losses.iter().map(|sample| sample[at]).collect::<Vec<f32>>());
        }
        let steps =
            fold.steps().iter().map(|step| step.map(|step| (step.first, step.declared, step.relapse)));
        (fold.eps(), steps.collect())
    }

    #[test]
    fn a_step_is_declared_at_the_end_of_its_window() {
        let (_, steps) = fold(
            &[
                &[3.0, 0.3, 0.31, 0.32, 0.33, 0.34],
                &[3.0, 0.2, 0.2, f32::NAN, 0.2, 0.2],
                &[0.5, 0.5, 0.5, 0.5, 0.2, 0.2],
                &[0.36, 0.34, 0.34, 0.9, 0.34, 0.9],
            ],
            Some(0.35),
        );
        assert_eq!(steps, [Some((1, 3, None)), None, None, None]);
        let (_, steps) = fold(&[&[0.34, 0.36, 0.34, 0.39, 0.41, 0.3]], Some(0.35));
        assert_eq!(steps, [Some((0, 2, Some(4)))]);
    }

    #[test]
    fn the_first_checkpoint_with_a_fifth_fixes_the_threshold() {
        // A fifth of five samples is one.
        let settled: &[f32] = &[1.0, 0.25, 0.25, 0.25, 0.05, 0.05, 0.05];
        let other: &[f32] = &[1.0, 0.9, 0.7, 0.5, 0.4, 0.2, 0.1];
        let (eps, steps) = fold(&[settled, other, other, other, other], None);
        assert_eq!(eps, Some(0.3));
        assert_eq!(steps[0], Some((1, 3, None)));
        // A fifth of six is two.
        let (eps, steps) = fold(&[settled, settled, other, other, other, other], None);
        assert_eq!((eps, steps[1]), (Some(0.3), Some((1, 3, None))));
        let late: &[f32] = &[1.0, 0.9, 0.6, 0.12, 0.11, 0.1, 0.1];
        let (eps, steps) = fold(&[settled, late, other, other, other, other], None);
        assert_eq!(eps, Some(0.3));
        assert_eq!(steps[..2], [Some((1, 5, None)), Some((3, 5, None))]);
    }

    #[test]
    fn what_happened_before_the_threshold_counts_when_it_is_fixed() {
        let early: &[f32] = &[1.0, 0.2, 0.2, 0.2, 0.9, 0.2, 0.2, 0.2];
        let late: &[f32] = &[1.0, 0.9, 0.8, 0.7, 0.6, 0.2, 0.2, 0.2];
        let never: &[f32] = &[1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.9];
        let (eps, steps) = fold(&[early, late, never, never, never, never], None);
        assert_eq!(eps, Some(0.3));
        assert_eq!(steps[..3], [Some((1, 7, Some(7))), Some((5, 7, None)), None]);
    }

    #[test]
    fn a_threshold_above_half_the_first_mean_loss_is_none() {
        let settled: &[f32] = &[1.0, 0.51, 0.51, 0.51];
        assert_eq!(fold(&[settled], None), (None, vec![None]));
        let lower: &[f32] = &[1.0, 0.5, 0.5, 0.5];
        assert_eq!(fold(&[lower], None).0, Some(0.5));
        assert_eq!(fold(&[], Some(0.1)).1, []);
    }
}
