//! Codes integers as bits; the cost of each length depends on the expected size.

use super::coder::{AdaptiveModel, Coder};
use crate::Error;

/// Number of classes of expected size: half octaves from below 1/32 to 2^40.
const CLASSES: usize = 90;

/// Largest length of a number in bits.
const LONGEST: usize = 64;

/// First class whose numbers are distributed like those of larger classes.
const LARGE: usize = 14;

/// Number of relations of a number of bits to a class.
const RELATIONS: usize = CLASSES + 2 * LONGEST + 1;

/// Relation of a number of bits to a class: octaves count twice.
fn relation(class: usize, bits: usize) -> usize {
    (CLASSES + 2 * bits).saturating_sub(class).min(RELATIONS - 1)
}

/// Largest initial probability that a number has no more bits: surprises stay affordable.
const SUREST: f64 = 0.95;

/// Adaptive models of lengths, leading bits and signs.
pub(super) struct Numbers {
    /// Whether a number is longer than a number of bits, `[class][bits]`.
    longer: Vec<[AdaptiveModel; LONGEST]>,
    /// The same for classes from [`LARGE`] on, by the number of bits relative to the class: numbers of
    /// all large sizes are distributed alike.
    large: Vec<AdaptiveModel>,
    /// The first two bits below the leading one, by length relative to the expected length.
    mantissa: Vec<[AdaptiveModel; 3]>,
    /// Whether a number is negative, by the sign of its predecessor.
    sign: [AdaptiveModel; 3],
}

/// Class of an expected size.
fn class_of(expected: f64) -> usize {
    let mut limit = 1.0 / 32.0;
    (0..CLASSES - 1)
        .position(|_| {
            let below = expected < limit;
            limit *= std::f64::consts::SQRT_2;
            below
        })
        .unwrap_or(CLASSES - 1)
}

impl Numbers {
    pub(super) fn new() -> Self {
        let mut size = 0.84 / 32.0;
        let longer: Vec<[AdaptiveModel; LONGEST]> = (0..CLASSES)
            .map(|_| {
                // Sizes are distributed geometrically: at least x with probability ratio^x.
                let mut tail = size / (1.0 + size);
                size *= std::f64::consts::SQRT_2;
                let mut models = [AdaptiveModel::EVEN; LONGEST];
                for (bits, model) in models.iter_mut().enumerate() {
                    *model = AdaptiveModel::expecting((1.0 - tail).min(SUREST), 6);
                    if bits > 0 {
                        tail *= tail;
                    }
                }
                models
            })
            .collect();
        let mantissa = vec![[AdaptiveModel::EVEN; 3]; RELATIONS];
        let mut large = vec![AdaptiveModel::EVEN; RELATIONS];
        for class in [LARGE, LARGE + 1] {
            for (bits, model) in longer[class].iter().enumerate() {
                large[relation(class, bits)] = *model;
            }
        }
        Self { longer, large, mantissa, sign: [AdaptiveModel::EVEN; 3] }
    }

    /// Codes an unsigned number with expected size `expected`.
    pub(super) fn unsigned(
        &mut self,
        coder: &mut Coder<'_>,
        expected: f64,
        value: u64,
    ) -> Result<u64, Error> {
        let class = class_of(expected);
        let bits = LONGEST as u32 - value.leading_zeros();
        let mut length = 0;
        for shorter in 0..LONGEST {
            let model = if class < LARGE {
                &mut self.longer[class][shorter]
            } else {
                &mut self.large[relation(class, shorter)]
            };
            if !coder.bit(model, bits > shorter as u32)? {
                break;
            }
            length += 1;
        }
        if length <= 1 {
            return Ok(u64::from(length > 0));
        }
        // At the expected length, small mantissas are more likely: the density decreases within the
        // octave.
        let [first, after_zero, after_one] = &mut self.mantissa[relation(class, length)];
        let (mut read, mut left) = (1, length as u32 - 1);
        let high = coder.bit(first, value >> (left - 1) & 1 == 1)?;
        (read, left) = (read << 1 | u64::from(high), left - 1);
        if left > 0 {
            let model = if high { after_one } else { after_zero };
            let second = coder.bit(model, value >> (left - 1) & 1 == 1)?;
            (read, left) = (read << 1 | u64::from(second), left - 1);
        }
        Ok(read << left | coder.plain(left, value)?)
    }

    /// Codes a signed number; `before` has the sign of its predecessor.
    pub(super) fn signed(
        &mut self,
        coder: &mut Coder<'_>,
        expected: f64,
        before: i64,
        value: i64,
    ) -> Result<i64, Error> {
        let size = self.unsigned(coder, expected, value.unsigned_abs())?;
        if size == 0 {
            return Ok(0);
        }
        let negative = coder.bit(&mut self.sign[(before.signum() + 1) as usize], value < 0)?;
        Ok(if negative { (size as i64).wrapping_neg() } else { size as i64 })
    }
}
