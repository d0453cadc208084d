//! What can be wrong with what comes in.

use thiserror::Error;

/// Why a figure could not be computed from the given data.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum Error {
    /// A layer has more experts than symbols can name.
    #[error(
        "{experts} experts a layer are too many: ids and the layer break must fit 16 bits, so at most 65535"
    )]
    TooManyExperts {
        /// Experts a layer.
        experts: usize,
    },

    /// There are no layers or no experts.
    #[error("the router has {layers} layers and {experts} experts a layer; both must be at least 1")]
    EmptyRouter {
        /// Layers.
        layers: usize,
        /// Experts a layer.
        experts: usize,
    },

    /// A slice does not have the length that its shape asks for.
    #[error("{what}: expected {expected} values, found {found}")]
    Shape {
        /// What the slice holds, with its shape.
        what: &'static str,
        /// Values that the shape asks for.
        expected: usize,
        /// Values there.
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
        /// The gate.
        value: f32,
    },

    /// A sample without a single selected token.
    #[error(
        "selection frequencies need at least one token and one selected expert (tokens = {tokens}, top-k = {k})"
    )]
    NoSelections {
        /// Tokens recorded.
        tokens: u32,
        /// Experts a token.
        k: usize,
    },

    /// A threshold is not a number that a cumulative weight can be compared with.
    #[error("tau = {tau} is not usable; it must be finite and not negative")]
    Tau {
        /// The threshold.
        tau: f64,
    },

    /// A selected expert does not exist.
    #[error(
        "selected expert {expert} in layer {layer} of token {token}, but a layer has only {experts} experts"
    )]
    UnknownExpert {
        /// Token, from 0, within the rows given.
        token: usize,
        /// Layer, from 0.
        layer: usize,
        /// The id found.
        expert: u16,
        /// Experts a layer.
        experts: usize,
    },

    /// Pairs are not what the statistics need: ascending, distinct, `i < j < samples`.
    #[error("pair {index} is ({first}, {second}); pairs must be ascending, distinct and inside 0..{samples}")]
    Pair {
        /// Place in the list.
        index: usize,
        /// First sample.
        first: u32,
        /// Second sample.
        second: u32,
        /// Samples of the group (or columns, for pairs between two domains).
        samples: usize,
    },

    /// A vector without a direction, so without a cosine.
    #[error("an embedding is zero or not finite, so it has no direction and no cosine")]
    NoDirection,

    /// A score is NaN or infinite.
    #[error("the score of train group {row} with test group {column} is not finite")]
    Score {
        /// Row of the matrix.
        row: usize,
        /// Column of the matrix.
        column: usize,
    },

    /// Two lists are too long to be laid side by side.
    #[error("lists of {first} and {second} experts are too long to be aligned; at most {limit} each")]
    TooLongToAlign {
        /// Length of the first.
        first: usize,
        /// Length of the second.
        second: usize,
        /// Longest that is aligned.
        limit: usize,
    },
}

/// An [`Error::Shape`] unless `found` is `expected`.
pub(crate) fn check_len(what: &'static str, expected: usize, found: usize) -> Result<(), Error> {
    if expected == found { Ok(()) } else { Err(Error::Shape { what, expected, found }) }
}

/// The number of values in one `[L, E]` matrix, unless layers or experts are missing or too many.
pub(crate) fn check_router(layers: usize, experts: usize) -> Result<usize, Error> {
    if layers == 0 || experts == 0 {
        return Err(Error::EmptyRouter { layers, experts });
    }
    if experts > usize::from(u16::MAX) {
        return Err(Error::TooManyExperts { experts });
    }
    layers.checked_mul(experts).ok_or(Error::TooManyExperts { experts })
}
