//! Router traces: what a mixture-of-experts model's routers did with a set of samples at one checkpoint.
//!
//! # From bytes to a trace
//! - A [`ByteSource`] gives ranges of bytes: [`MemorySource`], a file on disk, a browser's `File`, an HTTP address.
//! - [`unpack`] gives the files in an archive, each a source of its own.
//! - [`open()`] looks at a file's first bytes and at its directory and finds the reader for it.
//! - A reader checks what it reads and answers with an [`OpenTrace`] (or what else the file is) and warnings; large
//!   tensors stay where they are until a range of samples is asked for.
//! - A [`Proposal`] says what tensors under other people's names might be; [`open_mapped`] reads them by a [`Mapping`].
//! - [`hub`], [`listing`] and [`http_error`] know addresses: what a page shows, what a folder has, why an answer is no file.
//! - [`write_trace`] writes our own trace file.
//! - [`read_routers`] reads the routers alone out of a checkpoint's shards.
//!
//! Nobody above this crate knows which format a file had. No reader panics, whatever the bytes are, and none allocates
//! by a size that has not been checked against the file's.

mod archive;
mod checkpoint;
mod container;
mod error;
mod format;
mod io;
mod model;
mod numeric;
mod open;
mod open_trace;
mod text;
mod web;
mod write;

#[cfg(target_arch = "wasm32")]
pub use self::io::blob::BlobSource;
#[cfg(not(target_arch = "wasm32"))]
pub use self::io::disk::FileSource;
#[cfg(target_arch = "wasm32")]
pub use self::io::http::HttpSource;
pub use self::{
    archive::{Unpacked, unpack},
    checkpoint::{
        files::{CheckpointFiles, Shards},
        names::router_layer,
        routers::{CheckpointRouters, read_routers},
    },
    container::{
        open_tensors,
        safetensors::open as open_safetensors,
        tensors::{Dtype, TensorFile, TensorInfo, shape_text},
    },
    error::Error,
    format::{
        flame_moe::{join_layers, layer::TraceLayer},
        gate_inputs::gate_inputs_layer,
        kind::{FileKind, Format, Opened, Sidecar, Warnings},
        mapped::{
            mapping::{Axis, MappedTensor, Mapping, Role},
            open_mapped,
            proposal::{Proposal, ShownTensor, TensorGroup, propose},
        },
        model_config::ModelConfig,
        probe::{Probe, Settings as IdsSettings},
        results::json::write as write_results,
        table::{FORMATS, has_known_ending},
    },
    io::source::{ByteSource, Counted, MemorySource, Pending, Source},
    model::{
        Counts, GateKind, Router, RouterRule, RouterTrace, SIGMOID_EXAMPLES, SampleCounts, SampleMeta,
        StepSource, TopK, TraceInfo,
        results::{
            Accuracy, Embeddings, Item, ItemGates, Results, SampleList, SampleRecord, TokenGates,
            ValidationLoss,
        },
    },
    numeric::{
        sigmoid::normalized_sigmoid,
        softmax::{exp, largest, softmax},
    },
    open::{open, open_with},
    open_trace::OpenTrace,
    text::{
        IdText,
        step_name::{NamedStep, step_from_name},
    },
    web::{http_error, hub, listing},
    write::{GateDtype, write_trace},
};
