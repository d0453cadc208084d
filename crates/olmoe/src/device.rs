//! Where a checkpoint is computed: this machine's processor, or a graphics processor through wgpu.

use burn::tensor::Device;
use burn::tensor::Tensor;
#[cfg(feature = "gpu")]
use burn::tensor::TensorData;

use crate::error::Error;

/// The kinds of processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The processor, with SIMD.
    Cpu,
    /// A graphics processor: WebGPU in a browser; Vulkan, Metal or DirectX 12 elsewhere.
    Gpu,
}

/// A processor that is ready to compute.
#[derive(Clone, Debug)]
pub struct Processor {
    pub(crate) device: Device,
    /// Its kind.
    pub backend: Backend,
    /// What the system calls it; empty where it says nothing.
    pub name: String,
    /// Bytes that one buffer may have; none where only memory itself is the limit.
    pub buffer: Option<u64>,
    /// Whether a graphics processor is only imitated by the processor.
    pub imitated: bool,
    /// Bytes that the hidden states of all tokens may take together. More tokens are run in several passes.
    pub budget: u64,
    /// The handle behind the device, to hear when it is lost.
    #[cfg(feature = "gpu")]
    handle: Option<burn::tensor::wgpu::wgpu::Device>,
}

/// Hidden states that fit a 32-bit address space beside everything else.
const SMALL_BUDGET: u64 = 1 << 30;

/// What a graphics processor is asked for in one piece, and in all, to learn what it has.
#[cfg(feature = "gpu")]
const PROBE: (u64, u64) = (1 << 28, 1 << 31);

/// Hidden states on machines that nothing is known of: leaves a checkpoint of OLMoE-1B-7B inside 3 GiB.
const BUDGET: u64 = 3 << 29;

impl Processor {
    /// This machine's processor.
    pub fn cpu() -> Self {
        Self {
            device: Device::flex(),
            backend: Backend::Cpu,
            name: String::new(),
            buffer: None,
            imitated: false,
            budget: if cfg!(target_pointer_width = "32") { SMALL_BUDGET } else { BUDGET },
            #[cfg(feature = "gpu")]
            handle: None,
        }
    }

    /// The graphics processor that the system offers first, after a check that it computes right.
    ///
    /// # Errors
    /// [`Error::NoGpu`] where there is none, [`Error::WrongGpu`] where its figures are not those of the processor.
    #[cfg(feature = "gpu")]
    pub async fn gpu() -> Result<Self, Error> {
        let (device, setup) = Device::wgpu_options()
            .init_with_setup_async()
            .await
            .map_err(|error| Error::NoGpu { reason: error.to_string() })?;
        let info = setup.adapter.get_info();
        let limits = setup.adapter.limits();
        let buffer = limits.max_buffer_size.min(limits.max_storage_buffer_binding_size);
        let imitated = info.device_type == burn::tensor::wgpu::wgpu::DeviceType::Cpu
            || [&info.name, &info.driver]
                .iter()
                .any(|name| name.to_ascii_lowercase().contains("swiftshader"));
        let named = [info.name.as_str(), info.driver.as_str(), info.driver_info.as_str()];
        let name = named.into_iter().find(|name| !name.trim().is_empty()).unwrap_or_default().to_owned();
        let processor = Self {
            device,
            backend: Backend::Gpu,
            name,
            buffer: Some(buffer),
            imitated,
            // The other half is for weights and for what is computed between two states.
            budget: room(&setup.device, buffer).await / 2,
            handle: Some(setup.device.clone()),
        };
        processor.check().await?;
        Ok(processor)
    }

