//! Mean pathway distances with their uncertainty (docs/metrics.md#pathway-distance).

use levenshtein::Sequences;

use crate::draw::pair_count;
use crate::error::{Error, check_len};
use crate::student::t_quantile_95;
use crate::sums::{mean, variance};

/// The mean distance inside one group of samples, with its uncertainty.
///
/// A mean over pairs is a U-statistic of order 2: pairs that share a sample are not independent, so
/// the standard error comes from the samples, never from the number of pairs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GroupDistance {
    /// Samples in the group, `S`.
    pub samples: usize,
    /// Number of pairs measured.
    pub pairs: u64,
    /// Number of all pairs, `S (S - 1) / 2`.
    pub all_pairs: u64,
    /// Sum of the measured distances.
    pub sum: u64,
    /// Mean distance; undefined without pairs.
    pub mean: Option<f64>,
    /// Standard error of the mean; undefined below three samples or with too few sampled pairs.
    pub se: Option<f64>,
    /// Half width of the mean's 95 % interval: the t quantile with `S - 1` degrees of freedom times
    /// `se`.
    pub ci: Option<f64>,
    /// Mean of distance / longer length, in `[0, 1]`; two empty pathways count as 0
    /// (docs/metrics.md#normalised-distance).
    pub normalised: Option<f64>,
    /// Standard error of `normalised`, defined where `se` is.
    pub normalised_se: Option<f64>,
    /// Half width of the 95 % interval of `normalised`.
    pub normalised_ci: Option<f64>,
    /// Mean pathway length over samples.
    pub length: Option<f64>,
}

impl GroupDistance {
    /// Whether every pair was measured, so that the mean is exact and only the choice of samples is
    /// uncertain.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.pairs == self.all_pairs
    }
}

/// Computes the mean distance of a group and its uncertainty (docs/metrics.md#pathway-distance).
///
/// `pairs` are ascending and distinct with `i < j < samples`, as from [`crate::sample_pairs`];
/// `distances` has one value per pair, `lengths` one per sample.
///
/// # Errors
///
/// The slices have other lengths, or the pairs are not ascending, distinct and in range.
pub fn group_distance(
    samples: usize,
    pairs: &[(u32, u32)],
    distances: &[u32],
    lengths: &[u32],
) -> Result<GroupDistance, Error> {
    check_len("distances, one per pair", pairs.len(), distances.len())?;
    check_len("pathway lengths, one per sample", samples, lengths.len())?;
    check_pairs(pairs, samples, |first, second| first < second && (second as usize) < samples)?;

    let sum: u64 = distances.iter().map(|&distance| u64::from(distance)).sum();
    let absolute: Vec<f64> = distances.iter().map(|&distance| f64::from(distance)).collect();
    let longer = |&(first, second): &(u32, u32)| lengths[first as usize].max(lengths[second as usize]);
    let relative: Vec<f64> = pairs
        .iter()
        .zip(&absolute)
        .map(|(pair, distance)| distance / f64::from(longer(pair).max(1)))
        .collect();
    let t = samples.checked_sub(1).and_then(|df| t_quantile_95(df as u64));
    let interval = |se: Option<f64>| Some(t? * se?);
    let (se, normalised_se) =
        (standard_error(samples, pairs, &absolute), standard_error(samples, pairs, &relative));
    let total_length: u64 = lengths.iter().map(|&length| u64::from(length)).sum();
    Ok(GroupDistance {
        samples,
        pairs: pairs.len() as u64,
        all_pairs: pair_count(samples),
        sum,
        mean: (!pairs.is_empty()).then(|| sum as f64 / pairs.len() as f64),
        se,
        ci: interval(se),
        normalised: mean(&relative),
        normalised_se,
        normalised_ci: interval(normalised_se),
        length: (samples > 0).then(|| total_length as f64 / samples as f64),
    })
}

