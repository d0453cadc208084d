//! Reads weights from shards to the device: named tensors and ranges of their rows.
//!
//! [`Prefetch`] starts a read before its result is needed, so that reading and computing overlap.

use std::future::Future;

use burn::tensor::{Device, Tensor, TensorData};
use futures::{
    future::{try_join, try_join3, try_join4},
    poll,
};
use trace::{Dtype, TensorFile, TensorInfo};

use crate::{
    checkpoint::Checkpoint,
    device::Backend,
    error::Error,
    family::{ExpertMatrix, Projection},
    observer::LocalFuture,
};

/// Reader of the weights of one checkpoint for one device.
#[derive(Clone, Copy)]
pub struct Weights<'a> {
    pub checkpoint: &'a Checkpoint,
    pub device: &'a Device,
    pub backend: Backend,
}

/// Values of a tensor as stored in a shard, not yet on the device.
pub struct RawTensor {
    bytes: Vec<u8>,
    dtype: Dtype,
}

impl RawTensor {
    /// Uploads the values as f32. A GPU receives 16-bit values unchanged and widens them itself.
    fn upload<const D: usize>(self, backend: Backend, device: &Device, shape: [usize; D]) -> Tensor<D> {
        let Self { bytes, dtype } = self;
        #[cfg(feature = "gpu")]
        if backend == Backend::Gpu && dtype.is_half() {
            return crate::widen::upload(bytes, dtype == Dtype::F16, device).reshape(shape);
        }
        #[cfg(not(feature = "gpu"))]
        let _ = backend;
        upload(dtype.widen(&bytes), shape, device)
    }
}

impl Default for RawTensor {
    fn default() -> Self {
        Self { bytes: Vec::new(), dtype: Dtype::F32 }
    }
}

/// Matrices of an expert as stored in a shard, in the order of [`ExpertMatrix`].
#[derive(Default)]
pub struct RawExpert([RawTensor; 3]);

impl RawExpert {
    /// Uploads the matrices of an expert.
    pub fn upload(self, backend: Backend, device: &Device, inner: usize, hidden: usize) -> ExpertWeights {
        let Self([gate, up, down]) = self;
        ExpertWeights {
            gate: gate.upload(backend, device, [inner, hidden]).transpose(),
            up: up.upload(backend, device, [inner, hidden]).transpose(),
            down: down.upload(backend, device, [hidden, inner]).transpose(),
        }
    }
}

/// Weights of a layer that all tokens use: everything but the experts.
pub struct LayerWeights {
    /// Weight of the norm before the attention, `[d]`.
    pub attention_norm: Tensor<1>,
    /// Weight of the norm before the experts, `[d]`.
    pub expert_norm: Tensor<1>,
    /// Router matrix, `[E,d]`, in memory because the trace contains it.
    pub router: Vec<f32>,
    /// Projections in the order of [`Projection::ALL`].
    projections: [ProjectionWeights; 4],
}

/// Weights of a projection of the attention.
pub struct ProjectionWeights {
    /// Matrix, `[in,out]`.
    pub matrix: Tensor<2>,
    /// Bias, `[out]`, if the model has biases.
    pub bias: Option<Tensor<1>>,
    /// Weight of the norm after the projection, `[out]`, if the family has one.
    pub norm: Option<Tensor<1>>,
}

impl LayerWeights {
    /// Weights of a projection of the attention.
    pub fn projection(&self, projection: Projection) -> &ProjectionWeights {
        let [q, k, v, o] = &self.projections;
        match projection {
            Projection::Q => q,
            Projection::K => k,
            Projection::V => v,
            Projection::O => o,
        }
    }
}

/// Matrices of an expert on the device, each `[in,out]`.
pub struct ExpertWeights {
    pub gate: Tensor<2>,
    pub up: Tensor<2>,
    pub down: Tensor<2>,
}

/// A read that has been started: a future that was polled once.
pub enum Prefetch<'a, T> {
    Ready(T),
    Pending(LocalFuture<'a, T>),
}

impl<'a, T> Prefetch<'a, T> {
    /// Starts a read.
    pub async fn start(future: impl Future<Output = T> + 'a) -> Self {
        let mut future: LocalFuture<'a, T> = Box::pin(future);
        match poll!(&mut future) {
            std::task::Poll::Ready(value) => Self::Ready(value),
            std::task::Poll::Pending => Self::Pending(future),
        }
    }

    /// Waits for the result.
    pub async fn finish(self) -> T {
        match self {
            Self::Ready(value) => value,
            Self::Pending(future) => future.await,
        }
    }
}

/// Uploads values as a tensor.
pub fn upload<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

