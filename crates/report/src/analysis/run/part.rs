//! A file before and after a run is put together.

use trace::FileKind;

/// One file after opening.
#[derive(Debug)]
pub struct Part {
    /// The caller's number for the file.
    pub id: usize,
    /// Its path or address, for messages.
    pub path: String,
    /// Its content.
    pub what: FileKind,
}

/// What became of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The file's number.
    pub id: usize,
    /// Whether its content is part of the run.
    pub used: bool,
    /// Why not, or what to know about it; whole sentences.
    pub text: Option<String>,
}
