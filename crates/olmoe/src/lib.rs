//! Router traces from OLMoE checkpoints: streams the weights from the shards and runs the model.
//!
//! - [`Checkpoint`] is a folder of `config.json` and safetensors shards. Opening it reads headers
//!   only.
//! - [`InputRecords`] are samples and benchmark items as files give them, as token ids or as text.
//!   The model's [`Tokenizer`] turns them into [`Inputs`], which are token ids.
//! - [`run`] takes all tokens of all samples through one layer before it reads the next. Any number
//!   of samples costs one pass over the bytes of a checkpoint, and only selected experts are read.
//! - [`gates_only()`] computes the gating layers alone, on recorded router inputs.
//!
//! The forward pass is that of transformers' `OlmoeForCausalLM`. Everything specific to a model
//! [`Family`] is in one file per family.

mod attention;
mod checkpoint;
mod config;
mod device;
mod error;
mod experts;
mod family;
mod forward;
mod gates_only;
mod head;
mod inputs;
mod observer;
mod plan;
mod records;
mod routing;
mod rowwise;
mod score;
mod threads;
mod tokenizer;
mod trace_builder;
mod weights;
#[cfg(feature = "gpu")]
mod widen;

pub use checkpoint::Checkpoint;
pub use config::Config;
pub use device::{Backend, Processor};
pub use error::Error;
pub use family::Family;
pub use forward::{ModelOutput, run};
pub use gates_only::{GateInputs, gates_only};
pub use inputs::{Inputs, Item, Sample};
pub use observer::{LocalFuture, NoObserver, Observer, Progress};
pub use records::InputRecords;
pub use score::Score;
pub use tokenizer::Tokenizer;