impl Weights<'_> {
    /// Reads a range of a tensor's values, as stored.
    async fn raw(
        &self,
        shard: &TensorFile,
        info: &TensorInfo,
        range: std::ops::Range<u64>,
    ) -> Result<RawTensor, Error> {
        let dtype = info.dtype.clone();
        Ok(RawTensor { bytes: shard.bytes(info, range).await?, dtype })
    }

    /// Reads a vector `[n]` to the device.
    pub async fn vector(&self, name: &str, n: usize) -> Result<Tensor<1>, Error> {
        let (shard, info) = self.checkpoint.tensor(name, &[n])?;
        Ok(self.raw(shard, info, 0..n as u64).await?.upload(self.backend, self.device, [n]))
    }

    /// Reads some rows of a matrix of `shape` `[out,in]`, as stored.
    pub async fn raw_rows(
        &self,
        name: &str,
        shape: [usize; 2],
        rows: std::ops::Range<usize>,
    ) -> Result<RawTensor, Error> {
        let (shard, info) = self.checkpoint.tensor(name, &shape)?;
        let width = shape[1] as u64;
        self.raw(shard, info, rows.start as u64 * width..rows.end as u64 * width).await
    }

    /// Reads some rows of a matrix of `shape` `[out,in]` to the device.
    pub async fn rows(
        &self,
        name: &str,
        shape: [usize; 2],
        rows: std::ops::Range<usize>,
    ) -> Result<Tensor<2>, Error> {
        let count = rows.len();
        let raw = self.raw_rows(name, shape, rows).await?;
        Ok(raw.upload(self.backend, self.device, [count, shape[1]]))
    }

    /// Reads some rows of a matrix of `shape` `[out,in]` to memory.
    pub async fn host_rows(
        &self,
        name: &str,
        shape: [usize; 2],
        rows: std::ops::Range<usize>,
    ) -> Result<Vec<f32>, Error> {
        let RawTensor { bytes, dtype } = self.raw_rows(name, shape, rows).await?;
        Ok(dtype.widen(&bytes))
    }

    /// Reads all weights of a layer but its experts. All reads start at once.
    pub async fn layer(&self, layer: usize) -> Result<LayerWeights, Error> {
        let config = &self.checkpoint.config;
        let family = config.family;
        let (attention, expert) = (family.attention_norm(layer), family.expert_norm(layer));
        let (router, shape) = (family.router(layer), [config.experts, config.hidden]);
        let [q, k, v, o] = Projection::ALL.map(|projection| self.projection(layer, projection));
        let ((attention_norm, expert_norm, router), (q, k, v, o)) = try_join(
            try_join3(
                self.vector(&attention, config.hidden),
                self.vector(&expert, config.hidden),
                self.host_rows(&router, shape, 0..config.experts),
            ),
            try_join4(q, k, v, o),
        )
        .await?;
        Ok(LayerWeights { attention_norm, expert_norm, router, projections: [q, k, v, o] })
    }

    /// Reads the weights of a projection of the attention.
    async fn projection(&self, layer: usize, projection: Projection) -> Result<ProjectionWeights, Error> {
        let config = &self.checkpoint.config;
        let [out, input] = self.checkpoint.projection_shape(projection);
        let name = config.family.projection(layer, projection);
        let bias = config.attention_bias.then(|| config.family.bias(layer, projection));
        let norm = config.family.projection_norm(layer, projection);
        let vector = async |name: Option<String>| match name {
            Some(name) => Ok(Some(self.vector(&name, out).await?)),
            None => Ok(None),
        };
        let (matrix, bias, norm) =
            try_join3(self.rows(&name, [out, input], 0..out), vector(bias), vector(norm)).await?;
        // Transposed, since rows of tokens are multiplied from the left.
        Ok(ProjectionWeights { matrix: matrix.transpose(), bias, norm })
    }

    /// Reads the matrices of an expert. The three reads start at once.
    pub async fn expert(&self, layer: usize, expert: usize) -> Result<RawExpert, Error> {
        let (gate, up, down) = try_join3(
            self.expert_matrix(layer, expert, ExpertMatrix::Gate),
            self.expert_matrix(layer, expert, ExpertMatrix::Up),
            self.expert_matrix(layer, expert, ExpertMatrix::Down),
        )
        .await?;
        Ok(RawExpert([gate, up, down]))
    }

    /// Reads a matrix of an expert, `[out,in]`. A shard has one tensor per expert and matrix, or
    /// the experts of a layer fused into one tensor.
    async fn expert_matrix(
        &self,
        layer: usize,
        expert: usize,
        matrix: ExpertMatrix,
    ) -> Result<RawTensor, Error> {
        let config = &self.checkpoint.config;
        let (inner, hidden, experts) = (config.intermediate, config.hidden, config.experts);
        let shape = if matrix == ExpertMatrix::Down { [hidden, inner] } else { [inner, hidden] };
        let fused = config.family.fused_experts(layer, matrix);
        if !self.checkpoint.has(&fused) {
            let name = config.family.expert(layer, expert, matrix);
            return self.raw_rows(&name, shape, 0..shape[0]).await;
        }
        let values = (inner * hidden) as u64;
        let (start, fused_shape) = match matrix {
            ExpertMatrix::Gate => (expert as u64 * 2 * values, [experts, 2 * inner, hidden]),
            ExpertMatrix::Up => (expert as u64 * 2 * values + values, [experts, 2 * inner, hidden]),
            ExpertMatrix::Down => (expert as u64 * values, [experts, hidden, inner]),
        };
        let (shard, info) = self.checkpoint.tensor(&fused, &fused_shape)?;
        self.raw(shard, info, start..start + values).await
    }
}