    /// Calls `tell` with a sentence's end when a graphics processor is lost, or has failed: its memory is full, say. What
    /// is waited for then never comes, or is wrong.
    #[cfg(feature = "gpu")]
    pub fn when_lost(&self, tell: impl Fn(String) + Send + Sync + 'static) {
        use std::sync::Arc;

        use burn::tensor::wgpu::wgpu::Error;
        let Some(handle) = &self.handle else { return };
        let tell = Arc::new(tell);
        let failed = Arc::clone(&tell);
        handle.set_device_lost_callback(move |_, message| {
            tell(format!("the graphics processor was lost ({message})"));
        });
        handle.on_uncaptured_error(Arc::new(move |error: Error| {
            failed(match error {
                Error::OutOfMemory { .. } => "the graphics processor has no memory left".to_owned(),
                Error::Validation { description, .. } | Error::Internal { description, .. } => {
                    format!("the graphics processor failed ({description})")
                }
            });
        }));
    }

    /// A small matrix product, a widening and a gather against the processor: shaders that are compiled wrong, or lost,
    /// give zeros or noise without any error.
    #[cfg(feature = "gpu")]
    async fn check(&self) -> Result<(), Error> {
        use burn::tensor::{IndexingUpdateOp, Int};
        const N: usize = 24;
        let steps =
            |scale: f32| (0..N * N).map(|at| ((at * 37 % 101) as f32 - 50.0) * scale).collect::<Vec<_>>();
        let rows: Vec<i32> = (0..N as i32).filter(|row| row % 3 != 1).collect();
        // The upper halves of floats are bfloat16, every one of them exact.
        let packed: Vec<u8> =
            steps(0.25).iter().flat_map(|value| value.to_le_bytes()[2..].to_vec()).collect();
        let compute = async |device: &Device, weights: Tensor<1>| {
            let a = Tensor::<2>::from_data(TensorData::new(steps(0.01), [N, N]), device);
            let index = Tensor::<1, Int>::from_data(TensorData::new(rows.clone(), [rows.len()]), device);
            let product = a.clone().select(0, index.clone()).matmul(weights.reshape([N, N]).transpose());
            let sum = a.select_assign(0, index, product, IndexingUpdateOp::Add);
            floats(burn::tensor::activation::softmax(sum, 1)).await
        };
        let found = compute(&self.device, crate::widen::upload(packed.clone(), false, &self.device)).await?;
        let cpu = Device::flex();
        let weights =
            Tensor::<1>::from_data(TensorData::new(trace::Dtype::Bf16.widen(&packed), [N * N]), &cpu);
        let expected = compute(&cpu, weights).await?;
        let farthest = found.iter().zip(&expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        // NaN compares with nothing.
        if found.len() == expected.len() && found.iter().all(|value| value.is_finite()) && farthest < 1e-5 {
            return Ok(());
        }
        Err(Error::WrongGpu { name: self.name.clone(), off: farthest.to_string() })
    }
}

/// Reads a tensor of floats back.
pub async fn floats<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, Error> {
    let failed = |message: String| Error::Device { message };
    let data = tensor.into_data_async().await.map_err(|error| failed(error.to_string()))?;
    data.convert::<f32>().try_into_vec().map_err(|error| failed(format!("{error:?}")))
}

/// Bytes that a graphics processor gives at once: buffers are asked for until one is refused, and given back unused.
/// WebGPU has no way to ask for the size of the memory.
#[cfg(feature = "gpu")]
async fn room(device: &burn::tensor::wgpu::wgpu::Device, most: u64) -> u64 {
    use burn::tensor::wgpu::wgpu::{BufferDescriptor, BufferUsages, ErrorFilter};
    let (piece, all) = (PROBE.0.min(most).max(1), PROBE.1);
    let mut buffers = Vec::new();
    for _ in 0..all / piece {
        let scope = device.push_error_scope(ErrorFilter::OutOfMemory);
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_DST;
        let buffer = device.create_buffer(&BufferDescriptor {
            label: None,
            size: piece,
            usage,
            mapped_at_creation: false,
        });
        let refused = scope.pop().await.is_some();
        if refused {
            break;
        }
        buffers.push(buffer);
    }
    for buffer in &buffers {
        buffer.destroy();
    }
    // One piece is what anything at all needs.
    (buffers.len() as u64 * piece).max(piece)
}
