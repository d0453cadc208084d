//! Correlation of metric courses with accuracy (docs/metrics.md#correlation-with-accuracy; paper,
//! table 1).

use std::fmt;

use crate::draw::{Rng, shuffle_with};
use crate::sums::mean;

/// Up to this many checkpoints, the permutation p is computed over all orders.
const MOST_EXACT: usize = 9;

/// Random orders tried with more than nine checkpoints.
pub const RANDOM_ORDERS: u64 = 100_000;

/// Tolerance of a permutation hit: equal coefficients must count although their sums round
/// differently.
const SLACK: f64 = 1e-12;

/// Why two courses have no correlation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undefined {
    /// There are fewer than three checkpoints.
    TooFew {
        /// Number of checkpoints.
        n: usize,
    },
    /// The metric is undefined at some checkpoints.
    MetricMissing {
        /// Number of such checkpoints.
        missing: usize,
    },
    /// The accuracy is undefined at some checkpoints.
    AccuracyMissing {
        /// Number of such checkpoints.
        missing: usize,
    },
    /// The metric has the same value at every checkpoint.
    MetricConstant,
    /// The accuracy has the same value at every checkpoint.
    AccuracyConstant,
}

impl fmt::Display for Undefined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let checkpoints = |n: usize| if n == 1 { "checkpoint" } else { "checkpoints" };
        match *self {
            Self::TooFew { n } => {
                write!(
                    f,
                    "A correlation needs at least three checkpoints; here there {} {n}.",
                    if n == 1 { "is" } else { "are" }
                )
            }
            Self::MetricMissing { missing } => {
                write!(f, "The metric is undefined at {missing} {} of the window.", checkpoints(missing))
            }
            Self::AccuracyMissing { missing } => {
                write!(f, "The accuracy is unknown at {missing} {} of the window.", checkpoints(missing))
            }
            Self::MetricConstant => {
                f.write_str("The metric has the same value at every checkpoint of the window.")
            }
            Self::AccuracyConstant => {
                f.write_str("The accuracy has the same value at every checkpoint of the window.")
            }
        }
    }
}

/// Pearson's and Spearman's coefficients of two courses with their permutation tests, or why there
/// are none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CorrelationResult {
    /// Checkpoints at which both courses are defined.
    pub n: usize,
    /// Pearson's r, in `[-1, 1]`.
    pub pearson: Option<f64>,
    /// Number of orders whose |r| is at least the observed one; with all orders tried, the observed
    /// order counts.
    pub pearson_hits: Option<u64>,
    /// Two-sided permutation p of r: `hits / orders` if all orders were tried, else
    /// `(hits + 1) / (orders + 1)`.
    pub pearson_p: Option<f64>,
    /// Spearman's rho, with average ranks for equal values.
    pub spearman: Option<f64>,
    /// Number of orders whose |rho| is at least the observed one.
    pub spearman_hits: Option<u64>,
    /// Two-sided permutation p of rho.
    pub spearman_p: Option<f64>,
    /// Number of orders tried; 0 if there are no coefficients.
    pub orders: u64,
    /// Whether all orders were tried.
    pub exact: bool,
    /// Why there are no coefficients, if so.
    pub undefined: Option<Undefined>,
}

