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
