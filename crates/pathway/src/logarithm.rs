//! The natural logarithm of many numbers, in vector registers.

#![allow(clippy::inline_always, reason = "the logarithm must be part of what is compiled for wide vectors")]

use crate::vector::widest;

/// Numbers whose terms are computed together.
const AT_ONCE: usize = 64;

/// Sum of `-w ln w` over weights, in their order; weights of 0 and below contribute nothing.
///
/// All weights must be finite.
pub(crate) fn entropy_of_finite(weights: &[f32]) -> f64 {
    let (mut terms, mut sum) = ([0.0; AT_ONCE], -0.0);
    for weights in weights.chunks(AT_ONCE) {
        widest(
            #[inline(always)]
            || {
                for (term, &weight) in terms.iter_mut().zip(weights) {
                    let weight = f64::from(weight);
                    // Adding -0 changes no sum.
                    *term = if weight > 0.0 { weight * log(weight) } else { -0.0 };
                }
            },
        );
        for term in &terms[..weights.len()] {
            sum += term;
        }
    }
    -sum
}

/// The natural logarithm of a positive, normal and finite number: the steps of `libm::log` for such
/// a number, without branches.
#[inline(always)]
#[expect(clippy::unreadable_literal, reason = "the constants are those of libm, digit by digit")]
#[expect(clippy::excessive_precision, reason = "the constants are those of libm, digit by digit")]
fn log(number: f64) -> f64 {
    const LN2_HI: f64 = 6.93147180369123816490e-01;
    const LN2_LO: f64 = 1.90821492927058770002e-10;
    const LG1: f64 = 6.666666666666735130e-01;
    const LG2: f64 = 3.999999999940941908e-01;
    const LG3: f64 = 2.857142874366239149e-01;
    const LG4: f64 = 2.222219843214978396e-01;
    const LG5: f64 = 1.818357216161805012e-01;
    const LG6: f64 = 1.531383769920937332e-01;
    const LG7: f64 = 1.479819860511658591e-01;
    /// The upper bits of 1 and of the root of 1/2.
    const ONE: u64 = 0x3ff00000 << 32;
    const ROOT: u64 = 0x3fe6a09e << 32;
    /// 2^52, whose lowest mantissa bit is 1.
    const INTEGERS: u64 = 0x4330000000000000;

    let bits = number.to_bits().wrapping_add(ONE - ROOT);
    // A conversion of small integers that vector instructions have.
    let k = (f64::from_bits(INTEGERS | (bits >> 52)) - f64::from_bits(INTEGERS)) - 1023.0;
    let x = f64::from_bits((bits & 0x000fffff_ffffffff).wrapping_add(ROOT));
    let f = x - 1.0;
    let hfsq = 0.5 * f * f;
    let s = f / (2.0 + f);
    let z = s * s;
    let w = z * z;
    let t1 = w * (LG2 + w * (LG4 + w * LG6));
    let t2 = z * (LG1 + w * (LG3 + w * (LG5 + w * LG7)));
    let r = t2 + t1;
    s * (hfsq + r) + k * LN2_LO - hfsq + f + k * LN2_HI
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Rng;

    #[test]
    fn the_logarithm_is_that_of_libm_to_the_bit() {
        let mut rng = Rng::new(11);
        let drawn = (0..200_000).map(|_| f32::from_bits(rng.below(f32::INFINITY.to_bits() - 1) + 1));
        let near_one = (0..2000).map(|step| f32::from_bits(1.0_f32.to_bits() - 1000 + step));
        let ends = [f32::from_bits(1), f32::MIN_POSITIVE, 0.5, 1.0, 2.0, f32::MAX, 0.707_106_77];
        for number in drawn.chain(near_one).chain(ends) {
            let number = f64::from(number);
            assert_eq!(log(number).to_bits(), libm::log(number).to_bits(), "{number:e}");
        }
    }

    #[test]
    fn the_sum_takes_the_weights_in_their_order() {
        let mut rng = Rng::new(5);
        for count in [0, 1, 63, 64, 65, 200] {
            let mut weights: Vec<f32> = (0..count).map(|_| rng.below(1 << 16) as f32 / 1e5).collect();
            for weight in weights.iter_mut().step_by(7) {
                *weight = if rng.below(2) == 0 { 0.0 } else { -*weight };
            }
            let terms = weights.iter().map(|&weight| f64::from(weight)).filter(|&weight| weight > 0.0);
            let expected = -terms.map(|weight| weight * libm::log(weight)).sum::<f64>();
            assert_eq!(entropy_of_finite(&weights).to_bits(), expected.to_bits(), "{count}");
        }
    }
}
