//! Weights on their way from a shard to the device: named tensors and ranges of their rows. Every function gives a
//! future that can be started long before it is needed ([`Started`]), so that reading and computing overlap.

use std::{future::Future, pin::Pin};

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
    family::{Part, Projection},
};

/// Reads weights of one checkpoint onto one device.
#[derive(Clone, Copy)]
pub struct Weights<'a> {
    pub checkpoint: &'a Checkpoint,
    pub device: &'a Device,
    pub backend: Backend,
}

/// Values as they lie in a shard, not yet on the device.
pub struct Raw {
    bytes: Vec<u8>,
    dtype: Dtype,
}

impl Raw {
    /// Puts the values on a device: 16-bit ones as they are where the device widens them itself.
    fn put<const D: usize>(self, backend: Backend, device: &Device, shape: [usize; D]) -> Tensor<D> {
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

impl RawExpert {
    /// Puts an expert of `inner` width on a device.
    pub fn put(self, backend: Backend, device: &Device, inner: usize, hidden: usize) -> Expert {
        let Self([gate, up, down]) = self;
        Expert {
            gate: gate.put(backend, device, [inner, hidden]).transpose(),
            up: up.put(backend, device, [inner, hidden]).transpose(),
            down: down.put(backend, device, [hidden, inner]).transpose(),
        }
    }
}

impl Default for Raw {
    fn default() -> Self {
        Self { bytes: Vec::new(), dtype: Dtype::F32 }
    }
}

/// The three matrices of an expert as they lie in a shard, in the order of [`Part`]. Empty once they are on the device.
#[derive(Default)]
pub struct RawExpert([Raw; 3]);

/// The weights of a layer that every token passes through.
pub struct Dense {
    /// `[d]`.
    pub attention_norm: Tensor<1>,
    /// `[d]`.
    pub expert_norm: Tensor<1>,
    /// `[E,d]`, in memory: the trace takes it along.
    pub router: Vec<f32>,
    /// In the order of [`Projection::ALL`].
    projections: [Projected; 4],
}

/// A projection of the attention.
pub struct Projected {
    /// `[in,out]`.
    pub matrix: Tensor<2>,
    /// `[out]`, where the model has biases.
    pub bias: Option<Tensor<1>>,
    /// What its result is normed with, `[out]`, where it is.
    pub norm: Option<Tensor<1>>,
}

impl Dense {
    /// A projection of the attention.
    pub fn projection(&self, projection: Projection) -> &Projected {
        let [q, k, v, o] = &self.projections;
        match projection {
            Projection::Q => q,
            Projection::K => k,
            Projection::V => v,
            Projection::O => o,
        }
    }
}

/// The three matrices of an expert, each `[in,out]`.
pub struct Expert {
    pub gate: Tensor<2>,
    pub up: Tensor<2>,
    pub down: Tensor<2>,
}

/// A future that has been polled once: its reading has begun.
pub enum Started<'a, T> {
    Ready(T),
    Under(Pin<Box<dyn Future<Output = T> + 'a>>),
}

impl<'a, T> Started<'a, T> {
    /// Starts it.
    pub async fn new(future: impl Future<Output = T> + 'a) -> Self {
        let mut future: Pin<Box<dyn Future<Output = T> + 'a>> = Box::pin(future);
        match poll!(&mut future) {
            std::task::Poll::Ready(value) => Self::Ready(value),
            std::task::Poll::Pending => Self::Under(future),
        }
    }

    /// Its result.
    pub async fn get(self) -> T {
        match self {
            Self::Ready(value) => value,
            Self::Under(future) => future.await,
        }
    }
}

/// Values as a tensor.
pub fn upload<const D: usize>(values: Vec<f32>, shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values, shape), device)
}

