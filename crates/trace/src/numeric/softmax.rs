//! Routing weights from router logits: softmax over all experts in f32
//! (`docs/metrics.md#mean-gates`).
//!
//! Only additions, multiplications and one division per value are used, in a fixed order, so that
//! every platform gives the same bits.

#![allow(clippy::inline_always, reason = "what is called in a loop for wide vectors must be part of it")]

use crate::numeric::{
    rows::{LANES, add_weighed, scores},
    vector::widest,
};

/// `e^x` to about 2 units in the last place, without branches; 0 below -87, and no more than
/// `e^88`.
///
/// The argument is reduced as in Cephes (`expf.c`): `x = n ln 2 + r`, and a polynomial for `e^r`.
#[inline(always)]
#[must_use]
pub fn exp(x: f32) -> f32 {
    /// Adding it rounds to a whole number, which is then in the low bits.
    const ROUND: f32 = 12_582_912.0;
    let clamped = x.clamp(-87.0, 88.0);
    let shifted = clamped * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    // ln 2 in two parts, the first with few digits, so that its product is exact.
    let r = clamped - n * 0.693_359_4;
    let r = r - n * -2.121_944_4e-4;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let value = p * r * r + r + 1.0;
    let scale = f32::from_bits(((shifted.to_bits() << 23).wrapping_add(127 << 23)) & 0x7f80_0000);
    if x < -87.0 { 0.0 } else { value * scale }
}

/// Routing weights of one token's logits, `[E]` each.
pub fn softmax(logits: &[f32], weights: &mut [f32]) {
    widest(
        #[inline(always)]
        || weigh(logits, weights),
    );
}

/// Adds the routing weights of one token to `sums`, `[E]` each, and leaves them in `weights`.
/// Returns `false` and adds nothing when a logit is not finite.
#[must_use]
pub fn add_softmax(logits: &[f32], weights: &mut [f32], sums: &mut [f64]) -> bool {
    add_weighed(
        logits,
        weights,
        sums,
        #[inline(always)]
        |logits, weights| weigh(logits, weights),
    )
}

#[inline(always)]
fn weigh(logits: &[f32], weights: &mut [f32]) {
    let largest = largest(logits);
    let sum = exponentials(logits, largest, weights);
    for weight in weights {
        *weight /= sum;
    }
}

/// The largest value of a row, ignoring NaN; negative infinity for an empty row.
#[inline(always)]
#[must_use]
pub fn largest(row: &[f32]) -> f32 {
    let (chunks, rest) = row.as_chunks::<LANES>();
    let mut most = [f32::NEG_INFINITY; LANES];
    for chunk in chunks {
        for (most, &value) in most.iter_mut().zip(chunk) {
            // Not `f32::max`, whose handling of NaN prevents SIMD.
            *most = if value > *most { value } else { *most };
        }
    }
    most.iter().chain(rest).copied().fold(f32::NEG_INFINITY, |a, b| if b > a { b } else { a })
}

/// Writes `e^(logit - largest)` to `weights` and returns their sum.
#[inline(always)]
fn exponentials(logits: &[f32], largest: f32, weights: &mut [f32]) -> f32 {
    let mut sums = scores(
        logits,
        weights,
        #[inline(always)]
        |logit| exp(logit - largest),
    );
    // Pairwise, so that no sum depends on more than four others.
    let mut width = LANES / 2;
    while width > 0 {
        let (low, high) = sums.split_at_mut(width);
        for (low, high) in low.iter_mut().zip(high) {
            *low += *high;
        }
        width /= 2;
    }
    sums[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponentials_are_accurate() {
        for step in -87_000..88_000_i32 {
            let x = step as f32 / 1000.0;
            let (found, right) = (f64::from(exp(x)), libm::exp(f64::from(x)));
            assert!((found - right).abs() <= 3e-7 * right, "{x}: {found} for {right}");
        }
        assert_eq!(
            [0.0, -88.0, f32::NEG_INFINITY].map(|x| exp(x).to_bits()),
            [1.0_f32, 0.0, 0.0].map(f32::to_bits)
        );
        assert!(exp(f32::NAN).is_nan());
    }

    #[test]
    fn softmax_sums_to_one_for_large_logits_too() {
        let mut weights = [0.0; 3];
        softmax(&[1000.0, 1000.0, -1000.0], &mut weights);
        assert_eq!(weights.map(f32::to_bits), [0.5, 0.5, 0.0].map(f32::to_bits));
    }

    /// Deterministic numbers between -12 and 12.
    fn logits(count: usize) -> Vec<f32> {
        (0..count).map(|at| (at * 7919 % 1009) as f32 / 42.0 - 12.0).collect()
    }

    #[test]
    fn weights_equal_those_computed_in_f64() {
        for experts in [1, 2, 7, 8, 15, 16, 17, 60, 64, 100, 256] {
            let logits = logits(experts);
            let mut weights = vec![0.0; experts];
            softmax(&logits, &mut weights);
            let powers: Vec<f64> = logits.iter().map(|&logit| libm::exp(f64::from(logit))).collect();
            let sum: f64 = powers.iter().sum();
            for (weight, power) in weights.iter().zip(powers) {
                let right = power / sum;
                // The difference of two logits is rounded before exponentiation.
                assert!(
                    (f64::from(*weight) - right).abs() <= 3e-6 * right,
                    "{experts}: {weight} for {right}"
                );
            }
        }
    }

    #[test]
    fn width_changes_no_bit() {
        for experts in [1, 5, 16, 60, 64, 65, 129] {
            let logits = logits(experts);
            let (mut wide, mut plain) = (vec![0.0; experts], vec![0.0; experts]);
            softmax(&logits, &mut wide);
            weigh(&logits, &mut plain);
            let bits = |row: &[f32]| row.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&wide), bits(&plain), "{experts}");
        }
    }

    #[test]
    fn a_row_that_is_not_finite_adds_nothing() {
        let (mut weights, mut sums) = ([0.0; 3], [0.0; 3]);
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(!add_softmax(&[0.0, bad, 0.0], &mut weights, &mut sums));
        }
        assert!(add_softmax(&[0.0, f32::MAX, -f32::MAX], &mut weights, &mut sums));
        assert_eq!(sums.map(f64::to_bits), [0.0, 1.0, 0.0_f64].map(f64::to_bits));
    }
}
