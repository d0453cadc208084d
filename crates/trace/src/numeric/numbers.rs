//! Converts little-endian bytes of tensors to numbers in bulk. Widening is exact and equal on every
//! machine.

#![allow(clippy::inline_always, reason = "what is called in a loop for wide vectors must be part of it")]

use crate::numeric::vector::widest;

/// IEEE 754 binary16 to f32, every value exactly.
///
/// The exponent is shifted into place and its bias is changed; a subnormal number is the difference
/// of two normal ones. There is no branch, so that the compiler can use SIMD, and no arithmetic on
/// subnormal numbers of f32, which is a hundred times as slow on many processors.
#[inline(always)]
#[must_use]
pub fn widen_f16(bits: u16) -> f32 {
    /// The bits of 2^-14, the smallest normal number of binary16.
    const SMALLEST: u32 = (127 - 14) << 23;
    let shifted = u32::from(bits & 0x7fff) << 13;
    let sign = u32::from(bits & 0x8000) << 16;
    let exponent = bits & 0x7c00;
    // All ones in the exponent mean infinity or NaN.
    let rebias = if exponent == 0x7c00 { (255 - 31) << 23 } else { (127 - 15) << 23 };
    let subnormal = f32::from_bits(SMALLEST + shifted) - f32::from_bits(SMALLEST);
    let magnitude = if exponent == 0 { subnormal.to_bits() } else { shifted + rebias };
    f32::from_bits(magnitude | sign)
}

/// bfloat16 to f32: the upper half of its bits.
#[inline(always)]
#[must_use]
pub fn widen_bf16(bits: u16) -> f32 {
    f32::from_bits(u32::from(bits) << 16)
}

/// f32 to IEEE 754 binary16, to the nearest value, ties to even.
#[must_use]
pub fn narrow_f16(value: f32) -> u16 {
    let bits = value.to_bits();
    let sign = ((bits >> 16) & 0x8000) as u16;
    let magnitude = bits & 0x7fff_ffff;
    let half = if magnitude > 0x7f80_0000 {
        // NaN stays a quiet NaN.
        0x7e00
    } else if magnitude >= 0x477f_f000 {
        // 65520 and more round to infinity.
        0x7c00
    } else if magnitude >= 0x3880_0000 {
        // Normal: changes the bias from 127 to 15 and rounds the dropped bits.
        let rebiased = magnitude - (112 << 23);
        let round = 0x0fff + ((rebiased >> 13) & 1);
        ((rebiased + round) >> 13) as u16
    } else {
        // Subnormal: adding 0.5 leaves units of 2^-24 in the low bits, rounded by the addition
        // itself.
        let shifted = f32::from_bits(magnitude) + 0.5;
        (shifted.to_bits() - 0.5_f32.to_bits()) as u16
    };
    sign | half
}

/// Little-endian bytes of an f16 as f32.
#[inline(always)]
#[must_use]
pub fn f16(bytes: [u8; 2]) -> f32 {
    widen_f16(u16::from_le_bytes(bytes))
}

/// Little-endian bytes of a bf16 as f32.
#[inline(always)]
#[must_use]
pub fn bf16(bytes: [u8; 2]) -> f32 {
    widen_bf16(u16::from_le_bytes(bytes))
}

/// Little-endian bytes of an f64 as the nearest f32.
#[inline(always)]
#[must_use]
pub fn f64_rounded(bytes: [u8; 8]) -> f32 {
    f64::from_le_bytes(bytes) as f32
}

/// Little-endian bytes of values of `N` bytes each as f32, appended to `values`.
pub fn append_widened<const N: usize>(bytes: &[u8], values: &mut Vec<f32>, widen: impl Fn([u8; N]) -> f32) {
    widest(
        #[inline(always)]
        || {
            let (chunks, rest) = bytes.as_chunks::<N>().0.as_chunks::<16>();
            for chunk in chunks {
                // A closure within `map` would not be compiled for wide vectors.
                let mut wide = [0.0; 16];
                for (wide, &value) in wide.iter_mut().zip(chunk) {
                    *wide = widen(value);
                }
                values.extend_from_slice(&wide);
            }
            values.extend(rest.iter().map(|&value| widen(value)));
        },
    );
}

/// As [`append_widened`], overwriting `values`, which has one entry per value in `bytes`.
pub fn widen_over<const N: usize>(bytes: &[u8], values: &mut [f32], widen: impl Fn([u8; N]) -> f32) {
    widest(
        #[inline(always)]
        || {
            for (value, &bytes) in values.iter_mut().zip(bytes.as_chunks().0) {
                *value = widen(bytes);
            }
        },
    );
}

/// Little-endian f64 bytes to f64.
#[must_use]
pub fn f64_bytes_to_f64(bytes: &[u8]) -> Vec<f64> {
    bytes.as_chunks::<8>().0.iter().map(|&b| f64::from_le_bytes(b)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_f16_widens_and_comes_back() {
        for bits in 0..=u16::MAX {
            let oracle = half::f16::from_bits(bits);
            let ours = widen_f16(bits);
            if oracle.is_nan() {
                assert!(ours.is_nan(), "{bits:#06x}");
                assert!(half::f16::from_bits(narrow_f16(ours)).is_nan(), "{bits:#06x}");
            } else {
                assert_eq!(ours.to_bits(), oracle.to_f32().to_bits(), "{bits:#06x}");
                assert_eq!(narrow_f16(ours), bits, "{bits:#06x}");
            }
        }
    }

    #[test]
    fn narrowing_rounds_to_nearest_even() {
        // Every 257th f32 covers all exponents and many ties.
        for bits in (0..=u32::MAX).step_by(257) {
            let value = f32::from_bits(bits);
            let oracle = half::f16::from_f32(value);
            if oracle.is_nan() {
                assert!(half::f16::from_bits(narrow_f16(value)).is_nan());
            } else {
                assert_eq!(narrow_f16(value), oracle.to_bits(), "{value:e}");
            }
        }
        for half_bits in 0..0x7bff_u16 {
            let tie = f32::midpoint(widen_f16(half_bits), widen_f16(half_bits + 1));
            assert_eq!(narrow_f16(tie), half::f16::from_f32(tie).to_bits(), "{tie:e}");
        }
    }

    #[test]
    fn every_bf16_widens() {
        for bits in 0..=u16::MAX {
            let oracle = half::bf16::from_bits(bits).to_f32();
            assert!(widen_bf16(bits).to_bits() == oracle.to_bits() || oracle.is_nan());
        }
    }
}
