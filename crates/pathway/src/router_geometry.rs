//! Geometry of a router's weights, without samples: norms of the experts' rows, their similarity,
//! spread and rank, and their drift from other checkpoints (docs/metrics.md#router-geometry;
//! definitions in `docs/router-geometry.md`).
//!
//! All sums run in f64 in a fixed order.

use crate::eigenvalues::eigenvalues;
use crate::error::{Error, check_len, check_router};
use crate::sums::{dot, mean};

/// Router of one layer with its row norms and cosines (docs/metrics.md#router-geometry).
#[derive(Clone, Debug, PartialEq)]
pub struct RouterLayer {
    experts: usize,
    width: usize,
    /// `[E, d]`.
    weights: Vec<f64>,
    /// Norm of each row, `[E]`.
    norms: Vec<f64>,
    /// Cosines of the pairs `i < j` in ascending order, `[E (E - 1) / 2]`; `None` if a row is zero.
    cosines: Option<Vec<f64>>,
    effective_rank: Option<f64>,
}

/// Drift of one layer's router from the same layer's router at the last checkpoint
/// (docs/metrics.md#router-geometry).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RouterDrift {
    /// `||W - W_last|| / ||W_last||` (Frobenius), 0 at the last checkpoint; undefined if `W_last`
    /// is zero.
    pub distance: Option<f64>,
    /// Mean over experts of the cosine of an expert's row with its own row at the last checkpoint,
    /// in -1 to 1; undefined if a row is zero.
    pub cosine: Option<f64>,
    /// Mean over pairs of different experts of the absolute difference between their cosine and
    /// that at the last checkpoint, in 0 to 2. Undefined if a row is zero, and for fewer than two
    /// experts.
    pub gram: Option<f64>,
}

impl RouterLayer {
    /// Computes norms and cosines of a router `[E, d]`.
    ///
    /// # Errors
    ///
    /// The slice is not `[E, d]`, or experts or width are 0 or too large.
    pub fn new(experts: usize, width: usize, weights: &[f32]) -> Result<Self, Error> {
        check_router(width.min(1), experts)?;
        check_len("router weights [E, d]", experts.saturating_mul(width), weights.len())?;
        let weights: Vec<f64> = weights.iter().map(|&weight| f64::from(weight)).collect();
        let rows: Vec<&[f64]> = weights.chunks_exact(width).collect();
        let norms: Vec<f64> = rows.iter().map(|row| dot(row, row).sqrt()).collect();
        let mut cosines = Vec::with_capacity(experts * (experts - 1) / 2);
        let mut gram = vec![0.0; experts * experts];
        for (place, (row, norm)) in rows.iter().zip(&norms).enumerate() {
            gram[place * experts + place] = dot(row, row);
            for (other, (other_row, other_norm)) in rows.iter().zip(&norms).enumerate().skip(place + 1) {
                let product = dot(row, other_row);
                gram[place * experts + other] = product;
                gram[other * experts + place] = product;
                cosines.push(product / (norm * other_norm));
            }
        }
        let cosines = norms.iter().all(|&norm| norm > 0.0).then_some(cosines);
        let effective_rank = effective_rank(gram, experts);
        Ok(Self { experts, width, weights, norms, cosines, effective_rank })
    }

    /// Norm of each expert's row, `[E]`.
    #[must_use]
    pub fn norms(&self) -> &[f64] {
        &self.norms
    }

    /// Mean, smallest and largest norm of a row.
    #[must_use]
    pub fn norm_summary(&self) -> [f64; 3] {
        let least = self.norms.iter().copied().fold(f64::INFINITY, f64::min);
        let largest = self.norms.iter().copied().fold(0.0, f64::max);
        [mean(&self.norms).unwrap_or(0.0), least, largest]
    }

    /// Mean cosine over pairs of different experts, in -1 to 1; undefined if a row is zero, and for
    /// fewer than two experts.
    #[must_use]
    pub fn similarity(&self) -> Option<f64> {
        self.cosines.as_deref().and_then(mean)
    }

