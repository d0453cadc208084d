//! Compiles loops over numbers a second time for wider vectors.
//!
//! Only the width differs, not the order of operations or the rounding, so that results are equal to
//! the bit everywhere.

#![allow(clippy::inline_always, reason = "the work must be part of what is compiled for wide vectors")]

/// Runs `work` with the widest vectors of this processor. Only `#[inline(always)]` functions in it
/// are compiled for them.
///
/// `wasm32` has a single width, and on other processors the compiler's default is used.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub(crate) fn widest<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// Runs `work`.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub(crate) fn widest<R>(work: impl FnOnce() -> R) -> R {
    work()
}
