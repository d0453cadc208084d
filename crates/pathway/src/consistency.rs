//! Consistency and smoothness of a pathway from layer to layer
//! (docs/metrics.md#pathway-consistency).

use crate::error::{Error, check_len, check_router};
use crate::sums::{dot, mean, quantile};

/// Gram matrices of a router: inner products of expert embeddings within each layer and between
/// adjacent layers.
///
/// The embedding of an expert is its row of the router weight `W_l` `[E, d]`. A sample's
/// consistency needs only these Gram blocks, so nothing else depends on the width `d`.
#[derive(Clone, Debug, PartialEq)]
pub struct RouterGram {
    layers: usize,
    experts: usize,
    form: Form,
}

/// Router data from which the inner products of routing embeddings are computed.
#[derive(Clone, Debug, PartialEq)]
enum Form {
    /// Gram blocks.
    Blocks {
        /// `W_l W_l^T`, `[L, E, E]`.
        own: Vec<f64>,
        /// `W_l W_{l+1}^T`, `[L - 1, E, E]`.
        next: Vec<f64>,
    },
    /// The embeddings themselves `[L, E, d]`, of so many experts that the blocks would be larger.
    Weights { width: usize, values: Vec<f32> },
}

/// Experts per layer up to which Gram blocks are kept, whatever the width of the embeddings.
const FEW_EXPERTS: usize = 256;

/// A layer's embedding counts as zero if its squared length is below this share of the layer's
/// largest squared expert embedding: below it, only rounding errors remain.
const ZERO: f64 = 1e-13;

/// Term that the paper adds to the largest cosine to keep the quotient finite.
const PAPER_EPSILON: f64 = 1e-8;

impl RouterGram {
    /// Computes the Gram blocks of router weights `[L, E, d]`, summed in f64. Above 256 experts,
    /// weights that are smaller than their blocks are kept instead.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the slice has another length; an error if layers or experts are 0 or too
    /// many.
    pub fn from_weights(layers: usize, experts: usize, width: usize, weights: &[f32]) -> Result<Self, Error> {
        let rows = check_router(layers, experts)?;
        check_len("router weights [L, E, d]", rows.saturating_mul(width), weights.len())?;
        if experts > FEW_EXPERTS && experts > width {
            let form = Form::Weights { width, values: weights.to_vec() };
            return Ok(Self { layers, experts, form });
        }
        let widen = |layer: usize| -> Vec<f64> {
            let size = experts * width;
            weights[layer * size..(layer + 1) * size].iter().map(|&weight| f64::from(weight)).collect()
        };
        let mut own = Vec::with_capacity(layers * experts * experts);
        let mut next = Vec::with_capacity((layers - 1) * experts * experts);
        let mut current = widen(0);
        for layer in 0..layers {
            push_products(&mut own, &current, &current, experts, width);
            if layer + 1 < layers {
                let following = widen(layer + 1);
                push_products(&mut next, &current, &following, experts, width);
                current = following;
            }
        }
        Ok(Self { layers, experts, form: Form::Blocks { own, next } })
    }

    /// Takes Gram blocks as a trace stores them, `[2L-1, E, E]`: the `L` blocks `W_l W_l^T`, then
    /// the `L - 1` blocks `W_l W_{l+1}^T`.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the slice has another length; an error if layers or experts are 0 or too
    /// many.
    pub fn from_blocks(layers: usize, experts: usize, blocks: &[f64]) -> Result<Self, Error> {
        let rows = check_router(layers, experts)?;
        let own = rows.saturating_mul(experts);
        let all = own.saturating_add((layers - 1).saturating_mul(experts).saturating_mul(experts));
        check_len("Gram blocks of the router [2L-1, E, E]", all, blocks.len())?;
        let (own, next) = blocks.split_at(own);
        let form = Form::Blocks { own: own.to_vec(), next: next.to_vec() };
        Ok(Self { layers, experts, form })
    }

