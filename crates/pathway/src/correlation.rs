//! Does the course of a metric go with accuracy? (METRICS 7; paper, table 1)

use std::fmt;

use crate::draw::{Rng, shuffle_with};
use crate::sums::mean;

/// Up to this many checkpoints every order is tried for the permutation p.
pub const MOST_EXACT: usize = 9;

/// How many random orders to try above [`MOST_EXACT`] checkpoints.
pub const RANDOM_ORDERS: u64 = 100_000;

/// An order counts when its coefficient comes this close to the observed one: equal coefficients must count
/// although their sums round differently.
const SLACK: f64 = 1e-12;

/// Why two courses have no correlation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undefined {
    /// Fewer than three checkpoints.
    TooFew {
        /// Checkpoints.
        n: usize,
    },
    /// The metric is undefined at some checkpoints.
    MetricMissing {
        /// How many.
        missing: usize,
    },
    /// The accuracy is undefined at some checkpoints.
    AccuracyMissing {
        /// How many.
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

/// Pearson's and Spearman's coefficients of two courses with their permutation tests, or why there are none.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CorrelationResult {
    /// Checkpoints at which both courses are defined.
    pub n: usize,
    /// Pearson's r, in `[-1, 1]`.
    pub pearson: Option<f64>,
    /// Orders whose r is at least as far from 0; with all orders tried, the observed one is among them.
    pub pearson_hits: Option<u64>,
    /// Its two-sided permutation p: `hits / orders` where all were tried, else `(hits + 1) / (orders + 1)`.
    pub pearson_p: Option<f64>,
    /// Spearman's rho, with average ranks for equal values.
    pub spearman: Option<f64>,
    /// Orders whose rho is at least as far from 0.
    pub spearman_hits: Option<u64>,
    /// Its two-sided permutation p.
    pub spearman_p: Option<f64>,
    /// Orders tried; 0 where there are no coefficients.
    pub orders: u64,
    /// Whether these were all orders.
    pub exact: bool,
    /// Why there are no coefficients.
    pub undefined: Option<Undefined>,
}

/// Pearson's and Spearman's coefficients of a metric's course and the accuracy over the same checkpoints, each with
/// its two-sided permutation p: all orders up to [`MOST_EXACT`] checkpoints, else `draws` seeded ones, the same
/// for both coefficients.
///
/// One missing value (or one that is not finite) leaves no coefficients; nothing is dropped silently. The longer course is cut to the shorter.
#[must_use]
pub fn correlate(
    metric: &[Option<f64>],
    accuracy: &[Option<f64>],
    draws: u64,
    seed: u64,
) -> CorrelationResult {
    let n = metric.iter().zip(accuracy).filter(|(x, y)| x.is_some() && y.is_some()).count();
    match correlate_known(metric, accuracy, draws, seed) {
        Ok(result) => result,
        Err(reason) => CorrelationResult { n, undefined: Some(reason), ..CorrelationResult::default() },
    }
}

fn correlate_known(
    metric: &[Option<f64>],
    accuracy: &[Option<f64>],
    draws: u64,
    seed: u64,
) -> Result<CorrelationResult, Undefined> {
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
    let exact = n <= MOST_EXACT;
    let (orders, [pearson_hits, spearman_hits]) = if exact {
        ((1..=n as u64).product(), [values.exact_hits(), by_rank.exact_hits()])
    } else {
        (draws, random_hits([&values, &by_rank], draws, seed))
    };
    let p = |hits: u64| {
        if exact { hits as f64 / orders as f64 } else { (hits + 1) as f64 / (orders + 1) as f64 }
    };
    Ok(CorrelationResult {
        n,
        pearson: Some(values.observed().clamp(-1.0, 1.0)),
        pearson_hits: Some(pearson_hits),
        pearson_p: Some(p(pearson_hits)),
        spearman: Some(by_rank.observed().clamp(-1.0, 1.0)),
        spearman_hits: Some(spearman_hits),
        spearman_p: Some(p(spearman_hits)),
        orders,
        exact,
        undefined: None,
    })
}

/// Pearson's r of two series of equal length; `None` below two values or where one is constant.
#[must_use]
pub fn pearson(x: &[f64], y: &[f64]) -> Option<f64> {
    let n = x.len().min(y.len());
    let standardised = Standardised::new(&x[..n], &y[..n]).ok().filter(|_| n >= 2)?;
    Some(standardised.observed().clamp(-1.0, 1.0))
}

/// Spearman's rho of two series of equal length; `None` below two values or where one is constant.
#[must_use]
pub fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
    let n = x.len().min(y.len());
    pearson(&ranks(&x[..n]), &ranks(&y[..n]))
}

/// The ranks of the values from 1; equal values share the mean of their ranks.
#[must_use]
#[expect(clippy::float_cmp, reason = "ties are values that are exactly equal")]
pub fn ranks(values: &[f64]) -> Vec<f64> {
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

/// Two series less their means, and the length that makes their product a coefficient.
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
        // One root of the product keeps whole-numbered ranks exact; the product of very small squares is 0.
        let scale = if (xx * yy).is_normal() { (xx * yy).sqrt() } else { xx.sqrt() * yy.sqrt() };
        match (xx > 0.0, yy > 0.0) {
            (true, true) => Ok(Self { x, y, scale }),
            // Different values whose differences vanish in f64.
            (false, _) => Err(Undefined::MetricConstant),
            (true, false) => Err(Undefined::AccuracyConstant),
        }
    }

    fn observed(&self) -> f64 {
        self.x.iter().zip(&self.y).map(|(x, y)| x * y).sum::<f64>() / self.scale
    }

    /// The smallest absolute product of the series that counts as a hit.
    fn bound(&self) -> f64 {
        (self.observed().abs() - SLACK) * self.scale
    }

    /// Hits among all orders of `x`. Every order's product is summed from the front, like the observed one.
    fn exact_hits(&self) -> u64 {
        let mut x = self.x.clone();
        count_orders(&mut x, &self.y, 0.0, self.bound())
    }
}

/// Counts the orders of `x` with `|sum + x * y| >= bound`: each value in turn comes first, the rest recursively.
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

/// Hits of both series among the same random orders.
fn random_hits(series: [&Standardised; 2], draws: u64, seed: u64) -> [u64; 2] {
    let mut rng = Rng::new(seed);
    let [values, by_rank] = series;
    // Values and ranks of one checkpoint move together.
    let mut x: Vec<(f64, f64)> = values.x.iter().copied().zip(by_rank.x.iter().copied()).collect();
    let bounds = [values.bound(), by_rank.bound()];
    let mut hits = [0, 0];
    for _ in 0..draws {
        shuffle_with(&mut x, &mut rng);
        let mut products = [0.0_f64; 2];
        for (x, (value, rank)) in x.iter().zip(values.y.iter().zip(&by_rank.y)) {
            products[0] += x.0 * value;
            products[1] += x.1 * rank;
        }
        for ((hits, product), bound) in hits.iter_mut().zip(products).zip(bounds) {
            *hits += u64::from(product.abs() >= bound);
        }
    }
    hits
}
