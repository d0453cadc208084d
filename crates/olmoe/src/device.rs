//! Devices that run checkpoints: the CPU, or a GPU through wgpu.

use burn::tensor::Device;
use burn::tensor::Tensor;
#[cfg(feature = "gpu")]
use burn::tensor::TensorData;

use crate::error::Error;

/// Kind of a processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// The CPU, with SIMD.
    Cpu,
    /// A GPU: WebGPU in a browser; Vulkan, Metal or DirectX 12 elsewhere.
    Gpu,
}

/// A CPU or GPU that is ready to compute.
#[derive(Clone, Debug)]
pub struct Processor {
    pub(crate) device: Device,
    /// Kind of the processor.
    pub backend: Backend,
    /// Name that the system gives it; empty if unknown.
    pub name: String,
    /// Largest buffer in bytes; none if memory is the only limit.
    pub max_buffer: Option<u64>,
    /// Whether this is a software (fallback) GPU, which computes on the CPU.
    pub software: bool,
    /// Memory budget for the hidden states of all tokens, in bytes. More tokens take several
    /// passes.
    pub budget: u64,
    /// wgpu device, for reports of its loss and errors; none on the CPU.
    #[cfg(feature = "gpu")]
    handle: Option<burn::tensor::wgpu::wgpu::Device>,
}

/// Budget for hidden states in a 32-bit address space, in bytes.
const BUDGET_32_BIT: u64 = 1 << 30;

/// Size of the buffers that measure the memory of a GPU, in bytes.
#[cfg(feature = "gpu")]
const PROBE_BUFFER: u64 = 1 << 28;

/// Largest memory of a GPU that is measured, in bytes.
#[cfg(feature = "gpu")]
const PROBE_TOTAL: u64 = 1 << 31;

/// Budget for hidden states on 64-bit CPUs, in bytes: OLMoE-1B-7B then runs within 3 GiB.
const BUDGET: u64 = 3 << 29;

impl Processor {
    /// The CPU of this machine.
    pub fn cpu() -> Self {
        Self {
            device: Device::flex(),
            backend: Backend::Cpu,
            name: String::new(),
            max_buffer: None,
            software: false,
            budget: if cfg!(target_pointer_width = "32") { BUDGET_32_BIT } else { BUDGET },
            #[cfg(feature = "gpu")]
            handle: None,
        }
    }

    /// Opens the system's preferred GPU and runs a self-test on it.
    ///
    /// # Errors
    /// [`Error::NoGpu`] if no GPU can be opened, [`Error::WrongGpu`] if its results differ from the
    /// CPU's, [`Error::Device`] if the self-test cannot be computed.
    #[cfg(feature = "gpu")]
    pub async fn gpu() -> Result<Self, Error> {
        let (device, setup) = Device::wgpu_options()
            .init_with_setup_async()
            .await
            .map_err(|error| Error::NoGpu { reason: error.to_string() })?;
        let info = setup.adapter.get_info();
        let limits = setup.adapter.limits();
        let max_buffer = limits.max_buffer_size.min(limits.max_storage_buffer_binding_size);
        let software = info.device_type == burn::tensor::wgpu::wgpu::DeviceType::Cpu
            || [&info.name, &info.driver]
                .iter()
                .any(|name| name.to_ascii_lowercase().contains("swiftshader"));
        let named = [info.name.as_str(), info.driver.as_str(), info.driver_info.as_str()];
        let name = named.into_iter().find(|name| !name.trim().is_empty()).unwrap_or_default().to_owned();
        let processor = Self {
            device,
            backend: Backend::Gpu,
            name,
            max_buffer: Some(max_buffer),
            software,
            // The other half is for weights and intermediate results.
            budget: available_memory(&setup.device, max_buffer).await / 2,
            handle: Some(setup.device.clone()),
        };
        processor.self_test().await?;
        Ok(processor)
    }

    /// Calls `report` with a message if the GPU is lost or reports an error, for example that its
    /// memory is full. Results are then wrong or never arrive. Does nothing on the CPU.
    #[cfg(feature = "gpu")]
    pub fn on_device_error(&self, report: impl Fn(String) + Send + Sync + 'static) {
        use std::sync::Arc;

        use burn::tensor::wgpu::wgpu::Error;
        let Some(handle) = &self.handle else { return };
        let report_loss = Arc::new(report);
        let report_error = Arc::clone(&report_loss);
        handle.set_device_lost_callback(move |_, message| {
            report_loss(format!("the GPU was lost ({message})"));
        });
        handle.on_uncaptured_error(Arc::new(move |error: Error| {
            report_error(match error {
                Error::OutOfMemory { .. } => "the GPU is out of memory".to_owned(),
                Error::Validation { description, .. } | Error::Internal { description, .. } => {
                    format!("the GPU reported an error ({description})")
                }
            });
        }));
    }

    /// Compares a small matrix product, a widening and a gather with the CPU, because wrongly
    /// compiled shaders return zeros or noise without any error.
    #[cfg(feature = "gpu")]
    async fn self_test(&self) -> Result<(), Error> {
        use burn::tensor::{IndexingUpdateOp, Int};
        const N: usize = 24;
        let values =
            |scale: f32| (0..N * N).map(|at| ((at * 37 % 101) as f32 - 50.0) * scale).collect::<Vec<_>>();
        let rows: Vec<i32> = (0..N as i32).filter(|row| row % 3 != 1).collect();
        // The upper half of an f32 is a bfloat16, exact for multiples of 0.25 up to 12.5.
        let packed: Vec<u8> =
            values(0.25).iter().flat_map(|value| value.to_le_bytes()[2..].to_vec()).collect();
        let compute = async |device: &Device, weights: Tensor<1>| {
            let a = Tensor::<2>::from_data(TensorData::new(values(0.01), [N, N]), device);
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
        // NaN is ignored by `max`.
        if found.len() == expected.len() && found.iter().all(|value| value.is_finite()) && farthest < 1e-5 {
            return Ok(());
        }
        Err(Error::WrongGpu { name: self.name.clone(), difference: farthest.to_string() })
    }
}

/// Reads a tensor of floats back from the device.
pub async fn floats<const D: usize>(tensor: Tensor<D>) -> Result<Vec<f32>, Error> {
    let failed = |message: String| Error::Device { message };
    let data = tensor.into_data_async().await.map_err(|error| failed(error.to_string()))?;
    data.convert::<f32>().try_into_vec().map_err(|error| failed(format!("{error:?}")))
}

/// Measures the available memory of a GPU in bytes, at most [`PROBE_TOTAL`]: allocates buffers
/// until one fails, then frees them. WebGPU cannot be asked for the size of the memory.
#[cfg(feature = "gpu")]
async fn available_memory(device: &burn::tensor::wgpu::wgpu::Device, max_buffer: u64) -> u64 {
    use burn::tensor::wgpu::wgpu::{BufferDescriptor, BufferUsages, ErrorFilter};
    let size = PROBE_BUFFER.min(max_buffer).max(1);
    let mut buffers = Vec::new();
    for _ in 0..PROBE_TOTAL / size {
        let scope = device.push_error_scope(ErrorFilter::OutOfMemory);
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_DST;
        let buffer =
            device.create_buffer(&BufferDescriptor { label: None, size, usage, mapped_at_creation: false });
        let failed = scope.pop().await.is_some();
        if failed {
            break;
        }
        buffers.push(buffer);
    }
    for buffer in &buffers {
        buffer.destroy();
    }
    // Nothing can be computed with less than one buffer.
    (buffers.len() as u64 * size).max(size)
}
