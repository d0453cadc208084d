//! Selection and self-test of a device.

use super::device::Gpu;
use super::self_test;
use crate::error::Error;

/// Candidates for the longest sequence; the first that a device computes correctly is used.
const LENGTHS: [usize; 2] = [2048, 1024];

impl Gpu {
    /// Opens the fastest GPU of the system and checks it.
    ///
    /// # Errors
    ///
    /// [`Error::NoGpu`] if there is no usable GPU, [`Error::GpuDisagrees`] if its distances are
    /// wrong.
    pub async fn new() -> Result<Self, Error> {
        let backends = wgpu::Backends::PRIMARY;
        let instance = wgpu::Instance::new(wgpu::InstanceDescriptor {
            backends,
            ..wgpu::InstanceDescriptor::new_without_display_handle()
        });
        let options = wgpu::RequestAdapterOptions {
            power_preference: wgpu::PowerPreference::HighPerformance,
            ..Default::default()
        };
        let adapter = instance
            .request_adapter(&options)
            .await
            .map_err(|error| Error::NoGpu { reason: error.to_string() })?;
        Self::on(&adapter).await
    }

    /// Opens the GPU of `adapter` and checks it.
    ///
    /// # Errors
    ///
    /// [`Error::NoGpu`] if its limits are too small or no device can be created,
    /// [`Error::GpuDisagrees`] if its distances are wrong.
    pub async fn on(adapter: &wgpu::Adapter) -> Result<Self, Error> {
        let mut gpu = Self::unchecked(adapter).await?;
        gpu.longest = LENGTHS[0];
        self_test::run(&gpu).await?;
        for longest in LENGTHS {
            gpu.longest = longest;
            if self_test::long_pair(&gpu).await? {
                return Ok(gpu);
            }
        }
        Err(Error::NoGpu { reason: format!("{} ends long loops early", gpu.name()) })
    }
}
