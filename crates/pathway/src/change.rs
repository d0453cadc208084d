//! Change of a mean distance between two checkpoints, with its interval
//! (docs/metrics.md#change-between-two-checkpoints).

use crate::error::{Error, check_len};
use crate::student::t_quantile_95;

/// Sums of the measured distances of each sample of a group, from which the change between two
/// checkpoints is computed without measuring again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairSums {
    /// Sum of the distances of each sample's pairs, `[S]`.
    of_sample: Vec<u64>,
    /// Number of each sample's pairs, `[S]`.
    pairs_of_sample: Vec<u32>,
    /// Sum of all distances.
    total: u64,
    /// Number of pairs.
    pairs: u64,
}

impl PairSums {
    /// Sums the distances of pairs of `samples` samples
    /// (docs/metrics.md#change-between-two-checkpoints).
    ///
    /// # Errors
    ///
    /// The slices have other lengths, or a pair names a sample that does not exist.
    pub fn new(samples: usize, pairs: &[(u32, u32)], distances: &[u32]) -> Result<Self, Error> {
        check_len("distances, one per pair", pairs.len(), distances.len())?;
        let mut sums = Self {
            of_sample: vec![0; samples],
            pairs_of_sample: vec![0; samples],
            total: 0,
            pairs: pairs.len() as u64,
        };
        for (index, (&(first, second), &distance)) in pairs.iter().zip(distances).enumerate() {
            sums.total += u64::from(distance);
            for sample in [first, second] {
                let place = sample as usize;
                let slots = sums.of_sample.get_mut(place).zip(sums.pairs_of_sample.get_mut(place));
                let (sum, count) = slots.ok_or(Error::Pair { index, first, second, samples })?;
                *sum += u64::from(distance);
                *count += 1;
            }
        }
        Ok(sums)
    }

    /// Number of samples, `S`.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.of_sample.len()
    }

    /// Mean distance; `None` without pairs.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        (self.pairs > 0).then(|| self.total as f64 / self.pairs as f64)
    }
}

/// Ratio of a group's mean distances at two checkpoints, with its uncertainty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DistanceChange {
    /// Later mean over earlier mean: 1 for no change.
    pub ratio: f64,
    /// Standard error of the ratio by delete-one over samples.
    pub se: f64,
    /// Half width of the 95 % interval: the t quantile with `S - 1` degrees of freedom times `se`.
    pub half_width: f64,
    /// Number of samples, `S`.
    pub samples: usize,
}

/// Computes the change of a group's mean distance from one checkpoint to another
/// (docs/metrics.md#change-between-two-checkpoints).
///
/// Both must be sums over the same pairs of the same samples. The standard error is the delete-one
/// jackknife of the ratio: each sample in turn is removed from both means. With sampled pairs it
/// counts the noise of the choice of pairs twice, so it is too wide rather than too narrow. `None`
/// below three samples, if the pairs differ, or if an earlier mean is 0.
#[must_use]
pub fn distance_change(from: &PairSums, to: &PairSums) -> Option<DistanceChange> {
    let samples = from.samples();
    if samples < 3 || from.pairs_of_sample != to.pairs_of_sample || from.total == 0 {
        return None;
    }
    let ratio = to.total as f64 / from.total as f64;
    // Both means lose the same pairs, so their numbers cancel.
    let without: Option<Vec<f64>> = from
        .of_sample
        .iter()
        .zip(&to.of_sample)
        .map(|(from_sum, to_sum)| {
            let earlier = from.total - from_sum;
            (earlier > 0).then(|| (to.total - to_sum) as f64 / earlier as f64)
        })
        .collect();
    let without = without?;
    let s = samples as f64;
    let mean = without.iter().sum::<f64>() / s;
    let squares: f64 = without.iter().map(|ratio| (ratio - mean) * (ratio - mean)).sum();
    let se = (squares * (s - 1.0) / s).sqrt();
    let half_width = t_quantile_95(samples as u64 - 1)? * se;
    Some(DistanceChange { ratio, se, half_width, samples })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAIRS: [(u32, u32); 6] = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3)];

    fn sums(distances: [u32; 6]) -> PairSums {
        PairSums::new(4, &PAIRS, &distances).unwrap()
    }

    #[test]
    fn a_common_factor_has_no_error() {
        let (from, to) = (sums([10, 20, 30, 40, 50, 60]), sums([5, 10, 15, 20, 25, 30]));
        let found = distance_change(&from, &to).unwrap();
        assert!((found.ratio - 0.5).abs() < 1e-15 && found.se < 1e-15, "{found:?}");
        assert_eq!(found.samples, 4);
        assert_eq!(from.mean(), Some(35.0));
    }

    #[test]
    fn the_error_is_that_of_ratios_without_each_sample() {
        let (from, to) = (sums([10, 20, 30, 40, 50, 60]), sums([12, 18, 33, 35, 60, 66]));
        let found = distance_change(&from, &to).unwrap();
        let without = [161.0 / 150.0, 117.0 / 110.0, 105.0 / 90.0, 65.0 / 70.0];
        let mean = without.iter().sum::<f64>() / 4.0;
        let se = (without.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() * 0.75).sqrt();
        assert!((found.se - se).abs() < 1e-15, "{found:?} {se}");
        assert!((found.half_width / found.se - 3.182_446_305_284_263).abs() < 1e-9);
    }

    #[test]
    fn what_cannot_be_compared_is_undefined() {
        let all = sums([10, 20, 30, 40, 50, 60]);
        assert_eq!(distance_change(&sums([0; 6]), &all), None);
        assert_eq!(distance_change(&all, &PairSums::new(4, &PAIRS[..5], &[1; 5]).unwrap()), None);
        let two = PairSums::new(2, &PAIRS[..1], &[3]).unwrap();
        assert_eq!(distance_change(&two, &two), None);
        // Without sample 3, only zeros remain.
        assert_eq!(distance_change(&sums([0, 0, 1, 0, 1, 1]), &all), None);
        assert!(PairSums::new(3, &PAIRS, &[1; 6]).is_err());
        assert!(PairSums::new(4, &PAIRS, &[1; 5]).is_err());
    }
}