/// Standard error of the mean of `values`, one per pair of `samples` samples.
fn standard_error(samples: usize, pairs: &[(u32, u32)], values: &[f64]) -> Option<f64> {
    if samples < SMALLEST_GROUP {
        return None;
    }
    if pairs.len() as u64 == pair_count(samples) {
        jackknife(samples, pairs, values)
    } else {
        let ends = |&(first, second): &(u32, u32)| [first as usize, second as usize];
        let single = mean_shared_product(samples, pairs.iter().map(ends), values)?.max(0.0);
        let unmeasured = unmeasured_variance(pair_count(samples), values)?;
        Some((4.0 * single / samples as f64 + unmeasured).sqrt())
    }
}

/// The delete-one jackknife over all pairs: `(S-1)/(S-2) * sqrt(4 var(h)/S)`, `h` the mean value of
/// each sample's pairs.
fn jackknife(samples: usize, pairs: &[(u32, u32)], values: &[f64]) -> Option<f64> {
    let mut sums = vec![0.0; samples];
    for (&(first, second), value) in pairs.iter().zip(values) {
        sums[first as usize] += value;
        sums[second as usize] += value;
    }
    let s = samples as f64;
    let means: Vec<f64> = sums.iter().map(|sum| sum / (s - 1.0)).collect();
    Some((s - 1.0) / (s - 2.0) * (4.0 * variance(&means)? / s).sqrt())
}

/// Mean product of two values' deviations from the mean, over all pairs of values that share a
/// sample; undefined if none do. `ends` lists the samples of each value.
fn mean_shared_product<const N: usize>(
    samples: usize,
    ends: impl Iterator<Item = [usize; N]>,
    values: &[f64],
) -> Option<f64> {
    let mean = mean(values)?;
    // The sum of products over all pairs of a sample's deviations is the square of their sum minus
    // their squares.
    let mut of_sample = vec![(0.0_f64, 0.0_f64, 0_u64); samples];
    for (ends, value) in ends.zip(values) {
        let deviation = value - mean;
        for end in ends {
            let (sum, squares, count) = &mut of_sample[end];
            *sum += deviation;
            *squares += deviation * deviation;
            *count += 1;
        }
    }
    let (mut products, mut number) = (0.0, 0);
    for (sum, squares, count) in of_sample {
        products += sum * sum - squares;
        number += count * count.saturating_sub(1);
    }
    (number > 0).then(|| products / number as f64)
}

/// Variance of the mean due to measuring only `M` of `N` pairs: `(1 - M/N) var(D)/M`.
fn unmeasured_variance(all_pairs: u64, values: &[f64]) -> Option<f64> {
    let measured = values.len() as f64;
    Some((1.0 - measured / all_pairs as f64) * variance(values)? / measured)
}

/// Returns an error for the first pair that is not `valid` or not greater than its predecessor.
fn check_pairs(pairs: &[(u32, u32)], samples: usize, valid: impl Fn(u32, u32) -> bool) -> Result<(), Error> {
    let mut previous = None;
    for (index, &pair) in pairs.iter().enumerate() {
        let (first, second) = pair;
        if !valid(first, second) || previous.is_some_and(|previous| previous >= pair) {
            return Err(Error::Pair { index, first, second, samples });
        }
        previous = Some(pair);
    }
    Ok(())
}

/// The mean distance between the samples of two domains, with its uncertainty (paper, appendix
/// E.4).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossDistance {
    /// Number of pairs measured.
    pub pairs: u64,
    /// Number of all pairs.
    pub all_pairs: u64,
    /// Sum of the measured distances.
    pub sum: u64,
    /// Mean distance; undefined without pairs.
    pub mean: Option<f64>,
    /// Standard error of the mean; undefined if a domain has fewer than three samples.
    pub se: Option<f64>,
}

/// The smallest group whose mean distance has a standard error, within a domain and on each side of
/// two domains.
const SMALLEST_GROUP: usize = 3;