    /// Number of layers, `L`.
    #[must_use]
    pub fn layers(&self) -> usize {
        self.layers
    }

    /// Experts per layer, `E`.
    #[must_use]
    pub fn experts(&self) -> usize {
        self.experts
    }
}

/// Appends the inner products of all rows of `a` with all rows of `b`, both `[E, d]`.
fn push_products(products: &mut Vec<f64>, a: &[f64], b: &[f64], experts: usize, width: usize) {
    let row = |matrix, expert: usize| -> &[f64] {
        let matrix: &[f64] = matrix;
        &matrix[expert * width..(expert + 1) * width]
    };
    for first in 0..experts {
        products.extend((0..experts).map(|second| dot(row(a, first), row(b, second))));
    }
}

/// The smoothness of one sample's pathway through the layers.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleConsistency {
    /// `c_l`, the cosines between the routing embeddings of adjacent layers, `[L - 1]`; `None`
    /// where an embedding is zero.
    pub cosines: Vec<Option<f64>>,
    /// The paper's `C_i = 1 - mean_l c_l / (max_l c_l + 1e-8)`, lower is smoother. Undefined below
    /// three layers, where a routing embedding is zero, or where no cosine is positive.
    pub c: Option<f64>,
    /// `mean_l c_l`, in `[-1, 1]`, higher is smoother. Undefined for one layer or where a routing
    /// embedding is zero.
    pub smoothness: Option<f64>,
}

/// Computes the consistency of one sample from its mean gates `[L, E]`
/// (docs/metrics.md#pathway-consistency) and its smoothness (docs/metrics.md#smoothness), over all
/// experts.
///
/// # Errors
///
/// The slice is not `[L, E]`.
pub fn sample_consistency(gates: &[f32], gram: &RouterGram) -> Result<SampleConsistency, Error> {
    let (layers, experts) = (gram.layers, gram.experts);
    check_len("mean gates of one sample [L, E]", layers * experts, gates.len())?;
    let gates: Vec<f64> = gates.iter().map(|&gate| f64::from(gate)).collect();
    let Products { squares, next } = match &gram.form {
        Form::Blocks { own, next } => products_by_blocks(&gates, layers, experts, own, next),
        Form::Weights { width, values } => products_by_weights(&gates, layers, experts, *width, values),
    };
    let cosines: Vec<Option<f64>> = (1..layers)
        .map(|layer| {
            let product = next[layer - 1];
            let cosine = product / (squares[layer - 1]?.sqrt() * squares[layer]?.sqrt());
            // Rounding must not move a cosine out of [-1, 1].
            Some(cosine.clamp(-1.0, 1.0))
        })
        .collect();
    let defined: Option<Vec<f64>> = cosines.iter().copied().collect();
    let smoothness = defined.as_deref().and_then(mean);
    let c = defined.filter(|_| layers >= 3).and_then(|cosines| {
        let largest = cosines.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let quotients: f64 = cosines.iter().map(|cosine| cosine / (largest + PAPER_EPSILON)).sum();
        (largest > 0.0).then(|| 1.0 - quotients / cosines.len() as f64)
    });
    Ok(SampleConsistency { cosines, c, smoothness })
}

/// Inner products of a sample's routing embeddings.
struct Products {
    /// Squared length of each layer's embedding, `[L]`; `None` where it is zero.
    squares: Vec<Option<f64>>,
    /// Product of each layer's embedding with the next one, `[L - 1]`.
    next: Vec<f64>,
}

/// A squared length, unless only rounding errors remain of it.
fn nonzero(square: f64, largest: f64) -> Option<f64> {
    (square > ZERO * largest).then_some(square)
}

