//! Arithmetic coder for bits with adaptive models.
//!
//! [`Coder::bit`] returns the bit that was coded: a writer the one it was given, a reader the one that was written.
//! So one description of the data serves both directions.

use crate::Error;

/// Probability of a zero bit, learned from the bits seen so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct AdaptiveModel {
    /// In 1/65536.
    zero: u16,
    /// Number of bits behind it, up to [`MOST_SEEN`]; the first bits count most.
    seen: u8,
}

/// The weight of the next bit stays at about one in so many.
const MOST_SEEN: u8 = 60;

impl AdaptiveModel {
    /// Both bits are equally likely.
    pub(super) const EVEN: Self = Self { zero: 32_768, seen: 0 };

    /// Expects a zero bit with probability `zero`, as if `seen` bits had shown it.
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

/// Codes bits in one of two directions, or only lets models learn.
pub(super) struct Coder<'a> {
    /// The interval that all bits so far leave; the first bytes of both ends differ.
    low: u32,
    high: u32,
    direction: Direction<'a>,
}

enum Direction<'a> {
    /// Codes nothing.
    Train,
    Write(Vec<u8>),
    /// Zeros follow the bytes.
    Read {
        bytes: &'a [u8],
        next: usize,
        code: u32,
    },
}

/// How far a reader may look beyond the last byte: its window, and what a writer leaves out at the end.
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

    /// One bit with the probabilities of `model`, which learns from it.
    pub(super) fn bit(&mut self, model: &mut AdaptiveModel, bit: bool) -> Result<bool, Error> {
        let bit = self.with_probability(model.zero.clamp(16, 65_520), bit)?;
        model.learn(bit);
        Ok(bit)
    }

    /// The lowest `count` bits of `value`, highest first, each equally likely 0 or 1.
    pub(super) fn plain(&mut self, count: u32, value: u64) -> Result<u64, Error> {
        (0..count).rev().try_fold(0, |read, place| {
            let bit = self.with_probability(32_768, value >> place & 1 == 1)?;
            Ok(read << 1 | u64::from(bit))
        })
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
                        return Err(Error::LinkDamaged { place: "its figures end too early" });
                    }
                }
            }
            self.low <<= 8;
            self.high = self.high << 8 | 0xFF;
        }
        Ok(bit)
    }

    /// Whether a reader has come to the end of its bytes.
    pub(super) fn at_end(&self) -> bool {
        matches!(&self.direction, Direction::Read { bytes, next, .. } if *next >= bytes.len())
    }

    /// The bytes of a writer.
    pub(super) fn finish(self) -> Vec<u8> {
        let Direction::Write(mut bytes) = self.direction else { return Vec::new() };
        // One byte, followed by the reader's zeros, lies between low and high.
        if self.low > 0 {
            bytes.push((self.low >> 24) as u8 + 1);
        }
        bytes
    }
}

fn byte_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at).copied().map_or(0, u32::from)
}
