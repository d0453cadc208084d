//! What can be wrong with a checkpoint or its inputs: always which file, what, what was expected, what to do.

use thiserror::Error;

/// Why a checkpoint gives no trace.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// A file could not be read, or its container is damaged.
    #[error(transparent)]
    File(#[from] trace::Error),
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
    /// A text file of the checkpoint, or of the inputs, is not what it should be.
    #[error("{name}, {place}: {found}; expected {expected}. {advice}")]
    Text {
        /// The file.
        name: String,
        /// A field or a line.
        place: String,
        /// What is there.
        found: String,
        /// What should be there.
        expected: String,
        /// What to do, a whole sentence.
        advice: &'static str,
    },
    /// The model has something that this program does not compute.
    #[error(
        "{name}: {field} is {found}, and this program computes {supported}. Its figures would be wrong, so it is refused."
    )]
    Unsupported {
        /// The file.
        name: String,
        /// The field.
        field: &'static str,
        /// Its value.
        found: String,
        /// What is supported.
        supported: String,
    },
    /// A tensor is not in the checkpoint, or is not as the config says.
    #[error("{folder}: tensor `{tensor}`: {found}; expected {expected}. {advice}")]
    Tensor {
        /// The folder.
        folder: String,
        /// The tensor.
        tensor: String,
        /// What is there.
        found: String,
        /// What the config asks for.
        expected: String,
        /// What to do, a whole sentence.
        advice: &'static str,
    },
    /// A sample or item does not fit the model.
    #[error("{what} `{id}`: {found}; expected {expected}. {advice}")]
    Input {
        /// `sample` or `item`.
        what: &'static str,
        /// Its id.
        id: String,
        /// What it has.
        found: String,
        /// What the model takes.
        expected: String,
        /// What to do, a whole sentence.
        advice: &'static str,
    },
    /// The model computed something that is no number.
    #[error(
        "{folder}: layer {layer}: the router's logits are not numbers, from token {token} on. The weights of the checkpoint hold NaN or overflow; check how it was saved."
    )]
    NotFinite {
        /// The folder.
        folder: String,
        /// The layer.
        layer: usize,
        /// The first token.
        token: usize,
    },
    /// There is no graphics processor to compute on.
    #[error("there is no graphics processor to compute on ({reason}). Choose the processor as backend.")]
    NoGpu {
        /// What the system says.
        reason: String,
    },
    /// The graphics processor computes wrong.
    #[error(
        "the graphics processor {name} does not compute right: a small test is off by {off}. Choose the processor as backend; an update of browser or driver may help."
    )]
    WrongGpu {
        /// What the system calls it.
        name: String,
        /// By how much.
        off: String,
    },
    /// The device could not do what was asked of it.
    #[error("the device failed: {message}. Try again, or choose the processor as backend.")]
    Device {
        /// What it said.
        message: String,
    },
}
