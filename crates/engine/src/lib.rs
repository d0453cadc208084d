//! The worker that runs checkpoints: [`olmoe`] behind messages, on WebGPU or on the processor.
//!
//! It is fetched when the first checkpoint is dropped, and it alone owns the graphics processor.
//! Its messages are in [`protocol::engine`]; the analyst stops it by terminating the worker. Under
//! the name of a calculator it only measures distances, on the GPU.

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

/// Starts the part that the worker's name asks for.
#[cfg(target_arch = "wasm32")]
pub fn start(scope: &web_sys::DedicatedWorkerGlobalScope) {
    if scope.name() == protocol::calculator::NAME {
        distances::start(scope);
    } else {
        runner::start(scope);
    }
}