/// [`cross_distance`] of all `rows * columns` pairs, from `distances` `[rows, columns]`:
/// `se = sqrt(var(row means)/rows + var(column means)/columns)`.
fn all_cross_pairs(rows: usize, columns: usize, distances: &[u32]) -> CrossDistance {
    let (mut row_sums, mut column_sums) = (vec![0_u64; rows], vec![0_u64; columns]);
    if columns > 0 {
        for (row_sum, row) in row_sums.iter_mut().zip(distances.chunks_exact(columns)) {
            for (column_sum, &distance) in column_sums.iter_mut().zip(row) {
                *row_sum += u64::from(distance);
                *column_sum += u64::from(distance);
            }
        }
    }
    let part = |sums: &[u64], others: usize| {
        if sums.len() < SMALLEST_GROUP {
            return None;
        }
        let means: Vec<f64> = sums.iter().map(|&sum| sum as f64 / others as f64).collect();
        Some(variance(&means)? / means.len() as f64)
    };
    let se =
        part(&row_sums, columns).zip(part(&column_sums, rows)).map(|(row, column)| (row + column).sqrt());
    let (pairs, sum) = (distances.len() as u64, row_sums.iter().sum::<u64>());
    let mean = (pairs > 0).then(|| sum as f64 / pairs as f64);
    CrossDistance { pairs, all_pairs: pairs, sum, mean, se }
}

/// Computes the mean distance between two domains and its uncertainty
/// (docs/metrics.md#pathway-distance).
///
/// `pairs` are ascending and distinct, as from [`crate::sample_cross_pairs`]. With all pairs,
/// `se = sqrt(var(row means)/rows + var(column means)/columns)`. With some pairs, the variance of
/// the row means is estimated by the mean product of deviations over pairs that share a row, and
/// likewise for columns. Measuring `M` of `N` pairs adds `(1 - M/N) var(D)/M` to the square of
/// `se`.
///
/// # Errors
///
/// The slices have other lengths, or the pairs are not ascending, distinct and inside `rows` and
/// `columns`.
pub fn cross_distance(
    rows: usize,
    columns: usize,
    pairs: &[(u32, u32)],
    distances: &[u32],
) -> Result<CrossDistance, Error> {
    check_len("distances, one per pair", pairs.len(), distances.len())?;
    check_pairs(pairs, columns, |row, column| (row as usize) < rows && (column as usize) < columns)?;
    let all_pairs = rows as u64 * columns as u64;
    if pairs.len() as u64 == all_pairs {
        return Ok(all_cross_pairs(rows, columns, distances));
    }
    let sum: u64 = distances.iter().map(|&distance| u64::from(distance)).sum();
    let values: Vec<f64> = distances.iter().map(|&distance| f64::from(distance)).collect();
    let se = || {
        if rows.min(columns) < SMALLEST_GROUP {
            return None;
        }
        let row = mean_shared_product(rows, pairs.iter().map(|pair| [pair.0 as usize]), &values)?.max(0.0);
        let column =
            mean_shared_product(columns, pairs.iter().map(|pair| [pair.1 as usize]), &values)?.max(0.0);
        let unmeasured = unmeasured_variance(all_pairs, &values)?;
        Some((row / rows as f64 + column / columns as f64 + unmeasured).sqrt())
    };
    Ok(CrossDistance { pairs: pairs.len() as u64, all_pairs, sum, mean: mean(&values), se: se() })
}

/// Structure: `1 - mean / null`, how much closer pathways are than random ones of the same lengths
/// (docs/metrics.md#null-distance-and-structure). Undefined if the null distance is 0.
#[must_use]
pub fn structure(mean: f64, null: f64) -> Option<f64> {
    (null > 0.0).then(|| 1.0 - mean / null)
}

/// Length of each pathway, in symbols or characters (docs/metrics.md#pathway).
#[must_use]
pub fn lengths(sequences: &Sequences) -> Vec<u32> {
    sequences.iter().map(|sequence| sequence.len() as u32).collect()
}