/// Computes Pearson's and Spearman's coefficients of each metric's course with the accuracy over the
/// same checkpoints, each with its two-sided permutation p
/// (docs/metrics.md#correlation-with-accuracy).
///
/// Up to nine checkpoints, all orders are tried; otherwise `draws` seeded ones, the same for both
/// coefficients and all metrics. A missing or non-finite value leaves both coefficients undefined.
/// The longer course is cut to the shorter.
#[must_use]
pub fn correlate_all(
    metrics: &[&[Option<f64>]],
    accuracy: &[Option<f64>],
    draws: u64,
    seed: u64,
) -> Vec<CorrelationResult> {
    let courses: Vec<Result<Courses, Undefined>> =
        metrics.iter().map(|metric| Courses::new(metric, accuracy)).collect();
    // Courses of the same length share their orders.
    let mut random: Vec<Option<[u64; 2]>> = vec![None; courses.len()];
    let of_length = |n: usize| -> Vec<(usize, &Courses)> {
        let known = courses.iter().enumerate().filter_map(|(at, course)| Some((at, course.as_ref().ok()?)));
        known.filter(|(_, course)| course.n() == n).collect()
    };
    let mut lengths: Vec<usize> = courses.iter().flatten().map(Courses::n).collect();
    lengths.sort_unstable();
    lengths.dedup();
    for n in lengths.into_iter().filter(|&n| n > MOST_EXACT) {
        let together = of_length(n);
        let values: Vec<&Standardised> = together.iter().map(|(_, course)| &course.values).collect();
        let ranks: Vec<&Standardised> = together.iter().map(|(_, course)| &course.by_rank).collect();
        let hits = random_hits([&values, &ranks], n, draws, seed);
        for ((at, _), hits) in together.iter().zip(hits) {
            random[*at] = Some(hits);
        }
    }
    let results = courses.iter().zip(metrics).zip(random);
    results
        .map(|((course, metric), random)| match course {
            Ok(course) => course.result(random, draws),
            Err(reason) => undefined(metric, accuracy, *reason),
        })
        .collect()
}

/// Computes the coefficients of [`correlate_all`] without their permutation tests
/// (docs/metrics.md#correlation-with-accuracy).
#[must_use]
pub fn coefficients(metric: &[Option<f64>], accuracy: &[Option<f64>]) -> CorrelationResult {
    match Courses::new(metric, accuracy) {
        Ok(course) => CorrelationResult {
            n: course.n(),
            pearson: Some(course.values.coefficient()),
            spearman: Some(course.by_rank.coefficient()),
            ..CorrelationResult::default()
        },
        Err(reason) => undefined(metric, accuracy, reason),
    }
}

/// A result without coefficients.
fn undefined(metric: &[Option<f64>], accuracy: &[Option<f64>], reason: Undefined) -> CorrelationResult {
    CorrelationResult {
        n: metric.iter().zip(accuracy).filter(|(x, y)| x.is_some() && y.is_some()).count(),
        undefined: Some(reason),
        ..CorrelationResult::default()
    }
}

/// A metric's course and the accuracy, both complete and neither constant.
struct Courses {
    values: Standardised,
    by_rank: Standardised,
}

impl Courses {
    fn new(metric: &[Option<f64>], accuracy: &[Option<f64>]) -> Result<Self, Undefined> {
        let n = metric.len().min(accuracy.len());
        let (metric, accuracy) = (&metric[..n], &accuracy[..n]);
        if n < 3 {
            return Err(Undefined::TooFew { n });
        }
        let known = |course: &[Option<f64>]| -> Vec<f64> {
            course.iter().copied().flatten().filter(|value| value.is_finite()).collect()
        };
        let (metric, accuracy) = (known(metric), known(accuracy));
        if metric.len() < n {
            return Err(Undefined::MetricMissing { missing: n - metric.len() });
        }
        if accuracy.len() < n {
            return Err(Undefined::AccuracyMissing { missing: n - accuracy.len() });
        }
        let values = Standardised::new(&metric, &accuracy)?;
        let by_rank = Standardised::new(&ranks(&metric), &ranks(&accuracy))?;
        Ok(Self { values, by_rank })
    }

    fn n(&self) -> usize {
        self.values.x.len()
    }

    /// The result; `random` are the hits among `draws` random orders if not all orders are tried.
    fn result(&self, random: Option<[u64; 2]>, draws: u64) -> CorrelationResult {
        let n = self.n();
        let (orders, [pearson_hits, spearman_hits]) = match random {
            Some(hits) => (draws, hits),
            None => ((1..=n as u64).product(), [self.values.exact_hits(), self.by_rank.exact_hits()]),
        };
        let exact = random.is_none();
        let p = |hits: u64| {
            if exact { hits as f64 / orders as f64 } else { (hits + 1) as f64 / (orders + 1) as f64 }
        };
        CorrelationResult {
            n,
            pearson: Some(self.values.coefficient()),
            pearson_hits: Some(pearson_hits),
            pearson_p: Some(p(pearson_hits)),
            spearman: Some(self.by_rank.coefficient()),
            spearman_hits: Some(spearman_hits),
            spearman_p: Some(p(spearman_hits)),
            orders,
            exact,
            undefined: None,
        }
    }
}

