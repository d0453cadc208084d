//! 256 lanes in an AVX2 register.
#![expect(unsafe_code, reason = "vector instructions, and vectors seen as the words they are made of")]

use std::arch::x86_64::{
    __m256i, _mm_cvtsi32_si128, _mm256_and_si256, _mm256_andnot_si256, _mm256_or_si256, _mm256_set1_epi64x,
    _mm256_sll_epi64, _mm256_srl_epi64, _mm256_xor_si256,
};

use super::lanes::{Lanes, Task};

/// 256 pairs. Made and used only after [`Engine::Avx2`](crate::Engine) was found available: the dispatcher is the
/// one place that names this type, and every SAFETY line below rests on that.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Avx2(__m256i);

impl Lanes for Avx2 {
    const WORDS: usize = 4;

    #[inline(always)]
    fn splat(word: u64) -> Self {
        // SAFETY: the processor has AVX2.
        Self(unsafe { _mm256_set1_epi64x(word.cast_signed()) })
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        // SAFETY: the processor has AVX2.
        Self(unsafe { _mm256_and_si256(self.0, other.0) })
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        // SAFETY: the processor has AVX2.
        Self(unsafe { _mm256_or_si256(self.0, other.0) })
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        // SAFETY: the processor has AVX2.
        Self(unsafe { _mm256_xor_si256(self.0, other.0) })
    }

    #[inline(always)]
    fn and_not(self, other: Self) -> Self {
        // SAFETY: the processor has AVX2.
        Self(unsafe { _mm256_andnot_si256(other.0, self.0) })
    }

    #[inline(always)]
    fn shift_up<const BITS: u32>(self) -> Self {
        // SAFETY: the processor has AVX2.
        Self(unsafe { _mm256_sll_epi64(self.0, _mm_cvtsi32_si128(BITS.cast_signed())) })
    }

    #[inline(always)]
    fn shift_down<const BITS: u32>(self) -> Self {
        // SAFETY: the processor has AVX2.
        Self(unsafe { _mm256_srl_epi64(self.0, _mm_cvtsi32_si128(BITS.cast_signed())) })
    }

    #[inline(always)]
    fn words(vectors: &[Self]) -> &[u64] {
        // SAFETY: an `Avx2` is 32 bytes that are valid as four words and aligned more strictly than they need.
        unsafe { std::slice::from_raw_parts(vectors.as_ptr().cast(), vectors.len() * Self::WORDS) }
    }

    #[inline(always)]
    fn words_mut(vectors: &mut [Self]) -> &mut [u64] {
        // SAFETY: as in `words`; the borrow of `vectors` lasts as long as the result, so nobody else sees it.
        unsafe { std::slice::from_raw_parts_mut(vectors.as_mut_ptr().cast(), vectors.len() * Self::WORDS) }
    }

    #[inline(always)]
    fn run<T: Task>(task: T) -> T::Output {
        #[target_feature(enable = "avx2")]
        fn with_avx2<T: Task>(task: T) -> T::Output {
            task.run()
        }
        // SAFETY: the processor has AVX2.
        unsafe { with_avx2(task) }
    }
}
