//! Effective dimension of a group's gates (docs/metrics.md#effective-dimension; paper, section
//! 4.4).

use crate::error::{Error, check_len, check_router};
use crate::sums::mean;

/// Gram matrices `G_l^T G_l` `[L, E, E]` of a group's mean gates, summed sample by sample in f64
/// (docs/metrics.md#effective-dimension).
#[derive(Clone, Debug, PartialEq)]
pub struct Spectrum {
    layers: usize,
    experts: usize,
    samples: usize,
    /// Only the diagonal and the upper triangle are filled.
    gram: Vec<f64>,
    /// Buffer for one sample's gates.
    wide: Vec<f64>,
}

/// Effective dimension of a group's gates at one ridge (docs/metrics.md#effective-dimension).
#[derive(Clone, Debug, PartialEq)]
pub struct EffectiveDimension {
    /// Ridge `alpha * Tr(H) / S` of each layer, `[L]`; undefined without samples.
    pub lambda: Vec<Option<f64>>,
    /// `Tr(H (H + lambda I)^-1)` of each layer, `[L]`, at most `min(S, E)`; undefined without
    /// samples, if the gates are all zero or not finite, and unless `alpha` is positive.
    pub d_eff: Vec<Option<f64>>,
    /// Mean over layers, if all are defined.
    pub mean: Option<f64>,
}

impl Spectrum {
    /// Creates an empty sum.
    ///
    /// # Errors
    ///
    /// Layers or experts are 0, or there are more than 65,535 experts.
    pub fn new(layers: usize, experts: usize) -> Result<Self, Error> {
        let values = check_router(layers, experts)?;
        Ok(Self { layers, experts, samples: 0, gram: vec![0.0; values * experts], wide: vec![0.0; experts] })
    }

    /// Adds one sample's mean gates `[L, E]`.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] unless the slice is `[L, E]`.
    pub fn push_sample(&mut self, gates: &[f32]) -> Result<(), Error> {
        let experts = self.experts;
        check_len("mean gates of one sample [L, E]", self.layers * experts, gates.len())?;
        let layers = gates.chunks_exact(experts).zip(self.gram.chunks_exact_mut(experts * experts));
        for (gates, gram) in layers {
            for (wide, &gate) in self.wide.iter_mut().zip(gates) {
                *wide = f64::from(gate);
            }
            for (first, row) in gram.chunks_exact_mut(experts).enumerate() {
                let weight = self.wide[first];
                for (sum, gate) in row[first..].iter_mut().zip(&self.wide[first..]) {
                    *sum += weight * gate;
                }
            }
        }
        self.samples += 1;
        Ok(())
    }

    /// Number of samples added.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Computes the effective dimension with the ridge `lambda = alpha * Tr(H) / S`.
    /// `H = G_l G_l^T` has the same trace and the same nonzero eigenvalues as `G_l^T G_l`.
    #[must_use]
    pub fn d_eff(&self, alpha: f64) -> EffectiveDimension {
        let blocks = || self.gram.chunks_exact(self.experts * self.experts);
        let ridge = |gram: &[f64]| {
            let trace: f64 = gram.iter().step_by(self.experts + 1).sum();
            (self.samples > 0).then(|| alpha * trace / self.samples as f64)
        };
        let lambda: Vec<Option<f64>> = blocks().map(ridge).collect();
        let of_layer = |(gram, ridge): (&[f64], &Option<f64>)| {
            let ridge = ridge.filter(|ridge| ridge.is_finite() && *ridge > 0.0)?;
            Some(self.experts as f64 - ridge * inverse_trace(gram, self.experts, ridge)?)
        };
        let d_eff: Vec<Option<f64>> = blocks().zip(&lambda).map(of_layer).collect();
        let defined: Option<Vec<f64>> = d_eff.iter().copied().collect();
        EffectiveDimension { lambda, d_eff, mean: defined.as_deref().and_then(mean) }
    }
}

/// `Tr((M + ridge I)^-1)` of a symmetric matrix given by its upper triangle; `None` unless
/// `M + ridge I` is positive definite.
///
/// With the Cholesky factor `M + ridge I = R^T R` the trace is the sum of the squares of `R^-1`.
/// Both need only sums, products, quotients and roots, in a fixed order.
fn inverse_trace(upper: &[f64], size: usize, ridge: f64) -> Option<f64> {
    let mut factor = upper.to_vec();
    for pivot in 0..size {
        factor[pivot * size + pivot] += ridge;
    }
    for pivot in 0..size {
        let (done, below) = factor.split_at_mut((pivot + 1) * size);
        let row = &mut done[pivot * size + pivot..];
        let root = row[0].sqrt();
        if root.is_nan() || root <= 0.0 {
            return None;
        }
        for value in row.iter_mut() {
            *value /= root;
        }
        // Subtracts the outer product of the finished row from the remaining triangle.
        for (step, other) in below.chunks_exact_mut(size).enumerate() {
            let weight = row[step + 1];
            for (value, finished) in other[pivot + 1 + step..].iter_mut().zip(&row[step + 1..]) {
                *value -= weight * finished;
            }
        }
    }
    // Solves R^T x = e for each unit vector e: x is a column of R^-T, so a row of R^-1.
    let mut trace = 0.0;
    let mut rest = vec![0.0; size];
    for unit in 0..size {
        rest.fill(0.0);
        rest[unit] = 1.0;
        for pivot in unit..size {
            let row = &factor[pivot * size + pivot..(pivot + 1) * size];
            let x = rest[pivot] / row[0];
            trace += x * x;
            for (value, coefficient) in rest[pivot + 1..].iter_mut().zip(&row[1..]) {
                *value -= x * coefficient;
            }
        }
    }
    Some(trace)
}
