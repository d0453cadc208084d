//! The worker that runs checkpoints: [`olmoe`] behind messages, on WebGPU or on the processor.
//!
//! It is fetched when the first checkpoint is dropped, and it alone owns the graphics processor. What is said to it is
//! in [`worker::engine_protocol`]; whoever wants it to stop ends the worker.

#[cfg(target_arch = "wasm32")]
mod choose;
#[cfg(target_arch = "wasm32")]
mod files;
#[cfg(target_arch = "wasm32")]
mod progress;
#[cfg(target_arch = "wasm32")]
mod runner;

#[cfg(target_arch = "wasm32")]
pub use runner::start;
