//! Errors of files. Each names the file, the place in it, what was expected, and what to do.

use thiserror::Error;

/// What to do about arrays without a shape.
pub const GIVE_SHAPE: &str = "Give both (`--layers` and `--top-k` on the command line), or write `num_hidden_layers` and `num_experts_per_tok` into \
     the first record.";

/// Why a file or a part of it cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// The bytes could not be read.
    #[error("{name}: bytes {offset} to {} could not be read: {reason}", offset + len)]
    Unreadable {
        /// The file.
        name: String,
        /// First requested byte.
        offset: u64,
        /// Number of requested bytes.
        len: u64,
        /// The message of the system, browser or server, and what to do.
        reason: String,
    },
    /// A file at an address could not be fetched.
    #[error("{url}: {reason}")]
    Address {
        /// The address.
        url: String,
        /// What happened and what to do.
        reason: String,
    },
    /// A server responded without the file.
    #[error("{url}: {reason}")]
    Refused {
        /// The address.
        url: String,
        /// The HTTP status of the response.
        status: u16,
        /// What the status means and what to do.
        reason: String,
    },
    /// A folder lacks a file that every checkpoint has.
    #[error("{folder}: there is no {missing}. {advice}")]
    Missing {
        /// The folder.
        folder: String,
        /// The missing file.
        missing: String,
        /// What to do, in full sentences.
        advice: &'static str,
    },
    /// The file is empty.
    #[error("{name}: the file is empty. Copy or download it again.")]
    Empty {
        /// The file.
        name: String,
    },
    /// The file is shorter than its content declares.
    #[error(
        "{name}: cut off: {part} reaches to byte {needed}, but the file ends at byte {len}. \
         Copy or download it again."
    )]
    Truncated {
        /// The file.
        name: String,
        /// The part that is cut off.
        part: String,
        /// Expected length of the file in bytes.
        needed: u64,
        /// Actual length of the file in bytes.
        len: u64,
    },
    /// The header or directory of a file does not follow its format.
    #[error("{name}: {part}: {found}; expected {expected}. {advice}")]
    Format {
        /// The file.
        name: String,
        /// Place in the file: "safetensors header", "archive entry `x`".
        part: String,
        /// What is there.
        found: String,
        /// What should be there.
        expected: String,
        /// What to do, in full sentences.
        advice: &'static str,
    },
    /// A tensor has a wrong type, shape or value.
    #[error("{name}: tensor `{tensor}`: {found}; expected {expected}. {advice}")]
    Tensor {
        /// The file.
        name: String,
        /// The tensor.
        tensor: String,
        /// What is there.
        found: String,
        /// What should be there.
        expected: String,
        /// What to do, in full sentences.
        advice: &'static str,
    },
    /// A value of the gates is not a routing weight, or a row of them not a distribution.
    #[error("{name}: gates of {row}, layer {layer}: {found}; expected {expected}. {advice}")]
    Gates {
        /// The file.
        name: String,
        /// The sample with its id, or the item or token, by its place in the file.
        row: String,
        /// Index of the layer.
        layer: usize,
        /// What is there.
        found: String,
        /// What should be there.
        expected: &'static str,
        /// What to do, in full sentences.
        advice: &'static str,
    },
    /// More than half of the samples, items or tokens of a file cannot be used.
    #[error(
        "{first} {bad} of its {count} {rows} cannot be used, which is more than half, so the file is left out."
    )]
    BadSamples {
        /// The first fault.
        first: Box<Error>,
        /// How many cannot be used.
        bad: usize,
        /// How many the file has.
        count: usize,
        /// What they are: samples, items or tokens.
        rows: &'static str,
    },
    /// A token's selection is impossible.
    #[error(
        "{name}: tensor `topk_ids`, token {token}, layer {layer}: {found}; expected {expected}. {advice}"
    )]
    Selection {
        /// The file.
        name: String,
        /// Index of the token among all tokens of the file.
        token: usize,
        /// Index of the layer.
        layer: usize,
        /// What is there.
        found: String,
        /// What should be there.
        expected: String,
        /// What to do, in full sentences.
        advice: &'static str,
    },
    /// A metadata entry has a wrong value.
    #[error("{name}: metadata `{field}`: {found}; expected {expected}. {advice}")]
    Metadata {
        /// The file.
        name: String,
        /// The key of the entry.
        field: String,
        /// What is there.
        found: String,
        /// What should be there.
        expected: String,
        /// What to do, in full sentences.
        advice: &'static str,
    },
    /// The file has a later version of the trace format than this program reads.
    #[error(
        "{name}: version {version} of the Grokscope trace format; expected version 1. \
         Reload the page, or update Grokscope."
    )]
    LaterVersion {
        /// The file.
        name: String,
        /// The version in the file.
        version: String,
    },
    /// A text file (JSON, JSON lines, CSV) does not follow its format at some place.
    #[error("{name}: {place}: {found}; expected {expected}. {advice}")]
    Text {
        /// The file.
        name: String,
        /// Line and column, or the path of the field.
        place: String,
        /// What is there.
        found: String,
        /// What should be there.
        expected: String,
        /// What to do, in full sentences.
        advice: &'static str,
    },
    /// A mapping does not fit the file's tensors.
    #[error("{name}: the mapping has {given}; expected {has}. Correct the mapping.")]
    Mapping {
        /// The file.
        name: String,
        /// The mapping's entry.
        given: String,
        /// The file's own.
        has: String,
    },
    /// A part exceeds a limit on memory.
    #[error("{name}: {what} needs {bytes} bytes; at most {limit} are read at once. {advice}")]
    TooLarge {
        /// The file.
        name: String,
        /// The part that is too large.
        what: String,
        /// Its size in bytes.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
        /// What to do, in full sentences.
        advice: &'static str,
    },
    /// Data from elsewhere does not fit the trace.
    #[error("{name}: {given}; the trace has {has}. {advice}")]
    Mismatch {
        /// The trace's file.
        name: String,
        /// The given data.
        given: String,
        /// What the trace has.
        has: String,
        /// What to do, in full sentences.
        advice: &'static str,
    },
}

impl Error {
    /// Whether arrays of expert ids have no shape, so that the user must give the numbers of layers
    /// and of experts per token.
    #[must_use]
    pub fn asks_for_shape(&self) -> bool {
        matches!(self, Self::Text { advice, .. } if *advice == GIVE_SHAPE)
    }
}
