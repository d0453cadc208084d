//! The experts of one layer: each is read when its turn comes, and only if a token chose it.

use burn::tensor::{IndexingUpdateOp, Int, Tensor, TensorData, activation::silu};

use crate::{
    error::Error,
    family::Part,
    routing::Chosen,
    watch::Watch,
    weights::{Weights, upload},
};

/// What the experts add to the residual stream, `[N,d]`, from their normed input.
pub async fn apply(
    weights: &Weights<'_>,
    layer: usize,
    x: &Tensor<2>,
    chosen: &[Chosen],
    watch: &dyn Watch,
) -> Result<Tensor<2>, Error> {
    let mut sum = x.zeros_like();
    for (expert, Chosen { rows, weights: gates }) in chosen.iter().enumerate() {
        if rows.is_empty() {
            continue;
        }
        let gate = weights.expert(layer, expert, Part::Gate).await?;
        let up = weights.expert(layer, expert, Part::Up).await?;
        let down = weights.expert(layer, expert, Part::Down).await?;
        let index = Tensor::<1, Int>::from_data(TensorData::new(rows.clone(), [rows.len()]), weights.device);
        let tokens = x.clone().select(0, index.clone());
        let inner = silu(tokens.clone().matmul(gate)) * tokens.matmul(up);
        let scale = upload(gates.clone(), [rows.len(), 1], weights.device);
        // No token chooses an expert twice, so that the order of additions is that of the experts.
        sum = sum.select_assign(0, index, inner.matmul(down) * scale, IndexingUpdateOp::Add);
        watch.breathe().await;
    }
    Ok(sum)
}
