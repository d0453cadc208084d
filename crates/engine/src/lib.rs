//! The worker that runs checkpoints with [`olmoe`], on WebGPU or on the CPU.
//!
//! The analyst starts it when the first checkpoint is dropped, and terminates it to cancel. Its
//! messages are in [`protocol::engine`]. Under the name of a calculator it only measures
//! distances, on the GPU.

#[cfg(target_arch = "wasm32")]
mod choose;
#[cfg(target_arch = "wasm32")]
mod distances;
#[cfg(target_arch = "wasm32")]
mod files;
#[cfg(target_arch = "wasm32")]
mod post;
#[cfg(target_arch = "wasm32")]
mod progress;
#[cfg(target_arch = "wasm32")]
mod runner;

/// Starts the calculator or the runner of checkpoints, by the worker's name, once it has the port to the analyst.
#[cfg(target_arch = "wasm32")]
pub fn start(scope: &web_sys::DedicatedWorkerGlobalScope) {
    let start = if scope.name() == protocol::calculator::NAME { distances::start } else { runner::start };
    protocol::child::connect(scope, start);
}
