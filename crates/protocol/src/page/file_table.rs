//! Rows of the file table.

use serde::{Deserialize, Serialize};

/// One row of the file table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FileRow {
    /// Number of the row, stable while the page is open.
    pub id: usize,
    /// Path inside what was dropped, or address.
    pub path: String,
    /// Recognized kind ("Grokscope trace", "Hugging Face router logits", "benchmark results").
    pub kind: String,
    /// Training step, for a checkpoint's trace.
    pub step: Option<u64>,
    /// Number of samples, for a trace.
    pub samples: Option<usize>,
    /// Bytes read.
    pub bytes_read: u64,
    /// Size in bytes.
    pub bytes: u64,
    /// State of the file.
    pub state: FileState,
    /// Whether the file is a checkpoint, whose trace Grokscope computes.
    pub checkpoint: bool,
    /// Whether Grokscope has computed a trace of it, which can be saved.
    pub made: bool,
    /// Question that the user must answer before the file can be read.
    pub question: Option<Question>,
    /// Why the file is not used, or warnings, in whole sentences.
    pub messages: Vec<String>,
}

/// The state of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileState {
    /// Not opened yet.
    Waiting,
    /// Being read, or run.
    Reading,
    /// Readable, and part of a run whose other files are missing so far.
    Recognised,
    /// Used by the report.
    Used,
    /// Readable, but not part of this run; the messages say why.
    Skipped,
    /// Unreadable; the messages say why.
    Failed,
}

/// Information that a file lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// The roles of its tensors.
    Mapping,
    /// Layers and experts per token of its expert ids.
    Shape,
    /// Experts per layer, of which the ids give only a lower bound.
    Experts,
}
