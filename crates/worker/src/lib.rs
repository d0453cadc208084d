//! The browser workers: jobs in, progress and reports out.
//!
//! One wasm binary plays two parts. The *analyst* owns the run: it reads files, folds traces, asks a pool of
//! *calculators* for distances (one of them may be the engine's, on the graphics processor) and posts [`Event`]s to the page. What goes over the border is in [`protocol`].

pub mod addresses;
pub mod contest;
pub mod engine_protocol;
pub mod folders;
pub mod mapping;
pub mod protocol;

#[cfg(target_arch = "wasm32")]
pub mod adapter;
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
pub mod scope;
#[cfg(target_arch = "wasm32")]
mod survey;
#[cfg(target_arch = "wasm32")]
mod watcher;
#[cfg(target_arch = "wasm32")]
mod write;

pub use engine_protocol::{Backend, ProcessorInfo};
pub use protocol::{
    Alignment, Event, FileRow, FileState, Form, Job, MapAsk, MapFrame, MappingChoice, MappingRow,
    MappingSheet, PairChoice, Progress, Question, ReportText, SampleRef, WorkUnit, Written,
};
pub use trace::{Axis, Role};
