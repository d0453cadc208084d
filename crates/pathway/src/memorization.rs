//! When a training sample is memorized (docs/metrics.md#memorization-step; paper, section 3).

/// The memorization step of one sample from its losses over the checkpoints `[C]`, nats a token.
///
/// The earliest checkpoint whose loss is at most `eps` and from which on the loss stays within `delta` of the last
/// one. A sample with a loss that is not finite never memorizes. At the last checkpoint the drift is 0 by
/// construction, so a step there is unconfirmed.
#[must_use]
pub fn t_star(losses: &[f32], eps: f64, delta: f64) -> Option<usize> {
    let settled = settled_from(losses, delta)?;
    (settled..losses.len()).find(|&checkpoint| f64::from(losses[checkpoint]) <= eps)
}

/// The earliest checkpoint from which on the loss stays within `delta` of the last; `None` without losses or
/// where one is not finite.
fn settled_from(losses: &[f32], delta: f64) -> Option<usize> {
    let last = f64::from(*losses.last()?);
    if losses.iter().any(|loss| !loss.is_finite()) {
        return None;
    }
    let drifts = |loss: &f32| {
        let drift = (f64::from(*loss) - last).abs();
        // A tolerance that is NaN settles nothing.
        drift > delta || delta.is_nan()
    };
    Some(losses.iter().rposition(drifts).map_or(0, |drifting| drifting + 1))
}

/// The smallest loss with which a sample would be memorized before the last checkpoint; `None` where no
/// threshold achieves that.
fn least_eps(losses: &[f32], delta: f64) -> Option<f64> {
    let settled = settled_from(losses, delta)?;
    let before_last = &losses[..losses.len() - 1];
    before_last.get(settled..)?.iter().map(|&loss| f64::from(loss)).reduce(f64::min)
}

/// The memorization step of each sample of a domain, from losses `[C][S]`; without a threshold no sample has one,
/// and a loss that is missing counts as not finite.
#[must_use]
pub fn t_stars(losses: &[Vec<f32>], eps: Option<f64>, delta: f64) -> Vec<Option<usize>> {
    let step = |losses: &[f32]| t_star(losses, eps?, delta);
    by_sample(losses, step)
}

/// What `f` makes of each sample's losses over the checkpoints.
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

/// One threshold of the search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EpsStep {
    /// The threshold, nats.
    pub eps: f64,
    /// Samples that it lets memorize before the last checkpoint.
    pub memorized_before_last: usize,
}

/// The search for a domain's loss threshold.
#[derive(Clone, Debug, PartialEq)]
pub struct EpsSearch {
    /// The smallest threshold of the grid with which at least a fifth of the samples memorize before the last
    /// checkpoint; `None` where no threshold achieves that.
    pub eps: Option<f64>,
    /// Every threshold tried, the one found last, up to the first [`EpsSearch::MOST_STEPS`].
    pub steps: Vec<EpsStep>,
}

impl EpsSearch {
    /// The most steps that are listed: 100 nats, far above any loss that is not broken.
    pub const MOST_STEPS: u64 = 1000;
}

/// Finds the loss threshold of a domain on the grid 0.1, 0.2, ..., up to the first value that no loss exceeds,
/// from its losses `[C][S]`.
///
/// Grid values are `i / 10`, the share is tested in integers (`5 * memorized >= samples`), and samples with a
/// loss that is missing or not finite count in the share.
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

/// The number of the first grid value that is at least `loss`, and that value. A loss so large that the grid is
/// finer than f64 stands for its own grid value.
#[expect(clippy::cast_sign_loss, reason = "the product is at least 1; a cast of what is too large saturates")]
fn on_grid(loss: f64) -> (u64, f64) {
    let mut number = libm::ceil(loss * 10.0).max(1.0) as u64;
    // The product is rounded, so the grid value itself decides.
    if number > 1 && grid_value(number - 1) >= loss {
        number -= 1;
    }
    if grid_value(number) < loss {
        number = number.saturating_add(1);
    }
    (number, grid_value(number).max(loss))
}

/// The trailing mean over the last up to three checkpoints; undefined where one of them is.
#[must_use]
pub fn moving_average(course: &[Option<f64>]) -> Vec<Option<f64>> {
    let mean = |end: usize| {
        let window = &course[end.saturating_sub(2)..=end];
        let sum: Option<f64> = window.iter().copied().sum();
        Some(sum? / window.len() as f64)
    };
    (0..course.len()).map(mean).collect()
}
