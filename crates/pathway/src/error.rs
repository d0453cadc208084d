//! Errors of the metric functions.

use thiserror::Error;

/// A metric could not be computed from its input.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Error {
    /// A layer has more experts than symbols can represent.
    #[error(
        "{experts} experts per layer are too many; at most 65535 are supported, because their ids and the break between layers are symbols of 16 bits"
    )]
    TooManyExperts {
        /// Experts per layer.
        experts: usize,
    },

    /// There are no layers or no experts.
    #[error("the router has {layers} layers and {experts} experts per layer; both must be at least 1")]
    EmptyRouter {
        /// Number of layers.
        layers: usize,
        /// Experts per layer.
        experts: usize,
    },

    /// A slice does not have the length of its shape.
    #[error("{what}: expected {expected} values, found {found}")]
    Shape {
        /// What the slice holds, with its shape.
        what: &'static str,
        /// Number of values that the shape requires.
        expected: usize,
        /// Number of values found.
        found: usize,
    },

    /// A gate is NaN or infinite.
    #[error(
        "the gate of expert {expert} in layer {layer} is {value}; gates must be finite, so check the trace's logits"
    )]
    GateNotFinite {
        /// Layer, from 0.
        layer: usize,
        /// Expert id.
        expert: usize,
        /// Value of the gate.
        value: f32,
    },

    /// A sample has no tokens or no selected experts.
    #[error(
        "selection frequencies need at least one token and one selected expert (tokens = {tokens}, top-k = {k})"
    )]
    NoSelections {
        /// Number of tokens recorded.
        tokens: u32,
        /// Experts per token.
        k: usize,
    },

    /// A threshold is negative or not finite.
    #[error("tau = {tau} is invalid; it must be finite and not negative")]
    Tau {
        /// The threshold.
        tau: f64,
    },

    /// A selected expert id is out of range.
    #[error(
        "selected expert {expert} in layer {layer} of token {token}, but a layer has only {experts} experts"
    )]
    UnknownExpert {
        /// Token, from 0, within the given rows.
        token: usize,
        /// Layer, from 0.
        layer: usize,
        /// Id found.
        expert: u16,
        /// Experts per layer.
        experts: usize,
    },

    /// A sample's label is not that of a domain.
    #[error("sample {sample} has the label {label}, but there are only {domains} domains")]
    UnknownDomain {
        /// Sample, from 0.
        sample: usize,
        /// Its label.
        label: u16,
        /// Number of domains.
        domains: usize,
    },

    /// A sample is out of range.
    #[error("there is no sample {sample}; the run has {samples}")]
    UnknownSample {
        /// Sample, from 0.
        sample: usize,
        /// Number of samples.
        samples: usize,
    },

    /// The pairs are not ascending, distinct and in range.
    #[error("pair {index} is ({first}, {second}); pairs must be ascending, distinct and inside 0..{samples}")]
    Pair {
        /// Position in the list.
        index: usize,
        /// First sample.
        first: u32,
        /// Second sample.
        second: u32,
        /// Samples of the group (or columns, for pairs between two domains).
        samples: usize,
    },

    /// An embedding has no direction, so no cosine.
    #[error("an embedding is zero or not finite, so its cosine is undefined")]
    NoDirection,

    /// A score is NaN or infinite.
    #[error("the score of train group {row} with test group {column} is not finite")]
    Score {
        /// Row of the matrix.
        row: usize,
        /// Column of the matrix.
        column: usize,
    },

    /// A list is too long to be aligned.
    #[error("lists of {first} and {second} experts are too long to be aligned; at most {limit} each")]
    TooLongToAlign {
        /// Length of the first list.
        first: usize,
        /// Length of the second list.
        second: usize,
        /// Longest list that is aligned.
        limit: usize,
    },
}

/// Returns [`Error::Shape`] unless `found` is `expected`.
pub(crate) fn check_len(what: &'static str, expected: usize, found: usize) -> Result<(), Error> {
    if expected == found { Ok(()) } else { Err(Error::Shape { what, expected, found }) }
}

/// Returns the number of values of an `[L, E]` matrix, or an error if layers or experts are 0 or
/// too many.
pub(crate) fn check_router(layers: usize, experts: usize) -> Result<usize, Error> {
    if layers == 0 || experts == 0 {
        return Err(Error::EmptyRouter { layers, experts });
    }
    if experts > usize::from(u16::MAX) {
        return Err(Error::TooManyExperts { experts });
    }
    layers.checked_mul(experts).ok_or(Error::TooManyExperts { experts })
}
