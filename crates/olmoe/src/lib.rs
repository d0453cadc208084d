//! OLMoE checkpoints become router traces: the model itself is run, streamed from its shards.
//!
//! - [`Checkpoint`] is a folder of `config.json` and safetensors shards, of which only headers are read at first.
//! - [`Inputs`] are samples and benchmark items as token ids.
//! - [`run`] takes all tokens of all samples through one layer before it reads the next: one pass over the bytes of a
//!   checkpoint, however many samples there are. Only experts that some token chose are read.
//!
//! The forward pass is that of transformers' `OlmoeForCausalLM`. What differs between families of models is in
//! [`family`](Family) and nowhere else.

mod attention;
mod checkpoint;
mod config;
mod error;
mod experts;
mod family;
mod forward;
mod head;
mod inputs;
mod plan;
mod routing;
mod watch;
mod weights;

pub use burn::tensor::Device;
pub use checkpoint::Checkpoint;
pub use config::Config;
pub use error::Error;
pub use family::Family;
pub use forward::{Score, Traced, run};
pub use inputs::{Inputs, Item, Sample};
pub use watch::{Pending, Unwatched, Watch};
