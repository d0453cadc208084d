//! 64 lanes in a 64-bit integer.

use super::lanes::{Lanes, Task};

/// 64 pairs.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Scalar(u64);

impl Scalar {
    /// The word.
    pub(crate) fn word(self) -> u64 {
        self.0
    }
}

impl Lanes for Scalar {
    const WORDS: usize = 1;

    #[inline(always)]
    fn splat(word: u64) -> Self {
        Self(word)
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        Self(self.0 ^ other.0)
    }

    #[inline(always)]
    fn and_not(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    #[inline(always)]
    fn shift_up<const BITS: u32>(self) -> Self {
        Self(self.0 << BITS)
    }

    #[inline(always)]
    fn shift_down<const BITS: u32>(self) -> Self {
        Self(self.0 >> BITS)
    }

    #[inline(always)]
    #[expect(unsafe_code, reason = "a slice of a transparent wrapper is read as its inner type")]
    fn words(vectors: &[Self]) -> &[u64] {
        // SAFETY: `Scalar` is a transparent wrapper of `u64`, so size, alignment and validity are the same.
        unsafe { std::slice::from_raw_parts(vectors.as_ptr().cast(), vectors.len()) }
    }

    #[inline(always)]
    #[expect(unsafe_code, reason = "a slice of a transparent wrapper is written as its inner type")]
    fn words_mut(vectors: &mut [Self]) -> &mut [u64] {
        // SAFETY: as in `words`; the borrow of `vectors` lasts as long as the result, so there is no other access.
        unsafe { std::slice::from_raw_parts_mut(vectors.as_mut_ptr().cast(), vectors.len()) }
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
