//! Messages between the analyst and the engine, the worker that runs checkpoints.
//!
//! An [`EngineJob`] is posted as `{ job, files }`, where each file is a `File` or `Blob`, or an
//! address as a string. An [`EngineEvent`] is posted as `{ event }`, or with a trace as `{ event,
//! trace }`, where `trace` is a `Blob`.

use serde::{Deserialize, Serialize};

/// The name of the engine's worker.
pub const NAME: &str = "engine";

/// The user's preference where to compute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// Whichever is expected to be faster.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The GPU, by WebGPU.
    Gpu,
}

impl Backend {
    /// Its name in addresses.
    #[must_use]
    pub fn slug(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Cpu => "cpu",
            Self::Gpu => "gpu",
        }
    }

    /// The backend of that name.
    #[must_use]
    pub fn from_slug(slug: &str) -> Option<Self> {
        [Self::Auto, Self::Cpu, Self::Gpu].into_iter().find(|backend| backend.slug() == slug)
    }
}

/// A request to the engine.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "job", content = "of", rename_all = "kebab-case")]
pub enum EngineJob {
    /// Read files of samples and items, and use them for the following checkpoints.
    Inputs {
        /// Path of each file, in the order of `files`.
        paths: Vec<String>,
    },
    /// Compute the gating layers of a checkpoint on given router inputs, which are the first file.
    /// The other files are the checkpoint's.
    Gates {
        /// The checkpoint's folder, for messages and its step.
        folder: String,
        /// Path of each file, in the order of `files`.
        paths: Vec<String>,
    },
    /// Run a checkpoint on the inputs.
    Run {
        /// The checkpoint's folder, for messages and its step.
        folder: String,
        /// Path of each of its files, in the order of `files`.
        paths: Vec<String>,
        /// Where to compute.
        backend: Backend,
    },
}

/// A message of the engine.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", content = "of", rename_all = "kebab-case")]
pub enum EngineEvent {
    /// The engine takes jobs.
    Ready,
    /// The response to [`EngineJob::Inputs`].
    Inputs {
        /// A description of the inputs, or why they cannot be read.
        outcome: Result<InputsInfo, String>,
    },
    /// Progress of the current checkpoint.
    Progress(EngineProgress),
    /// The checkpoint is finished. `trace`: its trace.
    Traced(Box<MadeInfo>),
    /// The checkpoint has no trace.
    Failed {
        /// The reason in whole sentences.
        message: String,
        /// Whether the device failed, and not the checkpoint.
        device: bool,
    },
}

/// Samples and items of the input files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputsInfo {
    /// Number of samples.
    pub samples: usize,
    /// Id and domain of each item.
    pub items: Vec<(String, String)>,
}

/// Progress of a checkpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EngineProgress {
    /// Bytes of the checkpoint that were read.
    pub read: u64,
    /// Layers that all tokens have passed, over all passes.
    pub done: usize,
    /// Layers of all passes, with one more per pass for the head.
    pub layers: usize,
    /// Tokens per pass.
    pub tokens: usize,
    /// The processor.
    pub processor: ProcessorInfo,
}

/// The processor that runs checkpoints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessorInfo {
    /// Whether it is a GPU.
    pub gpu: bool,
    /// Its name as the browser gives it.
    pub name: String,
    /// Maximum bytes of one of its buffers.
    pub buffer: Option<u64>,
    /// Bytes for the hidden states of all tokens; more tokens take several passes.
    pub budget: u64,
    /// Why it was chosen, or a warning, in a whole sentence.
    pub note: Option<String>,
}

/// Whether an item was answered correctly, by three measures; see `olmoe::Score`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scored {
    /// Whether its answer is right; without an answer, its likeliest choice. The analysis uses this
    /// one.
    pub correct: Option<bool>,
    /// Whether the likeliest choice is right.
    pub acc: Option<bool>,
    /// Whether the choice with the highest likelihood per character is right.
    pub acc_norm: Option<bool>,
}

/// Results of a checkpoint beside its trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MadeInfo {
    /// The score of each item.
    pub scores: Vec<Scored>,
    /// Bytes of the checkpoint that were read.
    pub read: u64,
    /// Number of tokens.
    pub tokens: usize,
    /// Passes over its bytes.
    pub passes: usize,
    /// Duration in seconds.
    pub seconds: f64,
    /// The processor.
    pub processor: ProcessorInfo,
}
