//! Effective dimension of a group's gates (docs/metrics.md#effective-dimension; paper, section
//! 4.4).

use crate::error::{Error, check_len, check_router};
use crate::products::add_products;
use crate::sums::{dot, mean};

/// Experts per layer up to which the Gram matrices are `[E, E]` whatever the number of samples.
const FEW_EXPERTS: usize = 64;

/// Second moments of a group's mean gates in each layer, added sample by sample
/// (docs/metrics.md#effective-dimension).
#[derive(Clone, Debug, PartialEq)]
pub struct Spectrum {
    layers: usize,
    experts: usize,
    samples: usize,
    moments: Moments,
}

/// Gates or Gram matrices, from which the eigenvalues of a group are computed. `G_l G_l^T` `[S, S]`
/// and `G_l^T G_l` `[E, E]` have the same trace and the same nonzero eigenvalues; the smaller one
/// is used.
#[derive(Clone, Debug, PartialEq)]
enum Moments {
    /// Gates `[S, L, E]`, while there are more experts than samples.
    Gates(Vec<f32>),
    /// Gram matrices `G_l^T G_l` `[L, E, E]`, summed in f64 in the order of the samples. Only the
    /// diagonal and the upper triangle count.
    Gram(Vec<f64>),
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
    /// Creates an empty sum. With more than 64 experts per layer it takes at most twice the bytes
    /// of the gates that are added, or `8 L E^2` once there are as many samples as experts.
    ///
    /// # Errors
    ///
    /// Layers or experts are 0, or there are more than 65,535 experts.
    pub fn new(layers: usize, experts: usize) -> Result<Self, Error> {
        let values = check_router(layers, experts)?;
        let moments = if experts <= FEW_EXPERTS {
            Moments::Gram(vec![0.0; values * experts])
        } else {
            Moments::Gates(Vec::new())
        };
        Ok(Self { layers, experts, samples: 0, moments })
    }

    /// Adds one sample's mean gates `[L, E]`.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] unless the slice is `[L, E]`.
    pub fn push_sample(&mut self, gates: &[f32]) -> Result<(), Error> {
        for mut layer in self.push_by_layer(&[gates])? {
            layer.add(&[gates]);
        }
        Ok(())
    }

    /// Begins to add samples' mean gates `[L, E]`, and returns the layers whose sums still lack
    /// them; each layer is independent of the others.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] unless each slice is `[L, E]`; nothing is then added.
    pub fn push_by_layer(&mut self, samples: &[&[f32]]) -> Result<Vec<LayerMoments<'_>>, Error> {
        let (width, experts) = (self.layers * self.experts, self.experts);
        for gates in samples {
            check_len("mean gates of one sample [L, E]", width, gates.len())?;
        }
        self.samples += samples.len();
        if let Moments::Gates(all) = &mut self.moments {
            if self.samples < experts {
                all.extend(samples.iter().copied().flatten());
                return Ok(Vec::new());
            }
            let kept = std::mem::take(all);
            let kept: Vec<&[f32]> = kept.chunks_exact(width).collect();
            let mut gram = vec![0.0; width * experts];
            for mut layer in by_layer(&mut gram, experts) {
                layer.add(&kept);
            }
            self.moments = Moments::Gram(gram);
        }
        let Moments::Gram(gram) = &mut self.moments else { return Ok(Vec::new()) };
        Ok(by_layer(gram, experts).collect())
    }

    /// Number of samples added.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// Computes the effective dimension with the ridge `lambda = alpha * Tr(H) / S`.
    #[must_use]
    pub fn d_eff(&self, alpha: f64) -> EffectiveDimension {
        let (lambda, d_eff): (Vec<_>, Vec<_>) = (0..self.layers)
            .map(|layer| match &self.moments {
                Moments::Gram(gram) => {
                    let block = self.experts * self.experts;
                    let gram = &gram[layer * block..(layer + 1) * block];
                    of_layer(gram, self.experts, self.samples, alpha)
                }
                Moments::Gates(all) => {
                    let gram = sample_products(all, self.layers, self.experts, layer);
                    of_layer(&gram, self.samples, self.samples, alpha)
                }
            })
            .unzip();
        let defined: Option<Vec<f64>> = d_eff.iter().copied().collect();
        EffectiveDimension { lambda, d_eff, mean: defined.as_deref().and_then(mean) }
    }
}

/// The sums of one layer, to which samples are added.
#[derive(Debug)]
pub struct LayerMoments<'a> {
    layer: usize,
    experts: usize,
    gram: &'a mut [f64],
}

impl LayerMoments<'_> {
    /// Adds samples' mean gates `[L, E]`, the same as were given for all layers.
    ///
    /// # Panics
    ///
    /// A slice is shorter.
    pub fn add(&mut self, samples: &[&[f32]]) {
        let start = self.layer * self.experts;
        let of_layer = samples.iter().map(|gates| &gates[start..start + self.experts]);
        add_products(self.gram, of_layer, self.experts);
    }
}

/// Gram matrices `[L, E, E]`, one by one.
fn by_layer(gram: &mut [f64], experts: usize) -> impl Iterator<Item = LayerMoments<'_>> {
    let layers = gram.chunks_exact_mut(experts * experts).enumerate();
    layers.map(move |(layer, gram)| LayerMoments { layer, experts, gram })
}

/// The upper triangle of `G_l G_l^T` `[S, S]`, from gates `[S, L, E]`.
fn sample_products(all: &[f32], layers: usize, experts: usize, layer: usize) -> Vec<f64> {
    let rows = all.chunks_exact(layers * experts).map(|sample| &sample[layer * experts..][..experts]);
    let rows: Vec<Vec<f64>> = rows.map(|row| row.iter().map(|&gate| f64::from(gate)).collect()).collect();
    let mut gram = vec![0.0; rows.len() * rows.len()];
    for (first, a) in rows.iter().enumerate() {
        for (second, b) in rows.iter().enumerate().skip(first) {
            gram[first * rows.len() + second] = dot(a, b);
        }
    }
    gram
}

/// Ridge and effective dimension of a layer from a Gram matrix, given by its upper triangle.
fn of_layer(gram: &[f64], size: usize, samples: usize, alpha: f64) -> (Option<f64>, Option<f64>) {
    let trace: f64 = gram.iter().step_by(size + 1).sum();
    let lambda = (samples > 0).then(|| alpha * trace / samples as f64);
    let ridge = lambda.filter(|ridge| ridge.is_finite() && *ridge > 0.0);
    let d_eff = ridge.and_then(|ridge| Some(size as f64 - ridge * inverse_trace(gram, size, ridge)?));
    (lambda, d_eff)
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
