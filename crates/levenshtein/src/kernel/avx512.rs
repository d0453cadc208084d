//! 512 lanes in an AVX-512 register.
#![expect(unsafe_code, reason = "vector instructions, and vectors seen as the words they are made of")]

use std::arch::x86_64::{
    __m512i, _mm_cvtsi32_si128, _mm512_and_si512, _mm512_andnot_si512, _mm512_or_si512, _mm512_set1_epi64,
    _mm512_sll_epi64, _mm512_srl_epi64, _mm512_xor_si512,
};

use super::lanes::{Lanes, Task};

/// 512 pairs; the compiler makes one instruction of up to three operands' logic. Made and used only after [`Engine::Avx512`](crate::Engine) was found available: the dispatcher is the
/// one place that names this type, and every SAFETY line below rests on that.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Avx512(__m512i);

impl Lanes for Avx512 {
    const WORDS: usize = 8;

    #[inline(always)]
    fn splat(word: u64) -> Self {
        // SAFETY: the processor has AVX-512F.
        Self(unsafe { _mm512_set1_epi64(word.cast_signed()) })
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        // SAFETY: the processor has AVX-512F.
        Self(unsafe { _mm512_and_si512(self.0, other.0) })
    }

    #[inline(always)]
    fn or(self, other: Self) -> Self {
        // SAFETY: the processor has AVX-512F.
        Self(unsafe { _mm512_or_si512(self.0, other.0) })
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        // SAFETY: the processor has AVX-512F.
        Self(unsafe { _mm512_xor_si512(self.0, other.0) })
    }

    #[inline(always)]
    fn and_not(self, other: Self) -> Self {
        // SAFETY: the processor has AVX-512F.
        Self(unsafe { _mm512_andnot_si512(other.0, self.0) })
    }

    #[inline(always)]
    fn shift_up<const BITS: u32>(self) -> Self {
        // SAFETY: the processor has AVX-512F.
        Self(unsafe { _mm512_sll_epi64(self.0, _mm_cvtsi32_si128(BITS.cast_signed())) })
    }

    #[inline(always)]
    fn shift_down<const BITS: u32>(self) -> Self {
        // SAFETY: the processor has AVX-512F.
        Self(unsafe { _mm512_srl_epi64(self.0, _mm_cvtsi32_si128(BITS.cast_signed())) })
    }

    #[inline(always)]
    fn words(vectors: &[Self]) -> &[u64] {
        // SAFETY: an `Avx512` is 64 bytes that are valid as eight words and aligned more strictly than they need.
        unsafe { std::slice::from_raw_parts(vectors.as_ptr().cast(), vectors.len() * Self::WORDS) }
    }

    #[inline(always)]
    fn words_mut(vectors: &mut [Self]) -> &mut [u64] {
        // SAFETY: as in `words`; the borrow of `vectors` lasts as long as the result, so nobody else sees it.
        unsafe { std::slice::from_raw_parts_mut(vectors.as_mut_ptr().cast(), vectors.len() * Self::WORDS) }
    }

    #[inline(always)]
    fn run<T: Task>(task: T) -> T::Output {
        #[target_feature(enable = "avx512f")]
        fn with_avx512<T: Task>(task: T) -> T::Output {
            task.run()
        }
        // SAFETY: the processor has AVX-512F.
        unsafe { with_avx512(task) }
    }
}