    /// Largest distance of an expert's row from the mean row, over the norm of the mean row; undefined
    /// if the mean is zero.
    #[must_use]
    pub fn conditioning(&self) -> Option<f64> {
        let mut mean = vec![0.0; self.width];
        for row in self.weights.chunks_exact(self.width) {
            for (sum, weight) in mean.iter_mut().zip(row) {
                *sum += weight;
            }
        }
        for sum in &mut mean {
            *sum /= self.experts as f64;
        }
        let length = dot(&mean, &mean).sqrt();
        let distances = self.weights.chunks_exact(self.width).map(|row| {
            let apart: Vec<f64> = row.iter().zip(&mean).map(|(weight, mean)| weight - mean).collect();
            dot(&apart, &apart).sqrt()
        });
        let largest = distances.fold(0.0, f64::max);
        (length > 0.0).then(|| largest / length)
    }

    /// Effective rank: the exponential of the entropy of the singular values over their sum, from 1
    /// to `min(E, d)`; undefined if all weights are zero.
    #[must_use]
    pub fn effective_rank(&self) -> Option<f64> {
        self.effective_rank
    }

    /// One less the cosine of all weights with those `[E, d]` of the same layer at another
    /// checkpoint, in 0 to 2; undefined if either is zero.
    ///
    /// # Errors
    ///
    /// The slice has another length.
    pub fn turn(&self, other: &[f32]) -> Result<Option<f64>, Error> {
        check_len("router weights of two checkpoints [E, d]", self.weights.len(), other.len())?;
        let other: Vec<f64> = other.iter().map(|&weight| f64::from(weight)).collect();
        let size = (dot(&self.weights, &self.weights) * dot(&other, &other)).sqrt();
        Ok((size > 0.0).then(|| 1.0 - dot(&self.weights, &other) / size))
    }

    /// Drift of this router from that of the same layer at the last checkpoint.
    ///
    /// # Errors
    ///
    /// The two routers have different shapes.
    pub fn drift(&self, last: &Self) -> Result<RouterDrift, Error> {
        check_len("experts of two routers", last.experts, self.experts)?;
        check_len("width of two routers", last.width, self.width)?;
        let apart: Vec<f64> = self.weights.iter().zip(&last.weights).map(|(now, end)| now - end).collect();
        let whole = dot(&last.weights, &last.weights).sqrt();
        let rows = self.weights.chunks_exact(self.width).zip(last.weights.chunks_exact(self.width));
        let lengths = self.norms.iter().zip(&last.norms);
        let own: Option<Vec<f64>> = rows
            .zip(lengths)
            .map(|((now, end), (a, b))| (*a > 0.0 && *b > 0.0).then(|| dot(now, end) / (a * b)))
            .collect();
        let pairs = self.cosines.iter().flatten().zip(last.cosines.iter().flatten());
        let moved: Vec<f64> = pairs.map(|(now, end)| (now - end).abs()).collect();
        Ok(RouterDrift {
            distance: (whole > 0.0).then(|| dot(&apart, &apart).sqrt() / whole),
            cosine: own.as_deref().and_then(mean),
            gram: mean(&moved),
        })
    }
}

/// Effective rank of a matrix `[E, d]` from its products `W W^T`.
///
/// The eigenvalues of the products are the squares of the singular values. Rounding hides those
/// below `E` units in the last place of the largest, which count as 0.
fn effective_rank(gram: Vec<f64>, experts: usize) -> Option<f64> {
    let squares = eigenvalues(gram, experts);
    let least = squares.iter().copied().fold(0.0, f64::max) * experts as f64 * f64::EPSILON;
    let singular: Vec<f64> = squares.into_iter().filter(|square| *square > least).map(f64::sqrt).collect();
    let sum: f64 = singular.iter().sum();
    let entropy = -singular.iter().map(|value| value / sum * libm::log(value / sum)).sum::<f64>();
    (sum > 0.0).then(|| libm::exp(entropy))
}

