//! What the command line tool can fail with.

use std::path::PathBuf;

use thiserror::Error;

/// Everything that a command can fail with.
#[derive(Debug, Error)]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("{}: {source}. Check the path and its permissions.", path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },

    /// A settings file is not one.
    #[error("{}: not a settings file: {source}. Write JSON like {{\"tau\": 0.7, \"delta\": 0.05}}.", path.display())]
    Settings {
        /// Where.
        path: PathBuf,
        /// What is wrong in it.
        source: serde_json::Error,
    },

    /// A checkpoint or its samples could not be used.
    #[error(transparent)]
    Checkpoint(#[from] olmoe::Error),

    /// A trace could not be written.
    #[error(transparent)]
    Trace(#[from] trace::Error),

    /// The results could not be put into words.
    #[error("run.json could not be written: {source}. This is a fault of the program; please report it.")]
    Results {
        /// What the writer said.
        source: serde_json::Error,
    },

    /// The program cannot use a graphics processor.
    #[cfg(not(feature = "gpu"))]
    #[error(
        "this program was built without its GPU part. Build it with `--features gpu`, or leave `--backend` away."
    )]
    NoGpu,

    /// No graphics processor computes distances.
    #[cfg(feature = "gpu")]
    #[error(transparent)]
    Gpu(#[from] levenshtein::Error),

    /// There is nothing to run.
    #[error("{}: no folder with a config.json or model.safetensors in it. Give the folder that `save_pretrained` wrote, or one above it.", path.display())]
    NoCheckpoint {
        /// Where it was looked for.
        path: PathBuf,
    },

    /// No checkpoint could be run.
    #[error("none of {count} checkpoints gave a trace; what each said is above")]
    NoTrace {
        /// Checkpoints tried.
        count: usize,
    },

    /// A folder has no inputs of the routers for a checkpoint.
    #[error("{}: no safetensors or npz file for step {step}. Name the files by step: step-{step}.safetensors.", folder.display())]
    NoGateInputs {
        /// Where they were looked for.
        folder: PathBuf,
        /// The checkpoint's step.
        step: u64,
    },

    /// One file of inputs for several checkpoints, whose hidden states differ.
    #[error("{}: one file of gate inputs for {count} checkpoints. Give a folder with a file for each, named by step: step-5000.safetensors.", path.display())]
    OneGateInputs {
        /// The file.
        path: PathBuf,
        /// Checkpoints found.
        count: usize,
    },

    /// No checkpoint has routers.
    #[error("no checkpoint gave its routers; what each said is above")]
    NoRouters,

    /// A trace would be written over another file.
    #[error("{name}: {} exists already. Give another folder, or each checkpoint a step of its own.", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
        /// The trace.
        name: String,
    },

    /// Nothing that was given is a trace.
    #[error("none of {count} files gave a trace; what each said is above")]
    NothingToConvert {
        /// Files looked at.
        count: usize,
    },

    /// The analysis failed.
    #[error(transparent)]
    Report(#[from] report::Error),
}
