//! The experts of one layer: each is read while the one before computes, and only if a token chose it.

use burn::tensor::{IndexingUpdateOp, Int, Tensor, TensorData};

use crate::{
    error::Error,
    routing::Chosen,
    rows::{gated, rms_norm},
    watch::Watch,
    weights::{Expert, Started, Weights, upload},
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
    let mut sums: Vec<Tensor<2>> = x.iter().map(Tensor::zeros_like).collect();
    let mut following = in_use.iter();
    let mut next = match following.next() {
        Some(&first) => Some(Started::new(weights.expert(layer, first)).await),
        None => None,
    };
    for &expert in &in_use {
        let Some(ready) = next.take() else { break };
        let Expert { gate, up, down } = ready.get().await?;
        if let Some(&following) = following.next() {
            next = Some(Started::new(weights.expert(layer, following)).await);
        }
        for (block, sum) in sums.iter_mut().enumerate() {
            let Some(Chosen { rows, weights: gates }) = chosen.get(block).and_then(|block| block.get(expert))
            else {
                continue;
            };
            if rows.is_empty() {
                continue;
            }
            let index =
                Tensor::<1, Int>::from_data(TensorData::new(rows.clone(), [rows.len()]), weights.device);
            // The norm is one of rows, so that it can follow the gathering.
            let tokens = x[block].clone().select(0, index.clone());
            let tokens = rms_norm(weights.backend, tokens, norm, config.norm_eps)?;
            let (gate, up) = (tokens.clone().matmul(gate.clone()), tokens.matmul(up.clone()));
            let inner = gated(weights.backend, gate, up)?;
            let scale = upload(gates.clone(), [rows.len(), 1], weights.device);
            let made = inner.matmul(down.clone()) * scale;
            // No token chooses an expert twice, so that the order of additions is that of the experts.
            let empty = Tensor::empty([0, 0], weights.device);
            let before = std::mem::replace(sum, empty);
            *sum = before.select_assign(0, index, made, IndexingUpdateOp::Add);
        }
        watch.breathe().await;
    }
    Ok(x.into_iter().zip(sums).map(|(x, sum)| x + sum).collect())
}
