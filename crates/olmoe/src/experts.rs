//! Experts of one layer. Only selected experts are read, each group while the group before
//! computes.

use burn::tensor::{Device, IndexingUpdateOp, Int, Tensor, TensorData};

use crate::{
    device::Backend,
    error::Error,
    observer::Observer,
    routing::ExpertTokens,
    rowwise::{rms_norm, swiglu},
    threads,
    weights::{ExpertWeights, Prefetch, RawExpert, Weights, upload},
};

/// Adds the output of the selected experts to the residual stream `[N,d]` of each batch.
///
/// `routed` has for each batch the tokens of every expert; `norm` is the weight `[d]` of the norm
/// before the experts.
pub async fn apply(
    weights: &Weights<'_>,
    layer: usize,
    x: Vec<Tensor<2>>,
    norm: &Tensor<1>,
    routed: &[Vec<ExpertTokens>],
    observer: &dyn Observer,
) -> Result<Vec<Tensor<2>>, Error> {
    let config = &weights.checkpoint.config;
    let has_tokens = |batch: &Vec<ExpertTokens>, expert: usize| {
        batch.get(expert).is_some_and(|tokens| !tokens.rows.is_empty())
    };
    let selected: Vec<usize> =
        (0..config.experts).filter(|&expert| routed.iter().any(|batch| has_tokens(batch, expert))).collect();
    let context = Context { device: weights.device, backend: weights.backend, eps: config.norm_eps };
    let mut sums: Vec<Tensor<2>> = x.iter().map(Tensor::zeros_like).collect();
    let mut groups = selected.chunks(group_size(weights.backend));
    let mut next = prefetch(weights, layer, groups.next()).await;
    for group in selected.chunks(group_size(weights.backend)) {
        let mut experts = Vec::with_capacity(group.len());
        for ready in std::mem::take(&mut next) {
            experts.push(ready.finish().await?);
        }
        let (inner, hidden) = (config.intermediate, config.hidden);
        let to_weights =
            |raw: &mut RawExpert| std::mem::take(raw).upload(context.backend, context.device, inner, hidden);
        let experts = threads::map_mut(&mut experts, to_weights);
        next = prefetch(weights, layer, groups.next()).await;
        for (batch, sum) in sums.iter_mut().enumerate() {
            let Some(routed) = routed.get(batch) else { continue };
            let inputs: Vec<(&ExpertWeights, &ExpertTokens)> = group
                .iter()
                .zip(&experts)
                .filter_map(|(&expert, weights)| Some((weights, routed.get(expert)?)))
                .filter(|(_, tokens)| !tokens.rows.is_empty())
                .collect();
            let x = &x[batch];
            let outputs =
                threads::map(&inputs, |(expert, tokens)| compute(&context, expert, tokens, x, norm));
            for output in outputs {
                let (index, output) = output?;
                // A token selects an expert once, so each row is summed in the order of the
                // experts.
                let empty = Tensor::empty([0, 0], weights.device);
                let before = std::mem::replace(sum, empty);
                *sum = before.select_assign(0, index, output, IndexingUpdateOp::Add);
            }
        }
        observer.yield_now().await;
    }
    Ok(x.into_iter().zip(sums).map(|(x, sum)| x + sum).collect())
}

/// Number of experts that are computed at once: one per CPU thread; one on a GPU, which is busy
/// with it alone.
fn group_size(backend: Backend) -> usize {
    if backend == Backend::Cpu { threads::count() } else { 1 }
}

/// Starts reading a group of experts.
async fn prefetch<'a>(
    weights: &'a Weights<'_>,
    layer: usize,
    group: Option<&'a [usize]>,
) -> Vec<Prefetch<'a, Result<RawExpert, Error>>> {
    let mut started = Vec::new();
    for &expert in group.unwrap_or_default() {
        started.push(Prefetch::start(weights.expert(layer, expert)).await);
    }
    started
}

/// Device and norm constant of the experts.
struct Context<'a> {
    device: &'a Device,
    backend: Backend,
    eps: f64,
}

/// Computes the output of an expert for its tokens: their rows, and the weighted output `[n,d]`.
fn compute(
    context: &Context<'_>,
    ExpertWeights { gate, up, down }: &ExpertWeights,
    ExpertTokens { rows, weights }: &ExpertTokens,
    x: &Tensor<2>,
    norm: &Tensor<1>,
) -> Result<(Tensor<1, Int>, Tensor<2>), Error> {
    let index = Tensor::<1, Int>::from_data(TensorData::new(rows.clone(), [rows.len()]), context.device);
    // The norm works row by row, so it can be applied after gathering.
    let tokens = x.clone().select(0, index.clone());
    let tokens = rms_norm(context.backend, tokens, norm, context.eps)?;
    let (gate, up) = (tokens.clone().matmul(gate.clone()), tokens.matmul(up.clone()));
    let inner = swiglu(context.backend, gate, up)?;
    let scale = upload(weights.clone(), [rows.len(), 1], context.device);
    Ok((index, inner.matmul(down.clone()) * scale))
}
