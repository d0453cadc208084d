//! The experts of one layer: each is read while the one before computes, and only if a token chose it.

use burn::tensor::{Device, IndexingUpdateOp, Int, Tensor, TensorData};

use crate::{
    device::Backend,
    error::Error,
    routing::Chosen,
    rows::{gated, rms_norm},
    threads,
    watch::Watch,
    weights::{Expert, RawExpert, Started, Weights, upload},
};

/// Adds to the residual stream of every block, `[N,d]`, what its experts make of it. `chosen` has for each block the
/// rows of every expert; `norm` is the weight of the norm before the experts.
pub async fn apply(
    weights: &Weights<'_>,
    layer: usize,
    x: Vec<Tensor<2>>,
    norm: &Tensor<1>,
    chosen: &[Vec<Chosen>],
    watch: &dyn Watch,
) -> Result<Vec<Tensor<2>>, Error> {
    let config = &weights.checkpoint.config;
    let in_use: Vec<usize> = (0..config.experts)
        .filter(|&expert| chosen.iter().any(|block| block.get(expert).is_some_and(|c| !c.rows.is_empty())))
        .collect();
    let place = Place { device: weights.device, backend: weights.backend, eps: config.norm_eps };
    let mut sums: Vec<Tensor<2>> = x.iter().map(Tensor::zeros_like).collect();
    let mut groups = in_use.chunks(at_once(weights.backend));
    let mut next = start(weights, layer, groups.next()).await;
    for group in in_use.chunks(at_once(weights.backend)) {
        let mut experts = Vec::with_capacity(group.len());
        for ready in std::mem::take(&mut next) {
            experts.push(ready.get().await?);
        }
        let (inner, hidden) = (config.intermediate, config.hidden);
        let put = |raw: &mut RawExpert| std::mem::take(raw).put(place.backend, place.device, inner, hidden);
        let experts = threads::all_mut(&mut experts, put);
        next = start(weights, layer, groups.next()).await;
        for (block, sum) in sums.iter_mut().enumerate() {
            let Some(chosen) = chosen.get(block) else { continue };
            let jobs: Vec<(&Expert, &Chosen)> = group
                .iter()
                .zip(&experts)
                .filter_map(|(&expert, weights)| Some((weights, chosen.get(expert)?)))
                .filter(|(_, chosen)| !chosen.rows.is_empty())
                .collect();
            let block = &x[block];
            let made = threads::all(&jobs, |(expert, chosen)| compute(&place, expert, chosen, block, norm));
            for made in made {
                let (index, made) = made?;
                // No token chooses an expert twice, so that the order of additions is that of the experts.
                let empty = Tensor::empty([0, 0], weights.device);
                let before = std::mem::replace(sum, empty);
                *sum = before.select_assign(0, index, made, IndexingUpdateOp::Add);
            }
        }
        watch.breathe().await;
    }
    Ok(x.into_iter().zip(sums).map(|(x, sum)| x + sum).collect())
}

/// Experts that are computed together: one a thread of the processor. A graphics processor has threads enough for one.
fn at_once(backend: Backend) -> usize {
    if backend == Backend::Cpu { threads::count() } else { 1 }
}

/// Starts to read a group of experts.
async fn start<'a>(
    weights: &'a Weights<'_>,
    layer: usize,
    group: Option<&'a [usize]>,
) -> Vec<Started<'a, Result<RawExpert, Error>>> {
    let mut started = Vec::new();
    for &expert in group.unwrap_or_default() {
        started.push(Started::new(weights.expert(layer, expert)).await);
    }
    started
}

/// Where experts are computed.
struct Place<'a> {
    device: &'a Device,
    backend: Backend,
    eps: f64,
}

/// The rows of an expert, and what it makes of them, weighted.
fn compute(
    place: &Place<'_>,
    Expert { gate, up, down }: &Expert,
    Chosen { rows, weights: gates }: &Chosen,
    x: &Tensor<2>,
    norm: &Tensor<1>,
) -> Result<(Tensor<1, Int>, Tensor<2>), Error> {
    let index = Tensor::<1, Int>::from_data(TensorData::new(rows.clone(), [rows.len()]), place.device);
    // The norm is one of rows, so that it can follow the gathering.
    let tokens = x.clone().select(0, index.clone());
    let tokens = rms_norm(place.backend, tokens, norm, place.eps)?;
    let (gate, up) = (tokens.clone().matmul(gate.clone()), tokens.matmul(up.clone()));
    let inner = gated(place.backend, gate, up)?;
    let scale = upload(gates.clone(), [rows.len(), 1], place.device);
    Ok((index, inner.matmul(down.clone()) * scale))
}
