//! Arithmetic coder for bits with adaptive models.
//!
//! [`Coder::bit`] returns the coded bit: a writer returns its argument, a reader the bit that was
//! written. So the same code encodes and decodes.

use crate::Error;

/// Adaptive probability of a zero bit.
#[derive(Clone, Copy, Debug)]
pub(super) struct AdaptiveModel {
    /// In 1/65536.
    zero: u16,
    /// Number of bits seen, up to [`MOST_SEEN`]; the first bits count most.
    seen: u8,
}

/// Number of bits after which the weight of the next bit stays constant.
const MOST_SEEN: u8 = 60;

impl AdaptiveModel {
    /// Both bits are equally likely.
    pub(super) const EVEN: Self = Self { zero: 32_768, seen: 0 };

    /// A model with probability `zero` of a zero bit, as if learned from `seen` bits.
    pub(super) fn expecting(zero: f64, seen: u8) -> Self {
        Self { zero: (zero * 65_536.0).clamp(600.0, 64_900.0) as u16, seen }
    }

    fn learn(&mut self, bit: bool) {
        let distance = if bit { self.zero } else { u16::MAX - self.zero };
        let step = (2 * u32::from(distance) / (2 * u32::from(self.seen) + 3)) as u16;
        self.zero = if bit { self.zero - step } else { self.zero + step };
        self.seen = (self.seen + 1).min(MOST_SEEN);
    }
}

/// Encodes or decodes bits, or only trains models.
pub(super) struct Coder<'a> {
    /// Current interval; the first bytes of both ends differ.
    low: u32,
    high: u32,
    direction: Direction<'a>,
}

enum Direction<'a> {
    /// Trains models without output.
    Train,
    Write(Vec<u8>),
    /// Zeros follow after the last byte.
    Read {
        bytes: &'a [u8],
        next: usize,
        code: u32,
    },
}

/// Number of bytes that a reader may read beyond the last byte: its window, and the zeros that a
/// writer omits.
const BEYOND: usize = 8;

impl<'a> Coder<'a> {
    fn new(direction: Direction<'a>) -> Self {
        Self { low: 0, high: u32::MAX, direction }
    }

    pub(super) fn trainer() -> Self {
        Self::new(Direction::Train)
    }

    pub(super) fn writer() -> Self {
        Self::new(Direction::Write(Vec::new()))
    }

    pub(super) fn reader(bytes: &'a [u8]) -> Self {
        let code = (0..4).fold(0, |code, at| code << 8 | byte_at(bytes, at));
        Self::new(Direction::Read { bytes, next: 4, code })
    }

    /// Codes one bit with the probability of `model`, and updates the model.
    pub(super) fn bit(&mut self, model: &mut AdaptiveModel, bit: bool) -> Result<bool, Error> {
        let bit = self.with_probability(model.zero.clamp(16, 65_520), bit)?;
        model.learn(bit);
        Ok(bit)
    }

    /// Codes the lowest `count` bits of `value`, highest first, without a model.
    pub(super) fn plain(&mut self, count: u32, value: u64) -> Result<u64, Error> {
        (0..count).rev().try_fold(0, |read, place| {
            let bit = self.with_probability(32_768, value >> place & 1 == 1)?;
            Ok(read << 1 | u64::from(bit))
        })
    }

    /// Codes a number below `limit`, all of which are equally likely; `limit` is at least 1.
    pub(super) fn below(&mut self, limit: u64, value: u64) -> Result<u64, Error> {
        let (mut low, mut high) = (0, limit);
        while high - low > 1 {
            let half = (high - low) / 2;
            let zero = (u128::from(half) << 16) / u128::from(high - low);
            if self.with_probability(zero as u16, value >= low + half)? {
                low += half;
            } else {
                high = low + half;
            }
        }
        Ok(low)
    }

    fn with_probability(&mut self, zero: u16, bit: bool) -> Result<bool, Error> {
        let middle = self.low + ((u64::from(self.high - self.low) * u64::from(zero)) >> 16) as u32;
        let bit = match &self.direction {
            Direction::Train => return Ok(bit),
            Direction::Write(_) => bit,
            Direction::Read { code, .. } => *code > middle,
        };
        if bit {
            self.low = middle + 1;
        } else {
            self.high = middle;
        }
        while (self.low ^ self.high) >> 24 == 0 {
            match &mut self.direction {
                Direction::Train => {}
                Direction::Write(bytes) => bytes.push((self.high >> 24) as u8),
                Direction::Read { bytes, next, code } => {
                    *code = *code << 8 | byte_at(bytes, *next);
                    *next += 1;
                    if *next > bytes.len() + BEYOND {
                        return Err(Error::LinkInvalid { place: "the figures end early" });
                    }
                }
            }
            self.low <<= 8;
            self.high = self.high << 8 | 0xFF;
        }
        Ok(bit)
    }

    /// Whether a reader has consumed all bytes.
    pub(super) fn at_end(&self) -> bool {
        matches!(&self.direction, Direction::Read { bytes, next, .. } if *next >= bytes.len())
    }

    /// Returns the bytes of a writer.
    pub(super) fn finish(self) -> Vec<u8> {
        let Direction::Write(mut bytes) = self.direction else { return Vec::new() };
        // One byte, followed by zeros, is between low and high.
        if self.low > 0 {
            bytes.push((self.low >> 24) as u8 + 1);
        }
        bytes
    }
}

fn byte_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at).copied().map_or(0, u32::from)
}
