//! Router traces: what a mixture-of-experts model's routers did with a set of samples at one checkpoint.
//!
//! # From bytes to a trace
//! - A [`ByteSource`] gives ranges of bytes: [`MemorySource`], a file on disk, a browser's `File`, an HTTP address.
//! - [`unpack`] gives the files in an archive, each a source of its own.
//! - [`open`] looks at a file's first bytes and at its directory and finds the reader for it.
//! - A reader checks what it reads and answers with an [`OpenTrace`] (or what else the file is) and warnings; large
//!   tensors stay where they are until a range of samples is asked for.
//! - A [`Proposal`] says what tensors under other people's names might be; [`open_mapped`] reads them by a [`Mapping`].
//! - [`hub`], [`listing`] and [`refusal`] know addresses: what a page shows, what a folder has, why an answer is no file.
//! - [`write_trace`] writes our own trace file.
//! - [`read_routers`] reads the routers alone out of a checkpoint's shards.
//!
//! Nobody above this crate knows which format a file had. No reader panics, whatever the bytes are, and none allocates
//! by a size that has not been checked against the file's.

mod archive;
mod asked;
mod beside;
mod check;
mod checkpoint_files;
mod embeddings;
mod error;
mod flame;
mod gate_inputs;
mod hf;
pub mod hub;
mod ids;
mod inflate;
pub mod listing;
mod mapped;
mod mapping;
mod metadata;
mod model;
mod npz;
mod numbers;
mod open_trace;
mod own;
mod parquet;
mod proposal;
mod recognise;
mod reference;
pub mod refusal;
mod results;
mod results_csv;
mod results_json;
mod router;
mod router_names;
mod routers;
mod safetensors;
mod sample_list;
mod softmax;
mod source;
mod step_name;
mod strangers;
mod tar;
mod tensors;
mod text;
mod vector;
mod whole;
mod write;
mod zip;

// Paths exist outside the browser only, `File` and `fetch` inside it only.
#[cfg(target_arch = "wasm32")]
mod ahead;
#[cfg(target_arch = "wasm32")]
mod blob;
#[cfg(not(target_arch = "wasm32"))]
mod disk;
#[cfg(target_arch = "wasm32")]
mod http;

#[cfg(target_arch = "wasm32")]
pub use self::blob::BlobSource;
#[cfg(not(target_arch = "wasm32"))]
pub use self::disk::FileSource;
#[cfg(target_arch = "wasm32")]
pub use self::http::HttpSource;
pub use self::{
    archive::{Unpacked, unpack},
    checkpoint_files::{CheckpointFiles, Shards},
    error::Error,
    flame::{TraceLayer, join_layers},
    gate_inputs::gate_inputs_layer,
    ids::Settings as IdsSettings,
    mapped::open_mapped,
    mapping::{Axis, MappedTensor, Mapping, Role},
    model::{Counts, GateKind, Router, RouterTrace, SampleCounts, SampleMeta, StepSource, TopK, TraceInfo},
    open_trace::OpenTrace,
    proposal::{Proposal, ShownTensor, TensorGroup, propose},
    recognise::{Opened, Recognised, Sidecar, open, open_tensors, open_with},
    results::{
        Accuracy, Embeddings, Item, ItemGates, Results, SampleList, SampleRecord, TokenGates, ValidationLoss,
    },
    results_json::write as write_results,
    router_names::router_layer,
    routers::{CheckpointRouters, read_routers},
    safetensors::open as open_safetensors,
    softmax::{exp, largest, softmax},
    source::{ByteSource, Counted, MemorySource, Pending, Source},
    step_name::{NamedStep, step_from_name},
    tensors::{Dtype, TensorFile, TensorInfo, shape_text},
    text::IdText,
    write::{GateDtype, write_trace},
};
