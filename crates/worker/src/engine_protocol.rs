//! What analyst and engine say to each other. Files ride beside an [`EngineJob`] in the message `{ job, files }`: each
//! is a `File`, or an address as a string. A trace rides beside [`EngineEvent::Traced`] as the `Blob` in `trace`.

use serde::{Deserialize, Serialize};

/// The name that the engine's worker has.
pub const NAME: &str = "engine";

/// What the user wants checkpoints to be computed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// Whatever is likely faster.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// The graphics processor, by WebGPU.
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

/// What the analyst asks of the engine.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "job", content = "of", rename_all = "kebab-case")]
pub enum EngineJob {
    /// Take these files of samples and items from now on.
    Inputs {
        /// Path of each file, in the order of the message's `files`.
        paths: Vec<String>,
    },
    /// Compute the gating layers of a checkpoint on what enters its routers: the message's first file. The others are
    /// the checkpoint's.
    Gates {
        /// The checkpoint's folder, for messages and for its step.
        folder: String,
        /// Path of each of the message's files.
        paths: Vec<String>,
    },
    /// Run a checkpoint over them.
    Run {
        /// The checkpoint's folder, for messages and for its step.
        folder: String,
        /// Path of each of its files, in the order of the message's `files`.
        paths: Vec<String>,
        /// What to compute on.
        backend: Backend,
    },
}

/// What the engine tells the analyst.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "event", content = "of", rename_all = "kebab-case")]
pub enum EngineEvent {
    /// It can take jobs now.
    Ready,
    /// The inputs are read, or why not.
    Inputs {
        /// What they are.
        outcome: Result<InputsInfo, String>,
    },
    /// How far the checkpoint is.
    Progress(EngineProgress),
    /// The checkpoint is through; its trace rides along.
    Traced(Box<MadeInfo>),
    /// The checkpoint has no trace.
    Failed {
        /// Why, in whole sentences.
        message: String,
        /// Whether the device failed, and not the checkpoint.
        device: bool,
    },
}

/// What is in the files of samples and items.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputsInfo {
    /// Samples.
    pub samples: usize,
    /// Id and domain of each item.
    pub items: Vec<(String, String)>,
}

/// How far a checkpoint is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EngineProgress {
    /// Bytes of the checkpoint that were read.
    pub read: u64,
    /// Layers that all tokens have behind them, over all passes.
    pub done: usize,
    /// Layers in all passes, and their heads.
    pub layers: usize,
    /// Tokens that go through together.
    pub tokens: usize,
    /// What it is computed on.
    pub processor: ProcessorInfo,
}

/// What checkpoints are computed on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessorInfo {
    /// Whether it is a graphics processor.
    pub gpu: bool,
    /// What the browser calls it.
    pub name: String,
    /// Bytes that one of its buffers may have.
    pub buffer: Option<u64>,
    /// Bytes for the hidden states of all tokens; more tokens go in several passes.
    pub budget: u64,
    /// Why it is this one, or what to know of it; a whole sentence.
    pub note: Option<String>,
}

/// Whether an item was answered right, by three measures; see `olmoe::Score`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scored {
    /// By its answer where it has one, else by its choices: what the analysis reads.
    pub correct: Option<bool>,
    /// By the likeliest choice.
    pub acc: Option<bool>,
    /// By the likeliest choice for a character of it.
    pub acc_norm: Option<bool>,
}

/// What came of a checkpoint, beside its trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MadeInfo {
    /// How each item was answered.
    pub scores: Vec<Scored>,
    /// Bytes of the checkpoint that were read.
    pub read: u64,
    /// Tokens that went through.
    pub tokens: usize,
    /// Passes over its bytes.
    pub passes: usize,
    /// Seconds it took.
    pub seconds: f64,
    /// What it was computed on.
    pub processor: ProcessorInfo,
}
