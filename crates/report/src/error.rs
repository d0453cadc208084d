//! Errors of the crate. Every message says what is wrong, where, what was expected and what to do.

use thiserror::Error;

/// An analysis, a link or a report failed.
#[derive(Debug, Error)]
pub enum Error {
    /// No file is a usable trace.
    #[error("{}", nothing(*files, *without_step, *others))]
    NothingToAnalyse {
        /// Number of files.
        files: usize,
        /// Number of traces whose training step is unknown.
        without_step: usize,
        /// Number of other files that belong to a run: results, samples, embeddings.
        others: usize,
    },

    /// The checkpoints have no sample in common.
    #[error(
        "The {checkpoints} checkpoints have no sample in common. Write the same sample ids, in `samples`, to the \
         trace of every checkpoint."
    )]
    NoCommonSamples {
        /// Number of checkpoints.
        checkpoints: usize,
    },

    /// The trace of a checkpoint could not be read.
    #[error("{source}")]
    Checkpoint {
        /// File id of the caller.
        file: usize,
        /// The error.
        source: Box<Error>,
    },

    /// Samples of the run have gates that cannot be used. The analysis knows them, so that
    /// [`Analysis::assemble`](crate::Analysis::assemble) leaves them out.
    #[error("{samples} samples have gates that cannot be used. Assemble the run again without them.")]
    BadSamples {
        /// Number of samples, counted at each checkpoint.
        samples: usize,
    },

    /// The routers of a checkpoint differ in shape from those of the last one.
    #[error(
        "{folder}: {found}, but the last checkpoint has {expected}. Use checkpoints of one model and run."
    )]
    OtherRouters {
        /// Folder of the checkpoint.
        folder: String,
        /// Shapes found.
        found: String,
        /// Shapes of the last checkpoint.
        expected: String,
    },

    /// A setting is out of range.
    #[error("The setting {name} is {value}, but must be {expected}.")]
    Setting {
        /// Name of the setting.
        name: &'static str,
        /// Value of the setting.
        value: String,
        /// Allowed values.
        expected: String,
    },

    /// A setting names a domain that the run does not have.
    #[error("The setting eps names the domain `{domain}`, but the run has {domains}. Correct or remove it.")]
    UnknownDomain {
        /// The domain of the setting.
        domain: String,
        /// The domains of the run.
        domains: String,
    },

    /// Two samples could not be chosen.
    #[error("No pair of samples: {reason}. Choose two others.")]
    NoPair {
        /// Reason.
        reason: String,
    },

    /// There is no map of distances.
    #[error("No map of distances: {reason}. Choose another domain or group.")]
    NoMap {
        /// Reason.
        reason: String,
    },

    /// There is no flow between layers.
    #[error("No flow between layers: {reason}.")]
    NoFlow {
        /// Reason.
        reason: String,
    },

    /// Single tokens cannot be shown.
    #[error("No single tokens: {reason}")]
    NoTokens {
        /// Reason and what to do, as sentences.
        reason: String,
    },

    /// The distance backend failed.
    #[error("Distances could not be computed: {message}.")]
    Distances {
        /// Message of the backend.
        message: String,
    },

    /// Edit distances failed.
    #[error(transparent)]
    Levenshtein(#[from] levenshtein::Error),

    /// A metric could not be computed.
    #[error(transparent)]
    Pathway(#[from] pathway::Error),

    /// A trace could not be read.
    #[error(transparent)]
    Trace(#[from] trace::Error),

    /// A text contains no link.
    #[error(
        "This is not a Grokscope link: expected `#r=` and a version such as `1d.`. Copy the complete link, from `https` to its last character."
    )]
    NotALink,

    /// A link has a later format version.
    #[error(
        "This link was made by a later version of Grokscope (link format {version}). Reload the page, then open the link again."
    )]
    LaterLink {
        /// Version and codec of the link.
        version: String,
    },

    /// A link is incomplete.
    #[error(
        "The link is cut: {arrived} of {expected} characters arrived. Ask for the complete link, or for the report as JSON."
    )]
    LinkCut {
        /// Number of data characters found.
        arrived: usize,
        /// Number of data characters expected.
        expected: usize,
    },

    /// The data of a link is not valid.
    #[error("The link is not valid ({place}). Copy it again from its source, or ask for the report as JSON.")]
    LinkInvalid {
        /// What is wrong.
        place: &'static str,
    },

    /// A report exceeds the size limits of a link.
    #[error(
        "A link holds at most {most} {what}; this report has {found}. Leave parts out of the link, or send the report as JSON."
    )]
    LinkTooLarge {
        /// The limited quantity.
        what: &'static str,
        /// Number found; counting may stop early.
        found: u64,
        /// Largest number allowed.
        most: u64,
    },

    /// A report is inconsistent.
    #[error(
        "The report is inconsistent: {place} must be {expected}. Export it again from the page that made it."
    )]
    Inconsistent {
        /// Path of field names in the report.
        place: String,
        /// What was expected.
        expected: String,
    },

    /// A text is not a report as JSON.
    #[error("This is not a Grokscope report: {message}. Open a file written by the JSON export of the page.")]
    NotAReport {
        /// What is wrong, with line and column.
        message: String,
    },

    /// A report has a later schema version.
    #[error(
        "This report was written by a later version of Grokscope (schema {version}; this page reads up to {known}). Reload the page, then open the file again."
    )]
    LaterReport {
        /// Schema version of the report.
        version: u64,
        /// Latest schema version supported.
        known: u32,
    },
}

/// The next thing to do if there is no trace to analyse.
fn nothing(files: usize, without_step: usize, others: usize) -> String {
    if without_step == 1 {
        return format!(
            "1 of {files} files is a router trace without a training step. Enter the step in the file table, or name the file \
             like step-1000. A report also needs the traces of other checkpoints."
        );
    }
    if without_step > 1 {
        return format!(
            "{without_step} of {files} files are router traces without a training step. Enter the steps in the file table, or \
             name the files like step-1000."
        );
    }
    if others > 0 {
        return format!(
            "{others} of {files} files recognised, but none is a router trace. Add one trace per checkpoint (.safetensors or \
             .npz)."
        );
    }
    let none = match files {
        0 => "There is no usable router trace".to_owned(),
        1 => "The file is not a usable router trace".to_owned(),
        _ => format!("None of the {files} files is a usable router trace"),
    };
    format!(
        "{none}. Add one trace per checkpoint (.safetensors or .npz), and a run.json of benchmark results if available."
    )
}
