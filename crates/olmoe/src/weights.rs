//! Weights on their way from a shard to the device: named tensors and ranges of their rows, widened to f32.

use burn::tensor::{Device, Tensor, TensorData};

use crate::{
    checkpoint::Checkpoint,
    error::Error,
    family::{Part, Projection},
};

/// Reads weights of one checkpoint onto one device.
#[derive(Clone, Copy)]
pub struct Weights<'a> {
    pub checkpoint: &'a Checkpoint,
    pub device: &'a Device,
}

/// Values as a tensor.
pub fn upload<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

impl Weights<'_> {
    /// A vector, `[n]`.
    pub async fn vector(&self, name: &str, n: usize) -> Result<Tensor<1>, Error> {
        let (shard, info) = self.checkpoint.tensor(name, &[n])?;
        Ok(upload(shard.floats(info, 0..n as u64).await?, [n], self.device))
    }

    /// A matrix, `[out,in]`.
    pub async fn matrix(&self, name: &str, shape: [usize; 2]) -> Result<Tensor<2>, Error> {
        Ok(upload(self.host_rows(name, shape, 0..shape[0]).await?, shape, self.device))
    }

    /// Some rows of a matrix `[out,in]`, in memory.
    pub async fn host_rows(
        &self,
        name: &str,
        shape: [usize; 2],
        rows: std::ops::Range<usize>,
    ) -> Result<Vec<f32>, Error> {
        let (shard, info) = self.checkpoint.tensor(name, &shape)?;
        let width = shape[1] as u64;
        Ok(shard.floats(info, rows.start as u64 * width..rows.end as u64 * width).await?)
    }

    /// A projection of the attention, transposed for multiplying rows of tokens: `[in,out]`.
    pub async fn projection(&self, layer: usize, projection: Projection) -> Result<Tensor<2>, Error> {
        let name = self.checkpoint.config.family.projection(layer, projection);
        Ok(self.matrix(&name, self.checkpoint.projection_shape(projection)).await?.transpose())
    }

    /// Its bias, `[out]`, where the model has one.
    pub async fn bias(&self, layer: usize, projection: Projection) -> Result<Option<Tensor<1>>, Error> {
        if !self.checkpoint.config.attention_bias {
            return Ok(None);
        }
        let weight = self.checkpoint.config.family.projection(layer, projection);
        let name = weight.replace(".weight", ".bias");
        let [out, _] = self.checkpoint.projection_shape(projection);
        Ok(Some(self.vector(&name, out).await?))
    }

    /// A matrix of an expert, transposed: `[in,out]`. Shards have one tensor an expert, or all experts in one.
    pub async fn expert(&self, layer: usize, expert: usize, part: Part) -> Result<Tensor<2>, Error> {
        let config = &self.checkpoint.config;
        let (inner, hidden, experts) = (config.intermediate, config.hidden, config.experts);
        let shape = if part == Part::Down { [hidden, inner] } else { [inner, hidden] };
        let fused = config.family.fused_experts(layer, part);
        if !self.checkpoint.has(&fused) {
            return Ok(self.matrix(&config.family.expert(layer, expert, part), shape).await?.transpose());
        }
        let values = (inner * hidden) as u64;
        let (of_expert, whole) = match part {
            Part::Gate => (expert as u64 * 2 * values, [experts, 2 * inner, hidden]),
            Part::Up => (expert as u64 * 2 * values + values, [experts, 2 * inner, hidden]),
            Part::Down => (expert as u64 * values, [experts, hidden, inner]),
        };
        let (shard, info) = self.checkpoint.tensor(&fused, &whole)?;
        let floats = shard.floats(info, of_expert..of_expert + values).await?;
        Ok(upload(floats, shape, self.device).transpose())
    }
}
