//! Draws of pairs of samples.

use super::{fingerprint::Fingerprint, host::Pairs};

/// Most pairs of one group, 64 MiB of indices; a larger group is sampled, with a note in the
/// report.
pub const MOST_PAIRS: u64 = 8 << 20;

/// Pairs to measure, with a fingerprint of their choice.
#[derive(Clone, Debug)]
pub struct PairSet {
    /// Pairs of indices into a group's samples.
    pub pairs: Pairs,
    /// Fingerprint of the choice.
    pub print: u64,
}

/// A choice of pairs that is not drawn yet. It depends on nothing but its fields.
#[derive(Clone, Copy, Debug)]
pub struct Draw {
    samples: usize,
    count: u64,
    seed: u64,
}

impl Draw {
    /// Chooses `count` pairs of `samples` samples; without a count, all pairs up to
    /// [`MOST_PAIRS`].
    pub fn new(samples: usize, count: Option<u64>, seed: u64) -> Self {
        Self { samples, count: count.unwrap_or(MOST_PAIRS).min(MOST_PAIRS), seed }
    }

    /// Number of pairs.
    pub fn pair_count(self) -> u64 {
        self.count.min(pathway::pair_count(self.samples))
    }

    /// Fingerprint of the choice.
    pub fn print(self) -> u64 {
        let all = pathway::pair_count(self.samples);
        let mut mix = Fingerprint::new();
        mix.add(self.samples as u64);
        mix.add(self.pair_count());
        // All pairs do not depend on the seed.
        mix.add(if self.count < all { self.seed } else { 0 });
        mix.value()
    }

    /// Draws the pairs.
    pub fn pairs(self) -> PairSet {
        let pairs = pathway::sample_pairs(self.samples, self.count, self.seed);
        PairSet { pairs: pairs.into(), print: self.print() }
    }
}
