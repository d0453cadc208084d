//! What a caller can get wrong.

use thiserror::Error;

/// Why distances could not be computed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// A pair names a sequence that does not exist.
    #[error(
        "pair {position} of the list is ({first}, {second}), but there are {sequences} sequences: \
         give indices from 0 to one below that"
    )]
    PairOutOfRange {
        /// Where in the list of pairs, from 0.
        position: usize,
        /// Its first index.
        first: u32,
        /// Its second index.
        second: u32,
        /// How many sequences there are.
        sequences: usize,
    },
}
