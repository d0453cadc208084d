//! What can go wrong between traces and a report. Every message says what, where, what was expected, what to do.

use thiserror::Error;

/// Everything that this crate can fail with.
#[derive(Debug, Error)]
pub enum Error {
    /// No file of a drop is a usable trace.
    #[error(
        "None of the {files} files is a router trace that can be used. Drop one trace a checkpoint \
         (.safetensors or .npz) together with a run.json of benchmark results, if there is one."
    )]
    NothingToAnalyse {
        /// Files that were looked at.
        files: usize,
    },

    /// The checkpoints have no sample in common.
    #[error(
        "The {checkpoints} checkpoints have no sample in common, so no pathway can be followed. Write the same \
         sample ids, in `samples`, into the trace of every checkpoint."
    )]
    NoCommonSamples {
        /// Checkpoints that were compared.
        checkpoints: usize,
    },

    /// A checkpoint's trace could not be read to its end.
    #[error("{source}")]
    Checkpoint {
        /// The caller's number for the file.
        file: usize,
        /// What is wrong with it.
        source: Box<Error>,
    },

    /// A setting is out of its range.
    #[error("The setting {name} is {value}, but must be {expected}.")]
    Setting {
        /// Its name.
        name: &'static str,
        /// What it is.
        value: String,
        /// What is allowed.
        expected: &'static str,
    },

    /// Two samples could not be chosen.
    #[error("No pair of samples: {reason}. Choose two others.")]
    NoPair {
        /// Why.
        reason: String,
    },

    /// The place that computes distances has failed.
    #[error("Distances could not be computed: {message}.")]
    Distances {
        /// What it says.
        message: String,
    },

    /// Edit distances were asked of sequences that do not exist.
    #[error(transparent)]
    Levenshtein(#[from] levenshtein::Error),

    /// A definition could not be applied to the data.
    #[error(transparent)]
    Pathway(#[from] pathway::Error),

    /// A trace could not be read.
    #[error(transparent)]
    Trace(#[from] trace::Error),
}
