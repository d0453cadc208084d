//! Finding a device, and checking it before it is believed.

use super::device::Gpu;
use super::self_test;
use crate::error::Error;

/// The most symbols of a sequence, the first of these that a device computes rightly.
const LENGTHS: [usize; 2] = [2048, 1024];

impl Gpu {
    /// The fastest graphics processor that the system offers.
    ///
    /// # Errors
    ///
    /// [`Error::NoGpu`] where there is none that can compute, [`Error::GpuDisagrees`] where it computes wrongly.
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

    /// The graphics processor that `adapter` stands for.
    ///
    /// # Errors
    ///
    /// [`Error::NoGpu`] where its limits are too small or it gives no device, [`Error::GpuDisagrees`] where it
    /// computes wrongly.
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
        Err(Error::NoGpu { reason: format!("{} ends loops too early", gpu.name()) })
    }
}
