//! Kinds of files, and the interface of a format.

use std::fmt;

use crate::{
    error::Error,
    format::{
        flame_moe::layer::TraceLayer, mapped::proposal::Proposal, model_config::ModelConfig, probe::Probe,
    },
    io::source::{Pending, Source},
    model::results::{Embeddings, ItemGates, Results, SampleList, TokenGates},
    open_trace::OpenTrace,
};

/// The role of a file in a run.
#[derive(Clone, Debug)]
pub enum FileKind {
    /// One checkpoint's router trace.
    Trace(OpenTrace),
    /// Router traces of several checkpoints, ascending by step.
    Traces(Vec<OpenTrace>),
    /// One layer of a trace; see [`crate::join_layers`].
    Layer(TraceLayer),
    /// Benchmark results.
    Results(Results),
    /// Text embeddings of samples and items.
    Embeddings(Embeddings),
    /// Mean gates of the benchmark items at the last checkpoint.
    ItemGates(ItemGates),
    /// Entropies of single tokens' gates at one checkpoint.
    TokenGates(TokenGates),
    /// Names, domains and token counts of the samples.
    SampleList(SampleList),
    /// Benchmark items with their answers, for running checkpoints on. `olmoe` reads the content.
    Items,
    /// Inputs of a checkpoint's routers, for computing gates. `olmoe` reads the content.
    GateInputs {
        /// Training step of the checkpoint.
        step: Option<u64>,
    },
    /// Router logits that Megatron's tracer wrote beside a trace of ids
    /// ([`OpenTrace::set_logits`]).
    Logits(Sidecar),
    /// Plain text, one sample per line, for running checkpoints on.
    Text,
    /// Tensors under other names that might be routing; see [`crate::open_mapped`].
    Mappable(Proposal),
    /// A model's `config.json`, which states the rule of router logits in the same folder. It is
    /// not part of a run without them.
    Config(ModelConfig),
    /// Not part of a run.
    Unrelated {
        /// Content that was expected in the file, if no format recognizes it. The text is the same
        /// for many files, so that the page shows it once.
        looked_for: Option<String>,
        /// One or two sentences: what the file seems to be, or which content was expected.
        reason: String,
    },
}

impl FileKind {
    /// A file that is not part of a run, with the reason.
    #[must_use]
    pub fn unrelated(reason: String) -> Self {
        Self::Unrelated { reason, looked_for: None }
    }

    /// The traces that it is: one, those of several checkpoints, or none.
    #[must_use]
    pub fn traces(&self) -> &[OpenTrace] {
        match self {
            Self::Trace(trace) => std::slice::from_ref(trace),
            Self::Traces(traces) => traces,
            _ => &[],
        }
    }

    /// One trace, or those of several checkpoints.
    #[must_use]
    pub fn of_traces(mut traces: Vec<OpenTrace>) -> Self {
        match (traces.len(), traces.pop()) {
            (1, Some(trace)) => Self::Trace(trace),
            (_, last) => Self::Traces(traces.into_iter().chain(last).collect()),
        }
    }

    /// The kind's name in the table of files.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Trace(trace) => trace.info.format,
            Self::Traces(traces) => traces.first().map_or("router traces", |trace| trace.info.format),
            Self::Layer(layer) => layer.format,
            Self::Results(_) => "benchmark results",
            Self::Embeddings(_) => "text embeddings",
            Self::ItemGates(_) => "gates of benchmark items",
            Self::TokenGates(_) => "gates of single tokens",
            Self::SampleList(_) => "list of samples",
            Self::GateInputs { .. } => "inputs of routers",
            Self::Logits(_) => "router logits",
            Self::Items => "benchmark items",
            Self::Text => "text, one sample per line",
            Self::Mappable(_) => "tensors under other names",
            Self::Config(_) => "configuration of a model",
            Self::Unrelated { .. } => "not part of a run",
        }
    }
}

/// A file that is read together with another file.
#[derive(Clone)]
pub struct Sidecar {
    /// The file.
    pub source: Source,
}

impl fmt::Debug for Sidecar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sidecar").field("name", &self.source.name()).finish_non_exhaustive()
    }
}

/// Sentences about a file that is usable anyway; each begins with the file's name.
pub type Warnings = Vec<String>;

/// An opened file.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Kind and content of the file.
    pub what: FileKind,
    /// Warnings for the user.
    pub warnings: Warnings,
}

impl Opened {
    /// An opened file without warnings.
    #[must_use]
    pub fn plain(what: FileKind) -> Self {
        Self { what, warnings: Warnings::new() }
    }
}

/// Reads a file whose format matched, once awaited.
pub type Match<'p> = Pending<'p, Result<Opened, Error>>;

/// One format: a row of [`crate::format::FORMATS`].
pub struct Format {
    /// Endings of such files, lower case.
    pub endings: &'static [&'static str],
    /// Whether the format consists of tensors in a container (safetensors, npz, npy).
    pub in_tensors: bool,
    /// The content of such a file; completes "Looked for …".
    pub content: &'static str,
    /// Entry in the page's list of supported files, unless another format's entry covers it.
    pub entry: Option<Entry>,
    /// Checks the first bytes and the directory of tensors; the returned future reads the file.
    pub probe: for<'p> fn(&'p Probe) -> Option<Match<'p>>,
}

/// A format in the list of supported files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Place in the list: lower places come first.
    pub place: u8,
    /// Name, in sentence case.
    pub name: &'static str,
    /// How to recognize such files; code is in backticks.
    pub form: &'static str,
}

impl fmt::Debug for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Format").field("content", &self.content).finish_non_exhaustive()
    }
}
