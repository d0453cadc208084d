//! Errors of the command line tool.

use std::path::PathBuf;

use thiserror::Error;

/// A command failed.
#[derive(Debug, Error)]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("{}: {source}. Check the path and its permissions.", path.display())]
    File {
        /// Path of the file.
        path: PathBuf,
        /// System error.
        source: std::io::Error,
    },

    /// A settings file is not valid.
    #[error("{}: invalid settings: {source}. Write JSON like {{\"tau\": 0.7, \"delta\": 0.05}}.", path.display())]
    Settings {
        /// Path of the file.
        path: PathBuf,
        /// JSON error.
        source: serde_json::Error,
    },

    /// A checkpoint or its samples could not be used.
    #[error(transparent)]
    Checkpoint(#[from] olmoe::Error),

    /// A trace could not be written.
    #[error(transparent)]
    Trace(#[from] trace::Error),

    /// The results could not be serialized.
    #[error("run.json could not be written: {source}. This is a bug; please report it.")]
    Results {
        /// JSON error.
        source: serde_json::Error,
    },

    /// The program was built without GPU support.
    #[cfg(not(feature = "gpu"))]
    #[error(
        "this program was built without GPU support. Build it with `--features gpu`, or omit `--backend`."
    )]
    NoGpu,

    /// The GPU could not be opened.
    #[cfg(feature = "gpu")]
    #[error(transparent)]
    Gpu(#[from] levenshtein::Error),

    /// A path has no checkpoints.
    #[error("{}: no folder with config.json or model.safetensors. Give the folder that `save_pretrained` wrote, or a parent folder.", path.display())]
    NoCheckpoint {
        /// Path searched.
        path: PathBuf,
    },

    /// All checkpoints failed.
    #[error("none of {count} checkpoints produced a trace; see the messages above")]
    NoTrace {
        /// Number of checkpoints.
        count: usize,
    },

    /// A folder has no router inputs for a checkpoint.
    #[error("{}: no safetensors or npz file for step {step}. Name the files by step: step-{step}.safetensors.", folder.display())]
    NoGateInputs {
        /// Folder searched.
        folder: PathBuf,
        /// Step of the checkpoint.
        step: u64,
    },

    /// One file of router inputs was given for several checkpoints, whose hidden states differ.
    #[error("{}: one file of gate inputs for {count} checkpoints. Give a folder with one file per checkpoint, named by step: step-5000.safetensors.", path.display())]
    OneGateInputs {
        /// File.
        path: PathBuf,
        /// Number of checkpoints.
        count: usize,
    },

    /// A change from or to a step that the run lacks.
    #[error("--change: the run has no checkpoint of step {step}. Its steps are {steps}.")]
    NoSuchStep {
        /// Training step.
        step: u64,
        /// Steps of the run.
        steps: String,
    },

    /// No routers could be read.
    #[error("no routers could be read from the checkpoints; see the messages above")]
    NoRouters,

    /// A checkpoint whose step is unknown, among others whose steps are known.
    #[error("{}: its training step is unknown. Name the folder like step-1000, or add trainer_state.json.", folder.display())]
    NoStep {
        /// Folder of the checkpoint.
        folder: PathBuf,
    },

    /// Two checkpoints of one step.
    #[error(
        "{name}: step {step}, which {other} has too. Traces are named by their step; give another folder for this one."
    )]
    SameStep {
        /// Training step.
        step: u64,
        /// The later checkpoint.
        name: String,
        /// The checkpoint that was traced first.
        other: String,
    },

    /// A trace would overwrite another file.
    #[error("{name}: {} already exists. Give another folder, or a different step for each checkpoint.", path.display())]
    Exists {
        /// File.
        path: PathBuf,
        /// Name of the trace.
        name: String,
    },

    /// No file is a trace.
    #[error("none of {count} files is a trace; see the messages above")]
    NothingToConvert {
        /// Number of files.
        count: usize,
    },

    /// A folder is no built page.
    #[error("{}: no built page. Give the folder that `cargo xtask dist` wrote.", folder.display())]
    NoPage {
        /// Folder given.
        folder: PathBuf,
    },

    /// The program has no page, and no folder of one was given.
    #[cfg(not(feature = "page"))]
    #[error(
        "this program was built without the page, so nothing is served. Give the folder of a built page with --page \
         (`cargo xtask dist` writes one), or build the program with GROKSCOPE_PAGE=FOLDER and `--features page`."
    )]
    BuiltWithoutPage,

    /// No port is free.
    #[error("no port from {port} on can be used: {source}. Choose another with --port.")]
    Port {
        /// Port requested.
        port: u16,
        /// System error of the last one tried.
        source: std::io::Error,
    },

    /// The analysis failed.
    #[error(transparent)]
    Report(#[from] report::Error),
}
