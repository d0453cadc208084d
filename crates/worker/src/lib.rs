//! The browser workers: the analyst and its calculators, in one WebAssembly binary.
//!
//! The *analyst* owns the run. It reads files, requests distances from a pool of *calculators* and
//! sends reports to the page. One calculator can be the engine's, on the GPU. The crate
//! [`protocol`] defines all messages.
//!
//! The analyst passes the page's jobs to actors. Each owns its state, and none knows the analyst:
//!
//! - `FileTable`: the files
//! - `RunState`: the assembled run and its settings
//! - `Activity`: the running tasks
//! - `Answers`: what the user states about files
//! - `CheckpointRunner`: the engine
//! - `RouterSurvey`: the routers of waiting checkpoints
//! - `Flows`: the flow between layers
//! - `Tokens`: experts of single tokens
//! - `Map`: the distance matrices of the map
//! - `Pool`: the calculators

pub mod backend_selector;
pub mod drawings;
pub mod folders;
pub mod mapping;
pub mod write;

#[cfg(target_arch = "wasm32")]
mod activity;
#[cfg(target_arch = "wasm32")]
mod analysis_progress;
#[cfg(target_arch = "wasm32")]
pub mod analyst;
#[cfg(target_arch = "wasm32")]
mod answers;
#[cfg(target_arch = "wasm32")]
pub mod calculator;
#[cfg(target_arch = "wasm32")]
mod checkpoint_runner;
#[cfg(target_arch = "wasm32")]
mod child;
#[cfg(target_arch = "wasm32")]
mod computed;
#[cfg(target_arch = "wasm32")]
mod engine;
#[cfg(target_arch = "wasm32")]
mod entry;
#[cfg(target_arch = "wasm32")]
mod file_table;
#[cfg(target_arch = "wasm32")]
mod flows;
#[cfg(target_arch = "wasm32")]
mod map;
#[cfg(target_arch = "wasm32")]
mod opening;
#[cfg(target_arch = "wasm32")]
mod pathways;
#[cfg(target_arch = "wasm32")]
mod pool;
#[cfg(target_arch = "wasm32")]
mod post;
#[cfg(target_arch = "wasm32")]
mod remote;
#[cfg(target_arch = "wasm32")]
mod router_survey;
#[cfg(target_arch = "wasm32")]
mod run_inputs;
#[cfg(target_arch = "wasm32")]
mod run_state;
#[cfg(target_arch = "wasm32")]
mod tokens;
#[cfg(target_arch = "wasm32")]
mod yielding;
