//! Inner loops, generic over [`Lanes`] and compiled for every instruction set.
#![expect(clippy::inline_always, reason = "an inner loop that is not inlined misses its instruction set")]

mod cell;
mod count;
mod lanes;
pub(crate) mod library;
pub(crate) mod mixed;
mod planes;
mod scalar;
pub(crate) mod shared;
mod side;
#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod simd128;
mod transpose;
#[cfg(target_arch = "x86_64")]
mod x86;

use crate::instruction_set::InstructionSet;

pub(crate) use lanes::Lanes;

/// Marks a distance for which the band was too narrow.
pub(crate) const UNSURE: u32 = u32::MAX;

/// A computation that is generic over [`Lanes`].
pub(crate) trait Computation {
    /// Result of the computation.
    type Output;

    /// Runs the computation.
    fn run<L: Lanes>(self) -> Self::Output;
}

/// Runs `computation` with the lanes of the instruction set, or with scalar ones if it is not
/// available.
pub(crate) fn dispatch<C: Computation>(instructions: InstructionSet, computation: C) -> C::Output {
    match instructions {
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx512 if instructions.is_available() => computation.run::<x86::Avx512>(),
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx2 if instructions.is_available() => computation.run::<x86::Avx2>(),
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        InstructionSet::Simd128 => computation.run::<simd128::Simd128>(),
        _ => computation.run::<scalar::Scalar>(),
    }
}
