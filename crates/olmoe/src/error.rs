//! Errors of checkpoints and inputs. Each names the place, what was found and expected, and what to
//! do.

use thiserror::Error;

/// Reason why a checkpoint gives no trace.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// A file cannot be read, or its container is invalid.
    #[error(transparent)]
    File(#[from] trace::Error),
    /// A required file or input is absent.
    #[error("{folder}: there is no {missing}. {advice}")]
    Missing {
        /// Folder of the checkpoint.
        folder: String,
        /// Absent file or input.
        missing: String,
        /// What to do, as a sentence.
        advice: &'static str,
    },
    /// A text file of the checkpoint or of the inputs has unexpected content.
    #[error("{name}, {place}: {found}; expected {expected}. {advice}")]
    Text {
        /// Name of the file.
        name: String,
        /// Field or line.
        place: String,
        /// Content found there.
        found: String,
        /// Content expected there.
        expected: String,
        /// What to do, as a sentence.
        advice: &'static str,
    },
    /// The model or its tokenizer uses a feature that is not implemented.
    #[error("{name}: `{field}` is {found}; supported: {supported}. {advice}")]
    Unsupported {
        /// Name of the file.
        name: String,
        /// Field that selects the feature.
        field: &'static str,
        /// Value of the field.
        found: String,
        /// Supported values.
        supported: String,
        /// What to do, as a sentence.
        advice: &'static str,
    },
    /// A tensor is absent, or its shape or type differs from what `config.json` implies.
    #[error("{folder}: tensor `{tensor}`: {found}; expected {expected}. {advice}")]
    Tensor {
        /// Folder of the checkpoint.
        folder: String,
        /// Name of the tensor.
        tensor: String,
        /// Type and shape found, or where the tensor is absent.
        found: String,
        /// Type and shape that `config.json` implies.
        expected: String,
        /// What to do, as a sentence.
        advice: &'static str,
    },
    /// A sample, an item or a file of gate inputs does not fit the model.
    #[error("{what} `{id}`: {found}; expected {expected}. {advice}")]
    Input {
        /// `sample`, `item` or `gate inputs`.
        what: &'static str,
        /// Id, or name of the file.
        id: String,
        /// What the input has.
        found: String,
        /// What the model accepts.
        expected: String,
        /// What to do, as a sentence.
        advice: &'static str,
    },
    /// The router logits of a layer contain NaN or infinity.
    #[error(
        "{folder}: layer {layer}: router logits are not finite, first at token {token} in the order of computing. Check the weights of this checkpoint for NaN, infinity and values that overflow."
    )]
    NotFinite {
        /// Folder of the checkpoint.
        folder: String,
        /// Index of the layer.
        layer: usize,
        /// Index of the first such token, in the order of computing.
        token: usize,
    },
    /// No GPU could be opened.
    #[error("no GPU could be opened ({reason}). Select the CPU backend.")]
    NoGpu {
        /// Message of the graphics system.
        reason: String,
    },
    /// The GPU failed the self-test.
    #[error(
        "the GPU {name} failed the self-test: its results differ from those of the CPU (largest difference {difference}). Select the CPU backend, or update the browser or the driver."
    )]
    WrongGpu {
        /// Name of the GPU.
        name: String,
        /// Largest absolute difference to the CPU's results; NaN is ignored.
        difference: String,
    },
    /// The device failed to allocate, compute or return results.
    #[error("the computation failed: {message}. Try again, or select the CPU backend.")]
    Device {
        /// Message of the device or its driver.
        message: String,
    },
}