impl Weights<'_> {
    /// Values as they lie in a shard.
    async fn raw(
        &self,
        shard: &TensorFile,
        info: &TensorInfo,
        range: std::ops::Range<u64>,
    ) -> Result<Raw, Error> {
        let dtype = info.dtype.clone();
        Ok(Raw { bytes: shard.bytes(info, range).await?, dtype })
    }

    /// A vector, `[n]`.
    pub async fn vector(&self, name: &str, n: usize) -> Result<Tensor<1>, Error> {
        let (shard, info) = self.checkpoint.tensor(name, &[n])?;
        Ok(self.raw(shard, info, 0..n as u64).await?.put(self.backend, self.device, [n]))
    }

    /// Some rows of a matrix `[out,in]`, as they lie in the shard.
    pub async fn raw_rows(
        &self,
        name: &str,
        shape: [usize; 2],
        rows: std::ops::Range<usize>,
    ) -> Result<Raw, Error> {
        let (shard, info) = self.checkpoint.tensor(name, &shape)?;
        let width = shape[1] as u64;
        self.raw(shard, info, rows.start as u64 * width..rows.end as u64 * width).await
    }

    /// Some rows of a matrix `[out,in]`, on the device.
    pub async fn rows(
        &self,
        name: &str,
        shape: [usize; 2],
        rows: std::ops::Range<usize>,
    ) -> Result<Tensor<2>, Error> {
        let count = rows.len();
        let raw = self.raw_rows(name, shape, rows).await?;
        Ok(raw.put(self.backend, self.device, [count, shape[1]]))
    }

    /// Some rows of a matrix `[out,in]`, in memory.
    pub async fn host_rows(
        &self,
        name: &str,
        shape: [usize; 2],
        rows: std::ops::Range<usize>,
    ) -> Result<Vec<f32>, Error> {
        let Raw { bytes, dtype } = self.raw_rows(name, shape, rows).await?;
        Ok(dtype.widen(&bytes))
    }

    /// Everything of a layer that does not depend on what its router chooses. All reads begin at once.
    pub async fn dense(&self, layer: usize) -> Result<Dense, Error> {
        let config = &self.checkpoint.config;
        let family = config.family;
        let (attention, expert) = (family.attention_norm(layer), family.expert_norm(layer));
        let (router, shape) = (family.router(layer), [config.experts, config.hidden]);
        let [q, k, v, o] = Projection::ALL.map(|projection| self.projected(layer, projection));
        let ((attention_norm, expert_norm, router), (q, k, v, o)) = try_join(
            try_join3(
                self.vector(&attention, config.hidden),
                self.vector(&expert, config.hidden),
                self.host_rows(&router, shape, 0..config.experts),
            ),
            try_join4(q, k, v, o),
        )
        .await?;
        Ok(Dense { attention_norm, expert_norm, router, projections: [q, k, v, o] })
    }

    /// A projection of the attention with what belongs to it.
    async fn projected(&self, layer: usize, projection: Projection) -> Result<Projected, Error> {
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
        // Transposed for multiplying rows of tokens.
        Ok(Projected { matrix: matrix.transpose(), bias, norm })
    }

    /// An expert. Its three reads begin at once.
    pub async fn expert(&self, layer: usize, expert: usize) -> Result<RawExpert, Error> {
        let (gate, up, down) = try_join3(
            self.expert_part(layer, expert, Part::Gate),
            self.expert_part(layer, expert, Part::Up),
            self.expert_part(layer, expert, Part::Down),
        )
        .await?;
        Ok(RawExpert([gate, up, down]))
    }

    /// A matrix of an expert, `[out,in]`. Shards have one tensor an expert, or all experts in one.
    async fn expert_part(&self, layer: usize, expert: usize, part: Part) -> Result<Raw, Error> {
        let config = &self.checkpoint.config;
        let (inner, hidden, experts) = (config.intermediate, config.hidden, config.experts);
        let shape = if part == Part::Down { [hidden, inner] } else { [inner, hidden] };
        let fused = config.family.fused_experts(layer, part);
        if !self.checkpoint.has(&fused) {
            let name = config.family.expert(layer, expert, part);
            return self.raw_rows(&name, shape, 0..shape[0]).await;
        }
        let values = (inner * hidden) as u64;
        let (of_expert, whole) = match part {
            Part::Gate => (expert as u64 * 2 * values, [experts, 2 * inner, hidden]),
            Part::Up => (expert as u64 * 2 * values + values, [experts, 2 * inner, hidden]),
            Part::Down => (expert as u64 * values, [experts, hidden, inner]),
        };
        let (shard, info) = self.checkpoint.tensor(&fused, &whole)?;
        self.raw(shard, info, of_expert..of_expert + values).await
    }
}
