//! Binary range coder with adaptive probabilities. Whoever codes a bit gets back the bit that was coded, so one
//! description of the data serves for writing and for reading.

use crate::Error;

/// Probability of a zero bit, learnt from the bits seen so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prob {
    /// In 1/65536.
    zero: u16,
    /// How much experience stands behind it; the first bits count most.
    seen: u8,
}

/// One over `seen + 1.5`, in 1/65536: the weight of the next bit.
const RATE: [u32; 34] = {
    let mut rate = [0; 34];
    let mut seen = 0;
    while seen < 34 {
        rate[seen] = 131_072 / (2 * seen as u32 + 3);
        seen += 1;
    }
    rate
};

impl Prob {
    /// Knows nothing.
    pub(super) const EVEN: Self = Self { zero: 32_768, seen: 0 };

    /// Expects a zero bit with probability `zero`, as if `seen` bits had said so.
    pub(super) fn expecting(zero: f64, seen: u8) -> Self {
        let zero = (zero * 65_536.0).clamp(600.0, 64_900.0) as u16;
        Self { zero, seen }
    }

    /// In 1/4096, never certain.
    fn twelve_bits(self) -> u32 {
        u32::from(self.zero >> 4).clamp(1, 4_095)
    }

    fn learn(&mut self, bit: bool) {
        let rate = RATE[usize::from(self.seen)];
        let step = |distance: u16| ((u32::from(distance) * rate) >> 16) as u16;
        if bit {
            self.zero -= step(self.zero);
        } else {
            self.zero += step(u16::MAX - self.zero);
        }
        if usize::from(self.seen) + 1 < RATE.len() {
            self.seen += 1;
        }
    }
}

/// Codes bits: a writer returns what it is given, a reader returns what was written.
pub(super) trait Bits {
    /// Whether the bits handed in are made up, because the true ones are being read.
    const READS: bool;

    /// One bit of known odds.
    fn bit(&mut self, odds: &mut Prob, bit: bool) -> Result<bool, Error>;

    /// The lowest `count` bits of `value`, highest first, each as likely 0 as 1.
    fn plain(&mut self, count: u32, value: u64) -> Result<u64, Error>;
}

/// Writes nothing: for the walk that only looks at the figures.
pub(super) struct Nowhere;

impl Bits for Nowhere {
    const READS: bool = false;

    fn bit(&mut self, _: &mut Prob, bit: bool) -> Result<bool, Error> {
        Ok(bit)
    }

    fn plain(&mut self, _: u32, value: u64) -> Result<u64, Error> {
        Ok(value)
    }
}

const RENORMALISE_BELOW: u32 = 1 << 24;

/// Writes bits to bytes.
pub(super) struct Writer {
    bytes: Vec<u8>,
    low: u64,
    range: u32,
    /// The last byte that a carry may still change, and how many 0xFF follow it.
    held: Option<u8>,
    held_ff: usize,
}

impl Writer {
    pub(super) fn new() -> Self {
        Self { bytes: Vec::new(), low: 0, range: u32::MAX, held: None, held_ff: 0 }
    }

    fn shift(&mut self) {
        let carry = self.low > u64::from(u32::MAX);
        if carry || self.low < 0xFF00_0000 {
            // The very first byte is not held yet; it is always written as the first of the number.
            if let Some(held) = self.held {
                self.bytes.push(held.wrapping_add(u8::from(carry)));
            }
            let follower = if carry { 0x00 } else { 0xFF };
            self.bytes.extend(std::iter::repeat_n(follower, self.held_ff));
            self.held_ff = 0;
            self.held = Some((self.low >> 24) as u8);
        } else {
            self.held_ff += 1;
        }
        self.low = (self.low & 0x00FF_FFFF) << 8;
    }

    fn renormalise(&mut self) {
        while self.range < RENORMALISE_BELOW {
            self.range <<= 8;
            self.shift();
        }
    }

    /// Ends the number with as few bytes as tell it apart.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let top = self.low + u64::from(self.range) - 1;
        let mut keep = 32;
        while keep > 0 {
            let rounded = top >> keep << keep;
            if rounded >= self.low {
                self.low = rounded;
                break;
            }
            keep -= 1;
        }
        let before = self.bytes.len() + self.held_ff;
        for _ in 0..5 {
            self.shift();
        }
        // The reader takes what is missing at the end for zeros.
        while self.bytes.len() > before && self.bytes.last() == Some(&0) {
            self.bytes.pop();
        }
        self.bytes
    }
}

