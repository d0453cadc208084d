//! Routing entropy: how evenly gates are distributed over the experts
//! (docs/metrics.md#routing-entropy; paper, appendix E.5).

use crate::logarithm::entropy_of_finite;

/// Entropy of one row of gates `[E]` in nats, from 0 (one expert has all weight) to `ln E`
/// (uniform).
///
/// The stored weights are not renormalized; weights of 0 contribute nothing.
fn row_entropy(gates: &[f32]) -> f64 {
    if gates.iter().all(|gate| gate.is_finite()) {
        return entropy_of_finite(gates);
    }
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

/// Mean entropy of each layer, `[L]` in nats, over the entropies `[L]` of samples
/// (docs/metrics.md#routing-entropy) or tokens (docs/metrics.md#token-entropy); undefined without
/// any.
#[must_use]
pub fn mean_entropy_by_layer<'a>(
    layers: usize,
    entropies: impl IntoIterator<Item = &'a [f64]>,
) -> Vec<Option<f64>> {
    let mut sums = vec![0.0; layers];
    let mut count = 0_u64;
    for entropies in entropies {
        for (sum, entropy) in sums.iter_mut().zip(entropies) {
            *sum += entropy;
        }
        count += 1;
    }
    sums.into_iter().map(|sum| (count > 0).then(|| sum / count as f64)).collect()
}
