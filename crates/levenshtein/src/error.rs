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
    /// There is no graphics processor that can compute distances.
    #[cfg(feature = "gpu")]
    #[error("no graphics processor can compute the distances ({reason}): compute them with the processor")]
    NoGpu {
        /// What the system says, or what is missing.
        reason: String,
    },
    /// A graphics processor gave another distance than the processor when it was checked.
    #[cfg(feature = "gpu")]
    #[error(
        "{gpu} was checked and gives {found} instead of {expected} ({what}): \
         its driver is at fault, compute the distances with the processor"
    )]
    GpuDisagrees {
        /// What the graphics processor calls itself.
        gpu: String,
        /// Which question it answered.
        what: String,
        /// Its answer.
        found: u32,
        /// The right one.
        expected: u32,
    },
    /// A graphics processor does not take one of the shaders.
    #[cfg(feature = "gpu")]
    #[error("{gpu} does not take a shader ({reason}): compute the distances with the processor")]
    GpuRefuses {
        /// What the graphics processor calls itself.
        gpu: String,
        /// What its driver says.
        reason: String,
    },
    /// A graphics processor went away, or failed, while it was computing.
    #[cfg(feature = "gpu")]
    #[error("{gpu} was lost ({reason}): ask for it anew, or compute the distances with the processor")]
    GpuLost {
        /// What the graphics processor calls itself.
        gpu: String,
        /// What its driver says.
        reason: String,
    },
    /// A sequence is so long that a graphics processor would be busy with one pair for too long.
    #[cfg(feature = "gpu")]
    #[error(
        "sequence {position} has {length} symbols, and a graphics processor is given at most {longest}: \
         compute its distances with the processor"
    )]
    GpuTooLong {
        /// Its index, from 0.
        position: usize,
        /// How many symbols it has.
        length: usize,
        /// The most that it may have.
        longest: usize,
    },
    /// Something does not fit into one buffer of the graphics processor.
    #[cfg(feature = "gpu")]
    #[error(
        "{what} would take {bytes} bytes of the graphics processor, which allows {limit}: ask for less at once"
    )]
    GpuTooLarge {
        /// What does not fit.
        what: &'static str,
        /// Its size.
        bytes: u64,
        /// What would fit.
        limit: u64,
    },
    /// Every sequence must have a group.
    #[cfg(feature = "gpu")]
    #[error("{groups} groups are given for {sequences} sequences: give one for each, from 0 to {most}")]
    WrongGroups {
        /// How many were given.
        groups: usize,
        /// How many sequences there are.
        sequences: usize,
        /// The largest number that a group may have.
        most: u32,
    },
}
