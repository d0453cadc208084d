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

    /// A checkpoint has routers of another shape than the last one.
    #[error(
        "{folder}: {found}, where the last checkpoint has {expected}. Give checkpoints of one model and run."
    )]
    OtherRouters {
        /// The checkpoint's folder.
        folder: String,
        /// What it has.
        found: String,
        /// What the last checkpoint has.
        expected: String,
    },

    /// A setting is out of its range.
    #[error("The setting {name} is {value}, but must be {expected}.")]
    Setting {
        /// Its name.
        name: &'static str,
        /// What it is.
        value: String,
        /// What is allowed.
        expected: String,
    },

    /// Two samples could not be chosen.
    #[error("No pair of samples: {reason}. Choose two others.")]
    NoPair {
        /// Why.
        reason: String,
    },

    /// There is no map of distances.
    #[error("No map of distances: {reason}. Choose another domain or group.")]
    NoMap {
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

    /// A text holds no link of this program.
    #[error(
        "This is no Grokscope link: `#r=` and a version such as `1d.` were expected. Copy the whole link, from `https` to its last character."
    )]
    NotALink,

    /// A link was made by a later version.
    #[error(
        "This link was made by a later version of Grokscope (link format {version}): reload the page, then open the link again."
    )]
    LaterLink {
        /// Version and codec of the link.
        version: String,
    },

    /// The end of a link is missing.
    #[error(
        "The link is cut: {arrived} of {expected} characters arrived. Ask for the whole link, or for the report as JSON."
    )]
    LinkCut {
        /// Characters of data that are there.
        arrived: usize,
        /// Characters of data that were written.
        expected: usize,
    },

    /// The data of a link is not what was written.
    #[error(
        "The link is damaged ({place}). Copy it once more from where it came, or ask for the report as JSON."
    )]
    LinkDamaged {
        /// What does not fit.
        place: &'static str,
    },

    /// More than a link can carry.
    #[error(
        "A link carries at most {most} {what}, and this report has {found}. Leave parts out of the link, or send the report as JSON."
    )]
    LinkTooLarge {
        /// What is counted.
        what: &'static str,
        /// How many there are, as far as they were counted.
        found: u64,
        /// How many a link may have.
        most: u64,
    },

    /// A report contradicts itself.
    #[error(
        "The report does not fit together: {place} must be {expected}. Export it again from the page that made it."
    )]
    Inconsistent {
        /// Where in the report, as a path of field names.
        place: String,
        /// What belongs there.
        expected: String,
    },

    /// A text is not a report in JSON.
    #[error(
        "This is no Grokscope report: {message}. A file that the page's JSON export has written was expected."
    )]
    NotAReport {
        /// What was found, with line and column.
        message: String,
    },

    /// A report was written by a later version.
    #[error(
        "This report was written by a later version of Grokscope (schema {version}, this page reads up to {known}): reload the page, then open the file again."
    )]
    LaterReport {
        /// Its schema.
        version: u64,
        /// The latest schema that is known here.
        known: u32,
    },
}
