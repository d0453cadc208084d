//! Files of a run and verdicts on them.

use trace::FileKind;

/// An opened file.
#[derive(Debug)]
pub struct Part {
    /// File id of the caller.
    pub id: usize,
    /// Path or address, for messages.
    pub path: String,
    /// Content.
    pub what: FileKind,
}

/// Verdict on one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// File id.
    pub id: usize,
    /// Whether the file is part of the run.
    pub used: bool,
    /// Reason or note, in complete sentences.
    pub text: Option<String>,
}
