//! Whole numbers as bits: how long they are expected to be decides what they cost.

use super::range::{Bits, Prob};
use crate::Error;

/// Half octaves of expected size, from below 1/32 up to 2^40.
const CLASSES: usize = 90;

/// Longest number, in bits.
const LONGEST: usize = 64;

/// Odds of lengths, signs and leading bits, for every expected size.
#[derive(Clone)]
pub(super) struct Numbers {
    /// Whether a number is longer than so many bits, `[class][bits]`.
    longer: Vec<[Prob; LONGEST]>,
    /// Whether it is negative, by whether the one before was.
    sign: [Prob; 3],
    /// The first two bits below the leading one, by length in relation to what was expected.
    mantissa: Vec<[Prob; 3]>,
}

/// The class of an expected size.
fn class_of(expected: f64) -> usize {
    let mut class = 0;
    let mut limit = 1.0 / 32.0;
    while class + 1 < CLASSES && expected >= limit {
        limit *= std::f64::consts::SQRT_2;
        class += 1;
    }
    class
}

/// The size that a class stands for.
fn size_of(class: usize) -> f64 {
    let mut size = 0.84 / 32.0;
    for _ in 0..class {
        size *= std::f64::consts::SQRT_2;
    }
    size
}

impl Numbers {
    pub(super) fn new() -> Self {
        let longer = (0..CLASSES)
            .map(|class| {
                let size = size_of(class);
                // Sizes fall off geometrically: at least x with probability ratio^x.
                let mut tail = size / (1.0 + size);
                let mut odds = [Prob::EVEN; LONGEST];
                for (bits, odds) in odds.iter_mut().enumerate() {
                    *odds = Prob::expecting(1.0 - tail, 4);
                    if bits > 0 {
                        tail *= tail;
                    }
                }
                odds
            })
            .collect();
        Self { longer, sign: [Prob::EVEN; 3], mantissa: vec![[Prob::EVEN; 3]; 2 * LONGEST] }
    }

    /// A number without sign whose size is expected to be about `expected`.
    pub(super) fn size<B: Bits>(&mut self, bits: &mut B, expected: f64, value: u64) -> Result<u64, Error> {
        let class = class_of(expected);
        let given = LONGEST as u32 - value.leading_zeros();
        let mut length = 0;
        while (length as usize) < LONGEST
            && bits.bit(&mut self.longer[class][length as usize], given > length)?
        {
            length += 1;
        }
        if length <= 1 {
            return Ok(u64::from(length));
        }
        let mut left = length - 1;
        let mut read = 1;
        // Where lengths are as expected, short mantissas are likelier: the density falls inside the octave.
        let relation =
            (LONGEST + 2 * length as usize - class.min(LONGEST + 2 * length as usize)).min(2 * LONGEST - 1);
        let odds = &mut self.mantissa[relation];
        let first = bits.bit(&mut odds[0], (value >> (left - 1)) & 1 == 1)?;
        read = read << 1 | u64::from(first);
        left -= 1;
        if left > 0 {
            let second = bits.bit(&mut odds[1 + usize::from(first)], (value >> (left - 1)) & 1 == 1)?;
            read = read << 1 | u64::from(second);
            left -= 1;
        }
        // All of the low bits at once; a shift by 64 cannot happen, since the leading bit is read already.
        let low = bits.plain(left, value & ((1 << left) - 1))?;
        Ok(read << left | low)
    }

    /// A number with sign; `before` is the sign of its forerunner.
    pub(super) fn signed<B: Bits>(
        &mut self,
        bits: &mut B,
        expected: f64,
        before: i64,
        value: i64,
    ) -> Result<i64, Error> {
        let size = self.size(bits, expected, value.unsigned_abs())?;
        if size == 0 {
            return Ok(0);
        }
        let odds = &mut self.sign[(before.signum() + 1) as usize];
        let negative = bits.bit(odds, value < 0)?;
        Ok(if negative { (size as i64).wrapping_neg() } else { size as i64 })
    }
}
