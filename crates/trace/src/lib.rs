//! Router traces: the routing decisions of a mixture-of-experts model for a set of samples at one
//! checkpoint.
//!
//! # From bytes to a trace
//! - A [`ByteSource`] reads ranges of bytes from memory ([`MemorySource`]), a file on disk, a
//!   browser's `File` or a URL.
//! - [`unpack`] returns the files in an archive, each as a source.
//! - [`open()`] inspects a file's first bytes and its directory and finds the reader for it.
//! - A reader checks its input and returns an [`OpenTrace`] (or another kind of file) with
//!   warnings. Large tensors are read only when a range of samples is requested.
//! - A [`Proposal`] guesses the meaning of tensors with unknown names; [`open_mapped`] reads them
//!   by a [`Mapping`].
//! - [`hub`], [`listing`] and [`http_error`] handle URLs: pages of model hubs, lists of files, and
//!   failed requests.
//! - [`write_trace`] writes Grokscope's own trace file.
//! - [`read_routers`] reads only the routers from a checkpoint's shards.
//!
//! Other crates never learn which format a file had. No reader panics on any input, and none
//! allocates by a size that has not been checked against the file's.

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
pub use self::web::http::HttpSource;
pub use self::{
    archive::{Unpacked, is_system_file, unpack},
    checkpoint::{
        files::{CheckpointFiles, Shards, belongs_to_run, is_weights},
        hub_cache::{CacheFile, CachedBranches, CachedRepositories, LARGEST_REFERENCE},
        names::unwrapped,
        routers::{CheckpointRouters, read_routers},
    },
    container::{
        open_tensors,
        safetensors::open as open_safetensors,
        tensors::{Dtype, TensorFile, TensorInfo, shape_text},
    },
    error::Error,
    format::{
        FORMATS,
        flame_moe::{join_layers, layer::TraceLayer},
        gate_inputs::gate_inputs_layer,
        has_known_ending, has_tensors_ending,
        kind::{Entry, FileKind, Format, Opened, Sidecar, Warnings},
        known_endings,
        mapped::{
            mapping::{Axis, MappedTensor, Mapping, Role},
            open_mapped,
            proposal::{Proposal, ShownTensor, TensorGroup, propose},
        },
        model_config::ModelConfig,
        probe::{Probe, Settings as IdsSettings},
        results::json::write as write_results,
        supported,
    },
    io::source::{ByteSource, Counted, MemorySource, Pending, Source},
    model::{
        Counts, GateKind, Router, RouterRule, RouterTrace, SIGMOID_EXAMPLES, SampleCounts, SampleMeta,
        StepSource, TopK, TraceInfo,
        results::{
            Accuracy, Embeddings, Item, ItemGates, Results, SampleList, SampleRecord, TokenGates, TokenIds,
            UnusableRows, ValidationLoss,
        },
    },
    numeric::softmax::{exp, largest, softmax},
    open::{open, open_with},
    open_trace::{
        Joined, OpenTrace,
        bad_samples::{BadSample, most_are_bad},
    },
    text::{
        IdText,
        step_name::{NamedStep, step_from_name},
    },
    web::{http_error, hub, listing},
    write::{GateDtype, write_trace},
};
