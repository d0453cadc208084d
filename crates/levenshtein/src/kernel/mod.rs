//! The inner loops, written once over [`Lanes`] and compiled for every instruction set.
#![expect(clippy::inline_always, reason = "an inner loop that is not inlined misses its instruction set")]

mod cell;
mod count;
mod lanes;
pub(crate) mod mixed;
pub(crate) mod planes;
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

/// Stands for a distance that the band was too narrow for.
pub(crate) const UNSURE: u32 = u32::MAX;

/// A computation that is written for any [`Lanes`].
pub(crate) trait Job {
    /// What comes out.
    type Output;

    /// Does it.
    fn run<L: Lanes>(self) -> Self::Output;
}

/// Runs `job` with the instruction set's lanes, or with the scalar ones where the instruction set is not available.
pub(crate) fn dispatch<J: Job>(instructions: InstructionSet, job: J) -> J::Output {
    match instructions {
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx512 if instructions.is_available() => job.run::<x86::Avx512>(),
        #[cfg(target_arch = "x86_64")]
        InstructionSet::Avx2 if instructions.is_available() => job.run::<x86::Avx2>(),
        #[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
        InstructionSet::Simd128 => job.run::<simd128::Simd128>(),
        _ => job.run::<scalar::Scalar>(),
    }
}
