//! The browser workers: the analyst and its calculators, in one WebAssembly binary.
//!
//! The *analyst* owns the run. It reads files, requests distances from a pool of *calculators* and sends reports to the
//! page. One calculator can be the engine's, on the GPU. The crate [`protocol`] defines all messages.

pub mod backend_selector;
pub mod folders;
pub mod mapping;

#[cfg(target_arch = "wasm32")]
pub mod analyst;
#[cfg(target_arch = "wasm32")]
mod answers;
#[cfg(target_arch = "wasm32")]
pub mod calculator;
#[cfg(target_arch = "wasm32")]
mod conductor;
#[cfg(target_arch = "wasm32")]
mod engine;
#[cfg(target_arch = "wasm32")]
mod files;
#[cfg(target_arch = "wasm32")]
mod handles;
#[cfg(target_arch = "wasm32")]
mod map;
#[cfg(target_arch = "wasm32")]
mod opening;
#[cfg(target_arch = "wasm32")]
mod pairs;
#[cfg(target_arch = "wasm32")]
mod pool;
#[cfg(target_arch = "wasm32")]
mod post;
#[cfg(target_arch = "wasm32")]
mod remote;
#[cfg(target_arch = "wasm32")]
mod survey;
#[cfg(target_arch = "wasm32")]
mod watcher;
#[cfg(target_arch = "wasm32")]
mod write;
#[cfg(target_arch = "wasm32")]
mod yielding;
