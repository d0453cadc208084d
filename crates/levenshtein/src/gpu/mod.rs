//! Exact distances with compute shaders: WebGPU in a browser, otherwise Vulkan, Metal or DirectX
//! 12.
//!
//! [`Gpu::new`] opens a device and checks it against the CPU, [`Gpu::load`] uploads sequences, and
//! [`Set`] computes their distances: the same integers as on the CPU. The README explains the
//! kernels.

mod all_pairs;
mod device;
mod find;
mod flow;
mod kernel;
mod pace;
mod packed;
mod pairs;
mod reduce;
mod reduction;
mod rows;
mod self_test;
mod set;
mod shader;
mod sweep;

pub use device::Gpu;
pub use reduce::Moments;
pub use set::Set;

/// Callback with the number of finished pairs and of all pairs. Dropping the future cancels the
/// work.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);
