//! Exact distances by compute shaders, through WebGPU in a browser and through Vulkan, Metal or DirectX elsewhere.
//!
//! [`Gpu::new`] finds a device and checks it against the processor, [`Gpu::load`] brings sequences there, and
//! [`Set`] has the questions. The integers are those of the other engines. The crate's README explains the kernels.

mod device;
mod find;
mod flow;
mod kernel;
mod nearest;
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
mod tile;

pub use device::Gpu;
pub use nearest::Neighbour;
pub use reduce::Moments;
pub use set::Set;
pub use tile::{Map, Tile};

/// Hears how many pairs are done, and of how many. Cancelling is dropping the future.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);