/// Pearson's r of two complete series; `None` if one is constant.
pub(crate) fn coefficient(x: &[f64], y: &[f64]) -> Option<f64> {
    Some(Standardised::new(x, y).ok()?.coefficient())
}

/// Ranks of the values from 1; equal values share the mean of their ranks.
#[expect(clippy::float_cmp, reason = "ties are values that are exactly equal")]
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    for equals in order.chunk_by(|&a, &b| values[a] == values[b]) {
        // Ranks start + 1 up to start + equals.len() have this mean.
        let rank = start as f64 + (equals.len() + 1) as f64 / 2.0;
        for &place in equals {
            ranks[place] = rank;
        }
        start += equals.len();
    }
    ranks
}

/// Two centred series and the length that makes their product a coefficient.
struct Standardised {
    x: Vec<f64>,
    y: Vec<f64>,
    scale: f64,
}

impl Standardised {
    #[expect(clippy::float_cmp, reason = "a constant series has one value, exactly")]
    fn new(metric: &[f64], accuracy: &[f64]) -> Result<Self, Undefined> {
        let constant = |series: &[f64]| series.windows(2).all(|pair| pair[0] == pair[1]);
        if constant(metric) {
            return Err(Undefined::MetricConstant);
        }
        if constant(accuracy) {
            return Err(Undefined::AccuracyConstant);
        }
        let centred = |series: &[f64]| -> Vec<f64> {
            let mean = mean(series).unwrap_or_default();
            series.iter().map(|value| value - mean).collect()
        };
        let squares = |series: &[f64]| series.iter().map(|value| value * value).sum::<f64>();
        let (x, y) = (centred(metric), centred(accuracy));
        let (xx, yy) = (squares(&x), squares(&y));
        // One root of the product keeps whole-numbered ranks exact. The product of very small
        // squares underflows to 0.
        let scale = if (xx * yy).is_normal() { (xx * yy).sqrt() } else { xx.sqrt() * yy.sqrt() };
        match (xx > 0.0, yy > 0.0) {
            (true, true) => Ok(Self { x, y, scale }),
            // The values differ, but their differences vanish in f64.
            (false, _) => Err(Undefined::MetricConstant),
            (true, false) => Err(Undefined::AccuracyConstant),
        }
    }

    fn observed(&self) -> f64 {
        self.x.iter().zip(&self.y).map(|(x, y)| x * y).sum::<f64>() / self.scale
    }

    /// The coefficient, in `[-1, 1]`.
    fn coefficient(&self) -> f64 {
        self.observed().clamp(-1.0, 1.0)
    }

    /// The smallest absolute product of the series that counts as a hit.
    fn bound(&self) -> f64 {
        (self.observed().abs() - SLACK) * self.scale
    }

    /// Hits among all orders of `x`. Every order's product is summed from the front, like the
    /// observed one.
    fn exact_hits(&self) -> u64 {
        let mut x = self.x.clone();
        count_orders(&mut x, &self.y, 0.0, self.bound())
    }
}

/// Counts the orders of `x` with `|sum + x * y| >= bound`: puts each value first in turn and
/// recurses on the rest.
fn count_orders(x: &mut [f64], y: &[f64], sum: f64, bound: f64) -> u64 {
    let hit = |product: f64| u64::from(product.abs() >= bound);
    match (&mut *x, y) {
        ([], _) | (_, []) => hit(sum),
        ([only], [weight, ..]) => hit(sum + *only * weight),
        ([a, b], [first, second, ..]) => {
            hit(sum + *a * first + *b * second) + hit(sum + *b * first + *a * second)
        }
        (_, [weight, rest @ ..]) => {
            let mut hits = 0;
            for place in 0..x.len() {
                x.swap(0, place);
                if let [first, others @ ..] = &mut *x {
                    hits += count_orders(others, rest, sum + *first * weight, bound);
                }
                x.swap(0, place);
            }
            hits
        }
    }
}

