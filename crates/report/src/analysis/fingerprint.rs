//! Hashes of numbers and texts, used as cache keys.

/// A 64-bit hash (FNV-1a over 64-bit words with a final avalanche); not cryptographic.
#[derive(Clone, Copy, Debug)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// Creates the hash of no input.
    pub fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    /// Adds a number.
    pub fn add(&mut self, value: u64) {
        self.0 = (self.0 ^ value).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(29);
    }

    /// Adds a list with its length.
    pub fn add_all(&mut self, values: &[u32]) {
        self.add(values.len() as u64);
        for &value in values {
            self.add(u64::from(value));
        }
    }

    /// Adds a text with its length.
    pub fn add_text(&mut self, text: &str) {
        self.add(text.len() as u64);
        for byte in text.bytes() {
            self.add(u64::from(byte));
        }
    }

    /// Returns the hash.
    pub fn value(self) -> u64 {
        let mut value = self.0;
        value = (value ^ (value >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
        value ^ (value >> 33)
    }
}
