//! Orders of increments (docs/metrics.md#does-it-follow-accuracy), tried for several courses side by
//! side.

use crate::draw::{Rng, shuffle_with};
use crate::sums::mean;

/// Tolerance of a hit: equal coefficients must count although their sums round differently.
const SLACK: f64 = 1e-12;

/// Share of a course's variance below which its part that is not the clock counts as rounding.
const LEAST_RESIDUAL: f64 = 1e-12;

/// Courses whose sums are computed side by side.
pub(crate) const LANES: usize = 8;

/// Accuracy and clock at the `n` checkpoints of a course, to compare the course with.
pub(crate) struct Frame {
    /// Accuracy, centred, of length 1.
    y: Vec<f64>,
    /// Clock, centred, of length 1; zeros without a clock.
    clock: Vec<f64>,
    /// Correlation of accuracy and clock.
    shared: f64,
    /// Whether accuracy is more than the clock, so that test A' is defined.
    adjusted: bool,
}

impl Frame {
    /// `None` if the accuracy is constant.
    pub fn new(accuracy: &[f64], clock: Option<&[f64]>) -> Option<Self> {
        let y = unit(accuracy)?;
        let clock = clock.filter(|clock| clock.iter().all(|value| value.is_finite())).and_then(unit);
        let zeros = || vec![0.0; y.len()];
        let (has_clock, clock) = (clock.is_some(), clock.unwrap_or_else(zeros));
        let shared: f64 = y.iter().zip(&clock).map(|(y, clock)| y * clock).sum();
        Some(Self { adjusted: has_clock && 1.0 - shared * shared > LEAST_RESIDUAL, y, clock, shared })
    }

    /// Number of increments of a course.
    fn increments(&self) -> usize {
        self.y.len() - 1
    }
}

/// The values, centred and scaled to length 1; `None` if they are constant.
#[expect(clippy::float_cmp, reason = "a constant series has one value, exactly")]
fn unit(values: &[f64]) -> Option<Vec<f64>> {
    let largest = values.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    let scaled: Vec<f64> = values.iter().map(|value| value / largest).collect();
    let mean = mean(&scaled)?;
    let centred: Vec<f64> = scaled.iter().map(|value| value - mean).collect();
    let length = centred.iter().map(|value| value * value).sum::<f64>().sqrt();
    // Of zeros alone, the scaled values are not numbers, and neither is their length.
    let varies = scaled.windows(2).any(|pair| pair[0] != pair[1]);
    (varies && length > 0.0).then(|| centred.iter().map(|value| value / length).collect())
}

/// Sums over the first checkpoints of courses that start at 0.
#[derive(Clone, Copy)]
struct Sums<const N: usize> {
    /// Value at the current checkpoint.
    value: [f64; N],
    sum: [f64; N],
    squares: [f64; N],
    /// Products with the accuracy.
    with_y: [f64; N],
    /// Products with the clock.
    with_clock: [f64; N],
}

impl<const N: usize> Sums<N> {
    /// Adds a checkpoint, at which the courses have grown by `step`.
    fn push(&mut self, step: &[f64; N], y: f64, clock: f64) {
        for (lane, step) in step.iter().enumerate() {
            let value = self.value[lane] + step;
            self.value[lane] = value;
            self.sum[lane] += value;
            self.squares[lane] += value * value;
            self.with_y[lane] += value * y;
            self.with_clock[lane] += value * clock;
        }
    }
}

/// Up to `N` courses; unused lanes never hit.
pub(crate) struct Block<const N: usize> {
    /// Increments, `[n - 1][lane]`.
    steps: Vec<[f64; N]>,
    used: usize,
    /// 1 / n.
    share: f64,
    /// Correlation of accuracy and clock.
    shared: f64,
    /// Observed coefficients.
    r: [f64; N],
    partial: [Option<f64>; N],
    /// Smallest square of r that is a hit, and of r times the root of `1 - shared^2` for A'.
    bounds: [[f64; N]; 2],
    hits: [[u64; N]; 2],
}

/// Result of one course.
pub(crate) struct Found {
    pub r: f64,
    pub partial: Option<f64>,
    pub hits: u64,
    pub clock_hits: u64,
}

impl<const N: usize> Block<N> {
    /// Block of courses, given by their increments.
    pub fn new(frame: &Frame, courses: &[&[f64]]) -> Self {
        let mut block = Self {
            steps: vec![[0.0; N]; frame.increments()],
            used: 0,
            share: 1.0 / frame.y.len() as f64,
            shared: frame.shared,
            r: [0.0; N],
            partial: [None; N],
            bounds: [[f64::INFINITY; N]; 2],
            hits: [[0; N]; 2],
        };
        for (lane, course) in courses.iter().enumerate().take(N) {
            block.used = lane + 1;
            for (row, step) in block.steps.iter_mut().zip(*course) {
                row[lane] = *step;
            }
        }
        block.observe(frame);
        block
    }