/// Metrics whose products are summed side by side: four vector registers of two.
const LANES: usize = 8;

/// Hits of values and ranks of each metric among the same random orders; all metrics share the
/// accuracy.
fn random_hits(kinds: [&[&Standardised]; 2], n: usize, draws: u64, seed: u64) -> Vec<[u64; 2]> {
    let mut blocks: Vec<(usize, Vec<Block>)> = Vec::new();
    for (kind, series) in kinds.into_iter().enumerate() {
        blocks.push((kind, series.chunks(LANES).map(|series| Block::new(series, n)).collect()));
    }
    let mut rng = Rng::new(seed);
    let mut order: Vec<u32> = (0..n as u32).collect();
    for _ in 0..draws {
        shuffle_with(&mut order, &mut rng);
        for block in blocks.iter_mut().flat_map(|(_, blocks)| blocks) {
            block.try_order(&order);
        }
    }
    let mut hits = vec![[0; 2]; kinds[0].len()];
    for (kind, blocks) in blocks {
        let found = blocks.iter().flat_map(|block| block.hits);
        for (hits, found) in hits.iter_mut().zip(found) {
            hits[kind] = found;
        }
    }
    hits
}

/// Up to [`LANES`] metrics summed side by side; unused lanes never hit.
struct Block {
    /// `[checkpoint][lane]`.
    x: Vec<[f64; LANES]>,
    /// The accuracies, or their ranks.
    y: Vec<f64>,
    bounds: [f64; LANES],
    hits: [u64; LANES],
}

impl Block {
    fn new(series: &[&Standardised], n: usize) -> Self {
        let mut x = vec![[0.0; LANES]; n];
        let mut bounds = [f64::INFINITY; LANES];
        for (lane, series) in series.iter().enumerate() {
            for (row, value) in x.iter_mut().zip(&series.x) {
                row[lane] = *value;
            }
            bounds[lane] = series.bound();
        }
        let y = series.first().map_or_else(Vec::new, |series| series.y.clone());
        Self { x, y, bounds, hits: [0; LANES] }
    }

    /// Each lane's product is summed from the front, like the observed one.
    fn try_order(&mut self, order: &[u32]) {
        let mut products = [0.0_f64; LANES];
        for (&from, y) in order.iter().zip(&self.y) {
            for (product, x) in products.iter_mut().zip(&self.x[from as usize]) {
                *product += x * y;
            }
        }
        for ((hits, product), bound) in self.hits.iter_mut().zip(products).zip(self.bounds) {
            *hits += u64::from(product.abs() >= bound);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pearson(x: &[f64], y: &[f64]) -> f64 {
        let n = x.len() as f64;
        let sum = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
        let ones = vec![1.0; x.len()];
        let [sx, sy] = [sum(x, &ones), sum(y, &ones)];
        (n * sum(x, y) - sx * sy) / ((n * sum(x, x) - sx * sx) * (n * sum(y, y) - sy * sy)).sqrt()
    }

    /// The orders of the seed, tried one by one.
    #[test]
    fn random_hits_are_those_of_the_seed() {
        let mut numbers = Rng::new(5);
        let mut course = || (0..11).map(|_| f64::from(numbers.below(9))).collect::<Vec<f64>>();
        let (x, y) = (course(), course());
        let observed = pearson(&x, &y).abs();
        let mut rng = Rng::new(3);
        let mut order: Vec<u32> = (0..11).collect();
        let hits = (0..500).filter(|_| {
            shuffle_with(&mut order, &mut rng);
            let moved: Vec<f64> = order.iter().map(|&from| x[from as usize]).collect();
            pearson(&moved, &y).abs() >= observed - 1e-12
        });
        let hits = hits.count() as u64;
        let some = |course: &[f64]| course.iter().copied().map(Some).collect::<Vec<_>>();
        let found = correlate_all(&[&some(&x)], &some(&y), 500, 3);
        assert!((1..500).contains(&hits), "{hits}");
        assert_eq!(found[0].pearson_hits, Some(hits));
    }
}
