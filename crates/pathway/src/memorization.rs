//! Memorization step of training samples (docs/metrics.md#memorization-step; paper, section 3).

/// Memorization step of one sample from its losses over the checkpoints `[C]`.
fn t_star(losses: &[f32], eps: f64, delta: f64) -> Option<usize> {
    let settled = settled_from(losses, delta)?;
    (settled..losses.len()).find(|&checkpoint| f64::from(losses[checkpoint]) <= eps)
}

/// Earliest checkpoint from which on the loss stays within `delta` of the last; `None` without
/// losses or if one is not finite.
fn settled_from(losses: &[f32], delta: f64) -> Option<usize> {
    let last = f64::from(*losses.last()?);
    if losses.iter().any(|loss| !loss.is_finite()) {
        return None;
    }
    let drifts = |loss: &f32| {
        let drift = (f64::from(*loss) - last).abs();
        // With a NaN tolerance, no checkpoint is settled.
        drift > delta || delta.is_nan()
    };
    Some(losses.iter().rposition(drifts).map_or(0, |drifting| drifting + 1))
}

/// Smallest threshold with which a sample is memorized before the last checkpoint; `None` if there
/// is none.
fn least_eps(losses: &[f32], delta: f64) -> Option<f64> {
    let settled = settled_from(losses, delta)?;
    let before_last = &losses[..losses.len() - 1];
    before_last.get(settled..)?.iter().map(|&loss| f64::from(loss)).reduce(f64::min)
}

/// Computes the memorization step t\* of each sample of a domain from losses `[C][S]`, in nats per
/// token (docs/metrics.md#memorization-step).
///
/// It is the earliest checkpoint whose loss is at most `eps` and from which on the loss stays
/// within `delta` of the last one. A sample with a missing or non-finite loss is never memorized.
/// At the last checkpoint the drift is 0 by construction, so a step there is unconfirmed. Without a
/// threshold no sample has a step.
#[must_use]
pub fn t_stars(losses: &[Vec<f32>], eps: Option<f64>, delta: f64) -> Vec<Option<usize>> {
    let step = |losses: &[f32]| t_star(losses, eps?, delta);
    by_sample(losses, step)
}

/// Applies `f` to each sample's losses over the checkpoints.
fn by_sample<T>(losses: &[Vec<f32>], f: impl Fn(&[f32]) -> T) -> Vec<T> {
    let mut course = vec![0.0; losses.len()];
    let per_sample = (0..sample_count(losses)).map(|sample| {
        for (loss, row) in course.iter_mut().zip(losses) {
            *loss = row.get(sample).copied().unwrap_or(f32::NAN);
        }
        f(&course)
    });
    per_sample.collect()
}

fn sample_count(losses: &[Vec<f32>]) -> usize {
    losses.iter().map(Vec::len).max().unwrap_or(0)
}

/// One threshold that the search tried.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpsStep {
    /// Threshold in nats.
    pub eps: f64,
    /// Number of samples memorized before the last checkpoint with this threshold.
    pub memorized_before_last: usize,
}

/// Result of the search for a domain's loss threshold (docs/metrics.md#memorization-step).
#[derive(Clone, Debug, PartialEq)]
pub struct EpsSearch {
    /// Smallest threshold of the grid with which at least a fifth of the samples are memorized
    /// before the last checkpoint; `None` if there is none.
    pub eps: Option<f64>,
    /// All thresholds tried, up to the one found; at most [`EpsSearch::MOST_STEPS`].
    pub steps: Vec<EpsStep>,
}

impl EpsSearch {
    /// Largest number of steps listed: up to 100 nats, far above any valid loss.
    pub const MOST_STEPS: u64 = 1000;
}

/// Finds the loss threshold of a domain from its losses `[C][S]`
/// (docs/metrics.md#memorization-step).
///
/// The grid is 0.1, 0.2, …, up to the first value that no loss exceeds. Grid values are `i / 10`,
/// and the share is tested in integers (`5 * memorized >= samples`). Samples with a missing or
/// non-finite loss count in the share.
#[must_use]
pub fn search_eps(losses: &[Vec<f32>], delta: f64) -> EpsSearch {
    let mut least: Vec<f64> =
        by_sample(losses, |losses| least_eps(losses, delta)).into_iter().flatten().collect();
    least.sort_unstable_by(f64::total_cmp);
    let samples = sample_count(losses);
    let enough = samples.div_ceil(5);
    let losses = losses.iter().flatten().filter(|loss| loss.is_finite());
    let largest = losses.map(|&loss| f64::from(loss)).fold(0.0, f64::max);
    let wanted = enough.checked_sub(1).and_then(|index| least.get(index)).copied();
    let eps = wanted.map(|loss| on_grid(loss).1);
    let (last, _) = on_grid(wanted.unwrap_or(largest));
    let steps = (1..=last.min(EpsSearch::MOST_STEPS)).map(grid_value);
    let memorized = |eps: f64| least.partition_point(|&loss| loss <= eps);
    let steps = if samples == 0 {
        Vec::new()
    } else {
        steps.map(|eps| EpsStep { eps, memorized_before_last: memorized(eps) }).collect()
    };
    EpsSearch { eps, steps }
}

fn grid_value(number: u64) -> f64 {
    number as f64 / 10.0
}

/// Number and value of the first grid value that is at least `loss`. A loss so large that the grid
/// is finer than f64 is its own grid value.
#[expect(clippy::cast_sign_loss, reason = "the product is at least 1; a cast of what is too large saturates")]
pub(crate) fn on_grid(loss: f64) -> (u64, f64) {
    let mut number = libm::ceil(loss * 10.0).max(1.0) as u64;
    // The product is rounded, so compare with the grid value itself.
    if number > 1 && grid_value(number - 1) >= loss {
        number -= 1;
    }
    if grid_value(number) < loss {
        number = number.saturating_add(1);
    }
    (number, grid_value(number).max(loss))
}

/// Moving average of a loss course: the mean of up to three checkpoints, the last of them the
/// current one (docs/metrics.md#training-loss). `None` where one of them is.
#[must_use]
pub fn moving_average(course: &[Option<f64>]) -> Vec<Option<f64>> {
    let mean = |end: usize| {
        let window = &course[end.saturating_sub(2)..=end];
        let sum: Option<f64> = window.iter().copied().sum();
        Some(sum? / window.len() as f64)
    };
    (0..course.len()).map(mean).collect()
}
