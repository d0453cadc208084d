//! Loops over one token's row of logits or weights, `[E]`, compiled for wide vectors.

#![allow(clippy::inline_always, reason = "what is called in a loop for wide vectors must be part of it")]

use crate::numeric::vector::widest;

/// Values that are computed in parallel: two AVX2 vectors, to hide the latency of each other's
/// instructions.
pub const LANES: usize = 16;

/// Writes `score(logit)` of every logit to `weights`. Returns sums of the scores at every
/// [`LANES`]th place, in order.
#[inline(always)]
pub fn scores(logits: &[f32], weights: &mut [f32], score: impl Fn(f32) -> f32) -> [f32; LANES] {
    let (from, rest_from) = logits.as_chunks::<LANES>();
    let (to, rest_to) = weights.as_chunks_mut::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for (from, to) in from.iter().zip(to) {
        for ((sum, &logit), weight) in sums.iter_mut().zip(from).zip(to) {
            *weight = score(logit);
            *sum += *weight;
        }
    }
    for ((sum, &logit), weight) in sums.iter_mut().zip(rest_from).zip(rest_to) {
        *weight = score(logit);
        *sum += *weight;
    }
    sums
}

/// Calls `weigh`, which writes the weights of the logits, and adds them to `sums`. Returns `false`
/// and adds nothing when a logit is not finite.
#[inline(always)]
pub fn add_weighed(
    logits: &[f32],
    weights: &mut [f32],
    sums: &mut [f64],
    weigh: impl FnOnce(&[f32], &mut [f32]),
) -> bool {
    widest(
        #[inline(always)]
        || {
            let finite = all_finite(logits);
            if finite {
                weigh(logits, weights);
                add(sums, weights);
            }
            finite
        },
    )
}

/// Adds a row in f32 to sums in f64.
#[inline(always)]
pub fn add(sums: &mut [f64], row: &[f32]) {
    for (sum, &value) in sums.iter_mut().zip(row) {
        *sum += f64::from(value);
    }
}

/// Whether no value is infinite or NaN.
#[inline(always)]
fn all_finite(row: &[f32]) -> bool {
    /// The bits of infinity; those of NaN are larger.
    const INFINITE: u32 = 0x7f80_0000;
    let most = row.iter().fold(0, |most: u32, value| most.max(value.to_bits() & 0x7fff_ffff));
    most < INFINITE
}