fn products_by_blocks(gates: &[f64], layers: usize, experts: usize, own: &[f64], next: &[f64]) -> Products {
    let of_layer = |layer: usize| &gates[layer * experts..(layer + 1) * experts];
    let block = experts * experts;
    let squares = (0..layers).map(|layer| {
        let own = &own[layer * block..(layer + 1) * block];
        let square = bilinear(of_layer(layer), own, of_layer(layer));
        nonzero(square, own.iter().step_by(experts + 1).copied().fold(0.0, f64::max))
    });
    let products = (1..layers).map(|layer| {
        let next = &next[(layer - 1) * block..layer * block];
        bilinear(of_layer(layer - 1), next, of_layer(layer))
    });
    Products { squares: squares.collect(), next: products.collect() }
}

fn products_by_weights(
    gates: &[f64],
    layers: usize,
    experts: usize,
    width: usize,
    weights: &[f32],
) -> Products {
    let (mut squares, mut next) = (Vec::with_capacity(layers), Vec::with_capacity(layers));
    let mut before: Option<Vec<f64>> = None;
    for layer in 0..layers {
        let mut embedding = vec![0.0; width];
        let mut largest = 0.0_f64;
        let mut row = vec![0.0; width];
        for expert in layer * experts..(layer + 1) * experts {
            for (wide, &weight) in row.iter_mut().zip(&weights[expert * width..(expert + 1) * width]) {
                *wide = f64::from(weight);
            }
            for (sum, weight) in embedding.iter_mut().zip(&row) {
                *sum += gates[expert] * weight;
            }
            largest = largest.max(dot(&row, &row));
        }
        squares.push(nonzero(dot(&embedding, &embedding), largest));
        next.extend(before.as_deref().map(|before| dot(before, &embedding)));
        before = Some(embedding);
    }
    Products { squares, next }
}

/// `x^T M y` for a square matrix.
fn bilinear(x: &[f64], matrix: &[f64], y: &[f64]) -> f64 {
    x.iter().zip(matrix.chunks_exact(y.len())).map(|(x, row)| x * dot(row, y)).sum()
}

/// The consistency of a group of samples. Quartiles interpolate linearly between neighbours (type
/// 7).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ConsistencySummary {
    /// Samples in the group.
    pub samples: usize,
    /// Samples with a defined `C_i`.
    pub defined: usize,
    /// Median of `1 - C_i`, higher is smoother.
    pub median: Option<f64>,
    /// Lower quartile of `1 - C_i`.
    pub lower: Option<f64>,
    /// Upper quartile of `1 - C_i`.
    pub upper: Option<f64>,
    /// Mean of `1 - C_i`.
    pub mean: Option<f64>,
    /// Mean of `C_i`, the paper's quantity.
    pub mean_c: Option<f64>,
    /// Mean of the samples' smoothness.
    pub smoothness: Option<f64>,
    /// Share of samples without a defined `C_i`; undefined for an empty group.
    pub undefined: Option<f64>,
}

/// Summarises the consistency of a group of samples (docs/metrics.md#pathway-consistency). Sums run
/// in the order of the samples.
pub fn summarise_consistency<'a>(
    samples: impl IntoIterator<Item = &'a SampleConsistency>,
) -> ConsistencySummary {
    let (cs, smoothness): (Vec<_>, Vec<_>) =
        samples.into_iter().map(|sample| (sample.c, sample.smoothness)).unzip();
    let samples = cs.len();
    let cs: Vec<f64> = cs.into_iter().flatten().collect();
    let smoothness: Vec<f64> = smoothness.into_iter().flatten().collect();
    let consistencies: Vec<f64> = cs.iter().map(|c| 1.0 - c).collect();
    let mut ascending = consistencies.clone();
    ascending.sort_unstable_by(f64::total_cmp);
    ConsistencySummary {
        samples,
        defined: cs.len(),
        median: quantile(&ascending, 0.5),
        lower: quantile(&ascending, 0.25),
        upper: quantile(&ascending, 0.75),
        mean: mean(&consistencies),
        mean_c: mean(&cs),
        smoothness: mean(&smoothness),
        undefined: (samples > 0).then(|| (samples - cs.len()) as f64 / samples as f64),
    }
}
