//! Errors of distance computations.

use thiserror::Error;

/// Distances could not be computed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// A pair names a sequence that does not exist.
    #[error(
        "pair {position} of the list is ({first}, {second}), but there are {sequences} sequences; \
         indices must be from 0 to one less"
    )]
    PairOutOfRange {
        /// Position in the list of pairs, from 0.
        position: usize,
        /// First index of the pair.
        first: u32,
        /// Second index of the pair.
        second: u32,
        /// Number of sequences.
        sequences: usize,
    },
    /// There is no GPU that can compute distances.
    #[cfg(feature = "gpu")]
    #[error("no usable GPU ({reason}); compute the distances on the CPU")]
    NoGpu {
        /// System error, or the missing feature.
        reason: String,
    },
    /// The self-test of a GPU gave another distance than the CPU.
    #[cfg(feature = "gpu")]
    #[error(
        "{gpu} failed its self-test: it computed {found} instead of {expected} ({what}); \
         compute the distances on the CPU"
    )]
    GpuDisagrees {
        /// Name of the GPU.
        gpu: String,
        /// The distance that was computed.
        what: String,
        /// Distance from the GPU.
        found: u32,
        /// Distance from the CPU.
        expected: u32,
    },
    /// A GPU rejects one of the shaders.
    #[cfg(feature = "gpu")]
    #[error("{gpu} rejected a shader ({reason}); compute the distances on the CPU")]
    GpuRefuses {
        /// Name of the GPU.
        gpu: String,
        /// Message of the driver.
        reason: String,
    },
    /// A GPU was lost or failed while computing.
    #[cfg(feature = "gpu")]
    #[error("{gpu} was lost ({reason}); open it again, or compute the distances on the CPU")]
    GpuLost {
        /// Name of the GPU.
        gpu: String,
        /// Message of the driver.
        reason: String,
    },
    /// A sequence is so long that one pair would occupy the GPU for too long.
    #[cfg(feature = "gpu")]
    #[error(
        "sequence {position} has {length} symbols; a GPU takes at most {longest}. \
         Compute its distances on the CPU"
    )]
    GpuTooLong {
        /// Index of the sequence, from 0.
        position: usize,
        /// Number of its symbols.
        length: usize,
        /// Largest number of symbols allowed.
        longest: usize,
    },
    /// Data does not fit into one buffer of the GPU.
    #[cfg(feature = "gpu")]
    #[error(
        "{what} would take {bytes} bytes of GPU memory in one buffer; the limit is {limit}. Use fewer sequences"
    )]
    GpuTooLarge {
        /// The data that does not fit.
        what: &'static str,
        /// Size in bytes.
        bytes: u64,
        /// Largest size in bytes.
        limit: u64,
    },
    /// The groups do not match the sequences.
    #[cfg(feature = "gpu")]
    #[error("{groups} groups for {sequences} sequences; give one group per sequence, from 0 to {most}")]
    WrongGroups {
        /// Number of groups given.
        groups: usize,
        /// Number of sequences.
        sequences: usize,
        /// Largest group number.
        most: u32,
    },
}
