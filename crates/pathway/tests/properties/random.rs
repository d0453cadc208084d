//! Random inputs of tests.

/// The Mersenne prime 2^61 - 1.
const PRIME: u128 = (1 << 61) - 1;

/// A multiplicative generator (Lehmer), unlike the generator of the crate.
pub struct Rng(u64);

impl Rng {
    /// The generator of a seed.
    pub fn new(seed: u64) -> Self {
        let mut rng = Self(seed % (PRIME as u64 - 1) + 1);
        // The first numbers of neighbouring seeds are alike.
        for _ in 0..8 {
            rng.next();
        }
        rng
    }

    fn next(&mut self) -> u64 {
        self.0 = (u128::from(self.0) * 0x0DBA_5C6D_2F1B_9A37 % PRIME) as u64;
        self.0
    }

    /// A number in `0..bound`.
    pub fn below(&mut self, bound: u32) -> u32 {
        (u128::from(self.next()) * u128::from(bound) / PRIME) as u32
    }
}