impl Bits for Writer {
    const READS: bool = false;

    fn bit(&mut self, odds: &mut Prob, bit: bool) -> Result<bool, Error> {
        let bound = (self.range >> 12) * odds.twelve_bits();
        if bit {
            self.low += u64::from(bound);
            self.range -= bound;
        } else {
            self.range = bound;
        }
        odds.learn(bit);
        self.renormalise();
        Ok(bit)
    }

    fn plain(&mut self, count: u32, value: u64) -> Result<u64, Error> {
        for place in (0..count).rev() {
            self.range >>= 1;
            if (value >> place) & 1 == 1 {
                self.low += u64::from(self.range);
            }
            self.renormalise();
        }
        Ok(value)
    }
}

/// Reads what a [`Writer`] wrote.
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    next: usize,
    code: u32,
    range: u32,
}

/// How far a reader may look beyond the last byte: a writer leaves out at most so many zeros.
const BEYOND: usize = 8;

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        let mut reader = Self { bytes, next: 0, code: 0, range: u32::MAX };
        for _ in 0..4 {
            reader.code = reader.code << 8 | u32::from(reader.byte());
        }
        reader
    }

    fn byte(&mut self) -> u8 {
        let byte = self.bytes.get(self.next).copied().unwrap_or(0);
        self.next += 1;
        byte
    }

    fn renormalise(&mut self) -> Result<(), Error> {
        while self.range < RENORMALISE_BELOW {
            self.range <<= 8;
            self.code = self.code << 8 | u32::from(self.byte());
            if self.next > self.bytes.len() + BEYOND {
                return Err(Error::LinkDamaged { place: "its figures end too early" });
            }
        }
        Ok(())
    }

    /// Whether all bytes were needed.
    pub(super) fn at_end(&self) -> bool {
        self.next >= self.bytes.len()
    }
}

impl Bits for Reader<'_> {
    const READS: bool = true;

    fn bit(&mut self, odds: &mut Prob, _: bool) -> Result<bool, Error> {
        let bound = (self.range >> 12) * odds.twelve_bits();
        let bit = self.code >= bound;
        if bit {
            self.code -= bound;
            self.range -= bound;
        } else {
            self.range = bound;
        }
        odds.learn(bit);
        self.renormalise()?;
        Ok(bit)
    }

    fn plain(&mut self, count: u32, _: u64) -> Result<u64, Error> {
        let mut value = 0;
        for _ in 0..count {
            self.range >>= 1;
            let bit = self.code >= self.range;
            if bit {
                self.code -= self.range;
            }
            value = value << 1 | u64::from(bit);
            self.renormalise()?;
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_back_in_any_mixture() {
        let mut state = 1_u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 33
        };
        for length in [0, 1, 2, 7, 100, 5_000] {
            let bits: Vec<bool> = (0..length).map(|_| next() % 50 == 0).collect();
            let numbers: Vec<u64> = (0..length).map(|_| next() & 0x1FFF).collect();
            let mut writer = Writer::new();
            let mut odds = Prob::EVEN;
            for (bit, number) in bits.iter().zip(&numbers) {
                writer.bit(&mut odds, *bit).unwrap();
                writer.plain(13, *number).unwrap();
            }
            let bytes = writer.finish();
            let mut reader = Reader::new(&bytes);
            let mut odds = Prob::EVEN;
            for (bit, number) in bits.iter().zip(&numbers) {
                assert_eq!(reader.bit(&mut odds, false).unwrap(), *bit);
                assert_eq!(reader.plain(13, 0).unwrap(), *number);
            }
            assert!(reader.at_end());
        }
    }

    #[test]
    fn likely_bits_cost_next_to_nothing() {
        let mut writer = Writer::new();
        let mut odds = Prob::EVEN;
        for _ in 0..10_000 {
            writer.bit(&mut odds, false).unwrap();
        }
        assert!(writer.finish().len() < 30);
    }

    #[test]
    fn reading_beyond_the_end_fails() {
        let mut reader = Reader::new(&[1, 2, 3]);
        assert!((0..200).any(|_| reader.plain(1, 0).is_err()));
    }
}
