//! Loops over numbers, compiled once more for the wider vectors that most processors of today have.
//!
//! Only width differs: no order of operations and no rounding, so that results are the same to the bit everywhere.

#![allow(clippy::inline_always, reason = "the work must be part of what is compiled for wide vectors")]

/// Does `work` with the widest vectors that this processor has; it and what it calls gain
/// only where they are `#[inline(always)]`.
///
/// `wasm32` has one width, and so does what the compiler takes for granted on other processors.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
pub fn widest<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

/// Does `work`.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
pub fn widest<R>(work: impl FnOnce() -> R) -> R {
    work()
}
