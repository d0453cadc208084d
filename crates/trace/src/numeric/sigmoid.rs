//! Router logits become routing weights where routers score by sigmoid: `s / sum(s)` over all experts with
//! `s = sigmoid(z)`, in f32 (docs/metrics.md#mean-gates).
//!
//! Made of additions, multiplications and two divisions per value in a fixed order, so that every engine gives the same
//! bits.

#![allow(clippy::inline_always, reason = "what is called in a loop for wide vectors must be part of it")]

use crate::numeric::{
    rows::{add_weighed, scores},
    softmax::exp,
    vector::widest,
};

/// Routing weights of one token's logits, `[E]` each: sigmoid scores over their sum.
pub fn normalized_sigmoid(logits: &[f32], weights: &mut [f32]) {
    widest(
        #[inline(always)]
        || weigh(logits, weights),
    );
}

/// Adds the routing weights of one token to `sums`, `[E]` each, and leaves them in `weights`.
/// Returns `false` and adds nothing when a logit is not finite.
#[must_use]
pub fn add_normalized_sigmoid(logits: &[f32], weights: &mut [f32], sums: &mut [f64]) -> bool {
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
    let sums = scores(
        logits,
        weights,
        #[inline(always)]
        |logit| sigmoid(logit),
    );
    // Above 0.
    let sum: f32 = sums.iter().sum();
    for weight in weights {
        *weight /= sum;
    }
}

/// `1 / (1 + e^-x)`; at least `e^-88`.
#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_those_of_doubles() {
        for experts in [1, 2, 8, 16, 17, 64, 160, 256] {
            let logits: Vec<f32> = (0..experts).map(|at| (at * 7919 % 1009) as f32 / 42.0 - 12.0).collect();
            let mut weights = vec![0.0; experts];
            normalized_sigmoid(&logits, &mut weights);
            let scores: Vec<f64> =
                logits.iter().map(|&logit| 1.0 / (1.0 + libm::exp(-f64::from(logit)))).collect();
            let sum: f64 = scores.iter().sum();
            for (weight, score) in weights.iter().zip(scores) {
                let right = score / sum;
                assert!(
                    (f64::from(*weight) - right).abs() <= 3e-6 * right,
                    "{experts}: {weight} for {right}"
                );
            }
        }
    }

    #[test]
    fn large_logits_stay_a_distribution() {
        let mut weights = [0.0; 4];
        for logits in [[1000.0, 1000.0, -1000.0, -1000.0], [-1000.0; 4], [f32::MAX, f32::MAX, -f32::MAX, 0.0]]
        {
            normalized_sigmoid(&logits, &mut weights);
            let sum: f32 = weights.iter().sum();
            assert!((sum - 1.0).abs() < 1e-6, "{weights:?}");
        }
    }

    #[test]
    fn width_changes_no_bit() {
        for experts in [1, 5, 16, 60, 65, 129] {
            let logits: Vec<f32> = (0..experts).map(|at| (at * 7919 % 1009) as f32 / 42.0 - 12.0).collect();
            let (mut wide, mut plain) = (vec![0.0; experts], vec![0.0; experts]);
            normalized_sigmoid(&logits, &mut wide);
            weigh(&logits, &mut plain);
            let bits = |row: &[f32]| row.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
            assert_eq!(bits(&wide), bits(&plain), "{experts}");
        }
    }

    #[test]
    fn a_row_that_is_not_finite_adds_nothing() {
        let (mut weights, mut sums) = ([0.0; 3], [0.0; 3]);
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            assert!(!add_normalized_sigmoid(&[0.0, bad, 0.0], &mut weights, &mut sums));
        }
        assert_eq!(sums.map(f64::to_bits), [0_u64; 3]);
    }
}