    /// Computes the observed coefficients and what counts as a hit.
    fn observe(&mut self, frame: &Frame) {
        let mut sums = self.start(frame);
        for (at, step) in self.steps.iter().enumerate().take(frame.increments() - 1) {
            sums.push(step, frame.y[at + 1], frame.clock[at + 1]);
        }
        // Bounds are squares: a negative bound is one that everything reaches.
        let bound = |coefficient: f64| {
            let bound = coefficient.abs() - SLACK;
            if bound > 0.0 { bound * bound } else { -1.0 }
        };
        for lane in 0..self.used {
            let [variance, rest] = self.variances(&sums, lane);
            self.r[lane] = sums.with_y[lane] / variance.sqrt();
            self.bounds[0][lane] = bound(self.r[lane]);
            if frame.adjusted && rest > LEAST_RESIDUAL * variance {
                let of_y = (1.0 - self.shared * self.shared).sqrt();
                let product = sums.with_y[lane] - self.shared * sums.with_clock[lane];
                let partial = product / (rest.sqrt() * of_y);
                self.partial[lane] = Some(partial);
                self.bounds[1][lane] = bound(partial) * (of_y * of_y);
            }
        }
    }

    /// Sums over the first and the last checkpoint, whose values do not depend on the order.
    fn start(&self, frame: &Frame) -> Sums<N> {
        let zero = [0.0; N];
        let mut sums = Sums { value: zero, sum: zero, squares: zero, with_y: zero, with_clock: zero };
        let mut last = zero;
        for step in &self.steps {
            for (last, step) in last.iter_mut().zip(step) {
                *last += step;
            }
        }
        let end = frame.increments();
        sums.push(&last, frame.y[end], frame.clock[end]);
        sums.value = zero;
        sums
    }

    /// Sum of squares of a course around its mean, and of what the clock leaves of it.
    fn variances(&self, sums: &Sums<N>, lane: usize) -> [f64; 2] {
        let variance = sums.squares[lane] - sums.sum[lane] * sums.sum[lane] * self.share;
        [variance, variance - sums.with_clock[lane] * sums.with_clock[lane]]
    }

    /// Counts the hits of an order, from its sums.
    fn count(&mut self, sums: &Sums<N>) {
        for lane in 0..N {
            let [variance, rest] = self.variances(sums, lane);
            let product = sums.with_y[lane];
            self.hits[0][lane] += u64::from(product * product >= self.bounds[0][lane] * variance);
            // An order that is the clock itself counts as a hit.
            let product = product - self.shared * sums.with_clock[lane];
            self.hits[1][lane] += u64::from(product * product >= self.bounds[1][lane] * rest.max(0.0));
        }
    }

    /// Results of the block's courses.
    pub fn results(&self) -> impl Iterator<Item = Found> + '_ {
        (0..self.used).map(|lane| Found {
            r: self.r[lane],
            partial: self.partial[lane],
            hits: self.hits[0][lane],
            clock_hits: self.hits[1][lane],
        })
    }
}

/// Tries all orders of the increments.
pub(crate) fn all_orders<const N: usize>(frame: &Frame, blocks: &mut [Block<N>]) {
    for block in blocks {
        let mut order: Vec<usize> = (0..frame.increments()).collect();
        let sums = block.start(frame);
        orders_from(frame, block, &mut order, 0, &sums);
    }
}

/// Tries all orders of `order[from..]`: puts each increment first in turn and recurses on the rest.
fn orders_from<const N: usize>(
    frame: &Frame,
    block: &mut Block<N>,
    order: &mut [usize],
    from: usize,
    sums: &Sums<N>,
) {
    // The last increment leads to the last checkpoint, which is part of the sums already.
    if from + 1 >= order.len() {
        block.count(sums);
        return;
    }
    for place in from..order.len() {
        order.swap(from, place);
        let mut next = *sums;
        next.push(&block.steps[order[from]], frame.y[from + 1], frame.clock[from + 1]);
        orders_from(frame, block, order, from + 1, &next);
        order.swap(from, place);
    }
}

/// Tries `draws` random orders; all blocks share them.
pub(crate) fn random_orders<const N: usize>(frame: &Frame, blocks: &mut [Block<N>], draws: u64, seed: u64) {
    let mut rng = Rng::new(seed);
    let mut order: Vec<usize> = (0..frame.increments()).collect();
    let starts: Vec<Sums<N>> = blocks.iter().map(|block| block.start(frame)).collect();
    let rest = frame.increments() - 1;
    for _ in 0..draws {
        shuffle_with(&mut order, &mut rng);
        for (block, start) in blocks.iter_mut().zip(&starts) {
            let mut sums = *start;
            for (at, &from) in order.iter().enumerate().take(rest) {
                sums.push(&block.steps[from], frame.y[at + 1], frame.clock[at + 1]);
            }
            block.count(&sums);
        }
    }
}
