//! OLMoE checkpoints become router traces: the model itself is run, streamed from its shards.
//!
//! - [`Checkpoint`] is a folder of `config.json` and safetensors shards, of which only headers are read at first.
//! - [`GivenInputs`] are samples and benchmark items as files give them, as token ids or as text; with the model's
//!   [`Tokenizer`] they become [`Inputs`], which are token ids.
//! - [`run`] takes all tokens of all samples through one layer before it reads the next: one pass over the bytes of a
//!   checkpoint, however many samples there are. Only experts that some token chose are read.
//! - [`gates_only()`] computes the gating layers alone, on hidden states that are given.
//!
//! The forward pass is that of transformers' `OlmoeForCausalLM`. What differs between families of models is one file a
//! [`Family`] and nowhere else.

mod attention;
mod checkpoint;
mod config;
mod device;
mod error;
mod experts;
mod family;
mod fold;
mod forward;
mod gates_only;
mod given;
mod head;
mod inputs;
mod plan;
mod routing;
mod rows;
mod score;
mod threads;
mod tokenizer;
mod watch;
mod weights;
#[cfg(feature = "gpu")]
mod widen;

pub use checkpoint::Checkpoint;
pub use config::Config;
pub use device::{Backend, Processor};
pub use error::Error;
pub use family::Family;
pub use forward::{Traced, run};
pub use gates_only::{GateInputs, gates_only};
pub use given::GivenInputs;
pub use inputs::{Inputs, Item, Sample};
pub use score::Score;
pub use tokenizer::Tokenizer;
pub use watch::{Pending, Stage, Unwatched, Watch};
