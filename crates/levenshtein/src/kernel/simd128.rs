//! 128 lanes in a WebAssembly vector.
#![expect(unsafe_code, reason = "vectors are reinterpreted as words")]

use std::arch::wasm32::{u64x2_shl, u64x2_shr, u64x2_splat, v128, v128_and, v128_andnot, v128_or, v128_xor};

use super::lanes::{Lanes, Task};

/// 128 pairs. Exists only in builds with `simd128`, where its instructions are safe to call.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Simd128(v128);

impl Lanes for Simd128 {
    const WORDS: usize = 2;

    #[inline(always)]
    fn splat(word: u64) -> Self {
        Self(u64x2_splat(word))
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(v128_and(self.0, other.0))
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        Self(v128_or(self.0, other.0))
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Self(v128_xor(self.0, other.0))
    }

    #[inline(always)]
    fn and_not(self, other: Self) -> Self {
        Self(v128_andnot(self.0, other.0))
    }

    #[inline(always)]
    fn shift_up<const BITS: u32>(self) -> Self {
        Self(u64x2_shl(self.0, BITS))
    }

    #[inline(always)]
    fn shift_down<const BITS: u32>(self) -> Self {
        Self(u64x2_shr(self.0, BITS))
    }

    #[inline(always)]
    fn words(vectors: &[Self]) -> &[u64] {
        // SAFETY: a `Simd128` is 16 bytes that are valid as two words, with stricter alignment.
        unsafe { std::slice::from_raw_parts(vectors.as_ptr().cast(), vectors.len() * Self::WORDS) }
    }

    #[inline(always)]
    fn words_mut(vectors: &mut [Self]) -> &mut [u64] {
        // SAFETY: as in `words`; the borrow of `vectors` lasts as long as the result, so there is no other access.
        unsafe { std::slice::from_raw_parts_mut(vectors.as_mut_ptr().cast(), vectors.len() * Self::WORDS) }
    }

    #[inline(always)]
    fn run<T: Task>(task: T) -> T::Output {
        // A separate function gives the inner loop all registers.
        #[inline(never)]
        fn isolated<T: Task>(task: T) -> T::Output {
            task.run()
        }
        isolated(task)
    }
}