/// Population standard deviation of the correction biases of a layer's experts
/// (docs/metrics.md#router-geometry); `None` without biases.
#[must_use]
pub fn bias_spread(biases: &[f32]) -> Option<f64> {
    let biases: Vec<f64> = biases.iter().map(|&bias| f64::from(bias)).collect();
    let average = mean(&biases)?;
    let squares: f64 = biases.iter().map(|bias| (bias - average) * (bias - average)).sum();
    Some((squares / biases.len() as f64).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: Option<f64>, expected: f64) {
        assert!(found.is_some_and(|found| (found - expected).abs() < 1e-12), "{found:?} for {expected}");
    }

    #[test]
    fn two_experts_at_a_right_angle() {
        let end = RouterLayer::new(2, 2, &[3.0, 0.0, 0.0, 4.0]).unwrap();
        assert_eq!(end.norms().len(), 2);
        let [mean, least, largest] = end.norm_summary();
        near(Some(mean), 3.5);
        near(Some(least), 3.0);
        near(Some(largest), 4.0);
        near(end.similarity(), 0.0);
        let same = end.drift(&end).unwrap();
        near(same.distance, 0.0);
        near(same.cosine, 1.0);
        near(same.gram, 0.0);
        // The first expert rotated onto the second one's direction: |(3,0) - (0,3)|^2 = 18 of 25.
        let start = RouterLayer::new(2, 2, &[0.0, 3.0, 0.0, 4.0]).unwrap();
        let drift = start.drift(&end).unwrap();
        near(start.similarity(), 1.0);
        near(drift.distance, 18.0_f64.sqrt() / 5.0);
        near(drift.cosine, 0.5);
        near(drift.gram, 1.0);
    }

    #[test]
    fn spread_and_rank_of_two_experts() {
        let layer = RouterLayer::new(2, 2, &[3.0, 0.0, 0.0, 4.0]).unwrap();
        // The mean is (1.5, 2), of norm 2.5, and both rows are 2.5 from it.
        near(layer.conditioning(), 1.0);
        let entropy = -(3.0 / 7.0 * libm::log(3.0 / 7.0) + 4.0 / 7.0 * libm::log(4.0 / 7.0));
        near(layer.effective_rank(), libm::exp(entropy));
        near(layer.turn(&[3.0, 0.0, 0.0, 4.0]).unwrap(), 0.0);
        near(layer.turn(&[0.0, 3.0, 4.0, 0.0]).unwrap(), 1.0);
        assert!(layer.turn(&[1.0]).is_err());
        // Equal rows have rank 1, whatever rounding adds.
        near(RouterLayer::new(3, 2, &[0.1, 0.7, 0.1, 0.7, 0.1, 0.7]).unwrap().effective_rank(), 1.0);
        near(bias_spread(&[1.0, 3.0]), 1.0);
        assert_eq!(bias_spread(&[]), None);
    }

    #[test]
    fn what_is_not_defined() {
        let zero = RouterLayer::new(2, 2, &[0.0; 4]).unwrap();
        let other = RouterLayer::new(2, 2, &[1.0, 0.0, 0.0, 1.0]).unwrap();
        assert_eq!(zero.similarity(), None);
        assert_eq!((zero.conditioning(), zero.effective_rank()), (None, None));
        assert_eq!(zero.turn(&[1.0; 4]).unwrap(), None);
        assert_eq!(other.drift(&zero).unwrap(), RouterDrift { distance: None, cosine: None, gram: None });
        near(zero.drift(&other).unwrap().distance, 1.0);
        assert_eq!(RouterLayer::new(1, 2, &[1.0, 0.0]).unwrap().similarity(), None);
        assert!(RouterLayer::new(2, 2, &[0.0; 3]).is_err());
        assert!(RouterLayer::new(0, 2, &[]).is_err());
        assert!(RouterLayer::new(2, 0, &[]).is_err());
        assert!(other.drift(&RouterLayer::new(2, 1, &[1.0, 1.0]).unwrap()).is_err());
    }
}
