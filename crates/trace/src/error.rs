//! What can be wrong with a file: always which file, where in it, what was expected, and what to do.

use thiserror::Error;

/// What to do about arrays without a shape.
pub const GIVE_SHAPE: &str = "Say both (`--layers` and `--top-k` on the command line), or write `num_hidden_layers` and `num_experts_per_tok` into the \
     first record.";

/// Why a file, or a part of one, cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// The bytes could not be had.
    #[error("{name}: bytes {offset} to {} could not be read: {reason}", offset + len)]
    Unreadable {
        /// The file.
        name: String,
        /// First byte asked for.
        offset: u64,
        /// How many were asked for.
        len: u64,
        /// What the system, browser or server said, and what to do.
        reason: String,
    },
    /// An address gives no file.
    #[error("{url}: {reason}")]
    Address {
        /// The address.
        url: String,
        /// What happened and what to do.
        reason: String,
    },
    /// A server answered, and not with the file.
    #[error("{url}: {reason}")]
    Refused {
        /// The address.
        url: String,
        /// The status of its answer.
        status: u16,
        /// What that means and what to do.
        reason: String,
    },
    /// A folder without a part that every checkpoint has.
    #[error("{folder}: there is no {missing}. {advice}")]
    Missing {
        /// The folder.
        folder: String,
        /// What is not there.
        missing: String,
        /// What to do, a whole sentence.
        advice: &'static str,
    },
    /// There is nothing in the file.
    #[error("{name}: the file is empty. Copy or download it again.")]
    Empty {
        /// The file.
        name: String,
    },
    /// The file ends before its content does.
    #[error(
        "{name}: cut off: {part} reaches to byte {needed}, but the file ends at byte {len}. \
         Copy or download it again."
    )]
    Truncated {
        /// The file.
        name: String,
        /// What is cut.
        part: String,
        /// Bytes that there should be.
        needed: u64,
        /// Bytes that there are.
        len: u64,
    },
    /// The header or directory of a file of tensors is not what its format asks for.
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
        /// What to do, a whole sentence.
        advice: &'static str,
    },
    /// One tensor is not as it should be.
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
        /// What to do, a whole sentence.
        advice: &'static str,
    },
    /// One value of the gates is no routing weight, or a row of them no distribution.
    #[error(
        "{name}: gates of sample {sample} (`{id}`), layer {layer}: {found}; expected {expected}. {advice}"
    )]
    Gates {
        /// The file.
        name: String,
        /// Index of the sample.
        sample: usize,
        /// Its id.
        id: String,
        /// Index of the layer.
        layer: usize,
        /// What is there.
        found: String,
        /// What should be there.
        expected: &'static str,
        /// What to do, a whole sentence.
        advice: &'static str,
    },
    /// One token's selection is impossible.
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
        /// What to do, a whole sentence.
        advice: &'static str,
    },
    /// A line of the metadata does not say what it should.
    #[error("{name}: metadata `{field}`: {found}; expected {expected}. {advice}")]
    Metadata {
        /// The file.
        name: String,
        /// The metadata's key.
        field: String,
        /// What is there.
        found: String,
        /// What should be there.
        expected: String,
        /// What to do, a whole sentence.
        advice: &'static str,
    },
    /// Written by a program that knows more than this one.
    #[error(
        "{name}: written in version {version} of the Grokscope trace format; this version reads 1. \
         Reload the page, or update Grokscope."
    )]
    LaterVersion {
        /// The file.
        name: String,
        /// The version that the file names.
        version: String,
    },
    /// A place in a text file (JSON, JSON lines, CSV) is not as it should be.
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
        /// What to do, a whole sentence.
        advice: &'static str,
    },
    /// A mapping does not fit the file's tensors.
    #[error("{name}: the mapping has {given}; expected {has}. Correct the mapping.")]
    Mapping {
        /// The file.
        name: String,
        /// What the mapping says.
        given: String,
        /// What would fit.
        has: String,
    },
    /// More than fits into memory at once.
    #[error("{name}: {what} takes {bytes} bytes; at most {limit} are read at once. {advice}")]
    TooLarge {
        /// The file.
        name: String,
        /// What is too large.
        what: String,
        /// Its size.
        bytes: u64,
        /// The largest size allowed.
        limit: u64,
        /// What to do, a whole sentence.
        advice: &'static str,
    },
    /// Something was given for a trace that does not fit it.
    #[error("{name}: {given}; the trace has {has}. {advice}")]
    Mismatch {
        /// The trace's file.
        name: String,
        /// What was given.
        given: String,
        /// What would fit.
        has: String,
        /// What to do, a whole sentence.
        advice: &'static str,
    },
}

impl Error {
    /// Whether arrays of expert ids have no shape, so that somebody must say how many layers there are, and experts a token.
    #[must_use]
    pub fn asks_for_shape(&self) -> bool {
        matches!(self, Self::Text { advice, .. } if *advice == GIVE_SHAPE)
    }
}
