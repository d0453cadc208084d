//! Routing entropy: how evenly gates are distributed over the experts
//! (docs/metrics.md#routing-entropy; paper, appendix E.5).

use crate::error::{Error, check_len};
use crate::sums::mean;

/// Entropy of one row of gates `[E]` in nats, from 0 (one expert has all weight) to `ln E`
/// (uniform).
///
/// The stored weights are not renormalized; weights of 0 contribute nothing.
fn row_entropy(gates: &[f32]) -> f64 {
    let terms = gates.iter().map(|&gate| f64::from(gate)).filter(|&gate| gate > 0.0);
    -terms.map(|gate| gate * libm::log(gate)).sum::<f64>()
}

/// Appends the entropy of each layer's gates, `[L]` in nats, for gates `[L, E]` of one sample
/// (docs/metrics.md#routing-entropy) or token (docs/metrics.md#token-entropy).
///
/// An entropy is between 0 (one expert has all weight) and `ln E` (uniform). The stored weights are
/// not renormalized. An incomplete last layer is ignored.
///
/// # Panics
///
/// `experts` is 0.
pub fn entropy_by_layer(gates: &[f32], experts: usize, entropies: &mut Vec<f64>) {
    entropies.extend(gates.chunks_exact(experts).map(row_entropy));
}

/// Mean entropy of samples (docs/metrics.md#routing-entropy) or tokens
/// (docs/metrics.md#token-entropy), per layer and over layers.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerEntropy {
    sums: Vec<f64>,
    samples: u64,
}

impl LayerEntropy {
    /// Creates an empty mean.
    #[must_use]
    pub fn new(layers: usize) -> Self {
        Self { sums: vec![0.0; layers], samples: 0 }
    }

    /// Adds the entropies `[L]` of one sample or token, from [`entropy_by_layer`].
    ///
    /// # Errors
    ///
    /// The number of layers differs; nothing is then added.
    pub fn push(&mut self, entropies: &[f64]) -> Result<(), Error> {
        check_len("entropies of one sample or token [L]", self.sums.len(), entropies.len())?;
        for (sum, entropy) in self.sums.iter_mut().zip(entropies) {
            *sum += entropy;
        }
        self.samples += 1;
        Ok(())
    }

    /// Number of samples or tokens added.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// Mean entropy of each layer, `[L]`, nats; undefined without samples.
    #[must_use]
    pub fn means(&self) -> Vec<Option<f64>> {
        let mean = |sum: &f64| (self.samples > 0).then(|| sum / self.samples as f64);
        self.sums.iter().map(mean).collect()
    }

    /// Mean entropy over layers and samples, nats; undefined without samples.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        let means: Option<Vec<f64>> = self.means().into_iter().collect();
        mean(&means?)
    }
}
