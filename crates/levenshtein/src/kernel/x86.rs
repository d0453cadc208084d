//! 256 lanes in an AVX2 register, 512 in an AVX-512 register.
#![expect(unsafe_code, reason = "vector instructions, and vectors are reinterpreted as words")]

use std::arch::x86_64::{
    __m256i, __m512i, _mm_cvtsi32_si128, _mm256_and_si256, _mm256_andnot_si256, _mm256_or_si256,
    _mm256_set1_epi64x, _mm256_sll_epi64, _mm256_srl_epi64, _mm256_xor_si256, _mm512_and_si512,
    _mm512_andnot_si512, _mm512_or_si512, _mm512_set1_epi64, _mm512_sll_epi64, _mm512_srl_epi64,
    _mm512_ternarylogic_epi64, _mm512_xor_si512,
};

use super::lanes::{Lanes, Task};

/// 256 pairs. Used only after [`InstructionSet::Avx2`](crate::InstructionSet) was detected: only
/// the dispatcher names this type, and every SAFETY comment below relies on that.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Avx2(__m256i);

/// 512 pairs, under the same condition with [`InstructionSet::Avx512`](crate::InstructionSet).
/// Logic of three operands is one instruction.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(crate) struct Avx512(__m512i);

/// Truth tables of the three operands of `vpternlog`: bit `4 a + 2 b + c` is the result for operand
/// bits `a`, `b` and `c`.
const A: i32 = 0b1111_0000;
const B: i32 = 0b1100_1100;
const C: i32 = 0b1010_1010;

/// Implements [`Lanes`] for a register of `$words` words with the instructions of its set.
macro_rules! register {
    (
        $name:ident, $words:literal, $feature:literal, $splat:ident, $and:ident, $or:ident, $xor:ident, $and_not:ident,
        $left:ident, $right:ident $(, $ternary:ident)?
    ) => {
        impl Lanes for $name {
            const WORDS: usize = $words;
            $(
                const REGISTERS: usize = 32;

                #[inline(always)]
                fn and_not_each(self, a: Self, b: Self) -> (Self, Self) {
                    // SAFETY: the CPU has the instructions.
                    let neither = Self(unsafe { $ternary::<{ A & !B & !C }>(self.0, a.0, b.0) });
                    (neither, neither)
                }

                #[inline(always)]
                fn and_not_but(self, a: Self, b: Self) -> Self {
                    // SAFETY: the CPU has the instructions.
                    Self(unsafe { $ternary::<{ A & !(B & !C) }>(self.0, a.0, b.0) })
                }

                #[inline(always)]
                fn or_but(self, a: Self, b: Self) -> Self {
                    // SAFETY: the CPU has the instructions.
                    Self(unsafe { $ternary::<{ A | B & !C }>(self.0, a.0, b.0) })
                }

                #[inline(always)]
                fn parity(self, a: Self, b: Self) -> Self {
                    // SAFETY: the CPU has the instructions.
                    Self(unsafe { $ternary::<{ A ^ B ^ C }>(self.0, a.0, b.0) })
                }

                #[inline(always)]
                fn majority(self, a: Self, b: Self) -> Self {
                    // SAFETY: the CPU has the instructions.
                    Self(unsafe { $ternary::<{ A & B | C & (A | B) }>(self.0, a.0, b.0) })
                }
            )?

            #[inline(always)]
            fn splat(word: u64) -> Self {
                // SAFETY: the CPU has the instructions.
                Self(unsafe { $splat(word.cast_signed()) })
            }

            #[inline(always)]
            fn and(self, other: Self) -> Self {
                // SAFETY: the CPU has the instructions.
                Self(unsafe { $and(self.0, other.0) })
            }

            #[inline(always)]
            fn or(self, other: Self) -> Self {
                // SAFETY: the CPU has the instructions.
                Self(unsafe { $or(self.0, other.0) })
            }

            #[inline(always)]
            fn xor(self, other: Self) -> Self {
                // SAFETY: the CPU has the instructions.
                Self(unsafe { $xor(self.0, other.0) })
            }

            #[inline(always)]
            fn and_not(self, other: Self) -> Self {
                // SAFETY: the CPU has the instructions.
                Self(unsafe { $and_not(other.0, self.0) })
            }

            #[inline(always)]
            fn shift_up<const BITS: u32>(self) -> Self {
                // SAFETY: the CPU has the instructions.
                Self(unsafe { $left(self.0, _mm_cvtsi32_si128(BITS.cast_signed())) })
            }

            #[inline(always)]
            fn shift_down<const BITS: u32>(self) -> Self {
                // SAFETY: the CPU has the instructions.
                Self(unsafe { $right(self.0, _mm_cvtsi32_si128(BITS.cast_signed())) })
            }

            #[inline(always)]
            fn words(vectors: &[Self]) -> &[u64] {
                // SAFETY: a register is as many bytes as its words, all values of which are valid, and has
                // stricter alignment.
                unsafe { std::slice::from_raw_parts(vectors.as_ptr().cast(), vectors.len() * Self::WORDS) }
            }

            #[inline(always)]
            fn words_mut(vectors: &mut [Self]) -> &mut [u64] {
                // SAFETY: as in `words`; the borrow of `vectors` lasts as long as the result, so there is no other access.
                unsafe {
                    std::slice::from_raw_parts_mut(vectors.as_mut_ptr().cast(), vectors.len() * Self::WORDS)
                }
            }

            #[inline(always)]
            fn run<T: Task>(task: T) -> T::Output {
                #[target_feature(enable = $feature)]
                fn with_instructions<T: Task>(task: T) -> T::Output {
                    task.run()
                }
                // SAFETY: the CPU has the instructions.
                unsafe { with_instructions(task) }
            }
        }
    };
}

register!(
    Avx2,
    4,
    "avx2",
    _mm256_set1_epi64x,
    _mm256_and_si256,
    _mm256_or_si256,
    _mm256_xor_si256,
    _mm256_andnot_si256,
    _mm256_sll_epi64,
    _mm256_srl_epi64
);
register!(
    Avx512,
    8,
    "avx512f",
    _mm512_set1_epi64,
    _mm512_and_si512,
    _mm512_or_si512,
    _mm512_xor_si512,
    _mm512_andnot_si512,
    _mm512_sll_epi64,
    _mm512_srl_epi64,
    _mm512_ternarylogic_epi64
);
