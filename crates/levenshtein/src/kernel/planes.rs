//! Sequences cut into bit planes: plane `k` holds bit `k` of every symbol's code.

use super::lanes::Lanes as _;
use super::scalar::Scalar;
use super::transpose::square;

/// Bit planes of all sequences of a set. A symbol is stored as its code plus one; 0 means no
/// symbol.
pub(crate) struct Planes {
    /// For every sequence, `count` words per 64 positions. A sequence ends at the highest bit of
    /// its last words; unused positions in its first words are 0.
    words: Vec<u64>,
    /// Start of each sequence's words; one more entry than sequences.
    starts: Vec<usize>,
    count: usize,
}

/// Numbers of planes for which kernels exist.
pub(crate) const COUNTS: [usize; 7] = [2, 4, 6, 7, 8, 11, 17];

impl Planes {
    /// Builds the planes of sequences of codes below `alphabet`.
    pub(crate) fn new<'s>(alphabet: usize, sequences: impl Iterator<Item = &'s [u16]>) -> Self {
        let needed = (usize::BITS - alphabet.leading_zeros()) as usize;
        // 65,536 symbols need 17 planes, the largest count.
        let count = COUNTS.into_iter().find(|&count| count >= needed).unwrap_or(17);
        let mut planes = Self { words: Vec::new(), starts: vec![0], count };
        for symbols in sequences {
            let blocks = symbols.len().div_ceil(64);
            let start = planes.words.len();
            planes.words.resize(start + blocks * count, 0);
            planes.starts.push(planes.words.len());
            cut(symbols, count, &mut planes.words[start..]);
        }
        planes
    }

    /// Number of planes, one of [`COUNTS`].
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Words of sequence `number`: one word per plane for every 64 positions.
    pub(crate) fn get(&self, number: u32) -> &[u64] {
        let number = number as usize;
        &self.words[self.starts[number]..self.starts[number + 1]]
    }
}

/// Cuts `symbols` into `words`, eight symbols at a time from the end.
fn cut(symbols: &[u16], count: usize, words: &mut [u64]) {
    let end = words.len() / count * 64;
    for (eight, symbols) in symbols.rchunks(8).enumerate() {
        let place = end - 8 * (eight + 1);
        let mut codes = [0u32; 8];
        for (code, &symbol) in codes[8 - symbols.len()..].iter_mut().zip(symbols) {
            *code = u32::from(symbol) + 1;
        }
        for octet in 0..count.div_ceil(8) {
            let bytes = codes.map(|code| (code >> (8 * octet)) as u8);
            let planes = square(Scalar::splat(u64::from_le_bytes(bytes))).word().to_le_bytes();
            for (plane, byte) in planes.into_iter().take(count - 8 * octet).enumerate() {
                words[place / 64 * count + 8 * octet + plane] |= u64::from(byte) << (place % 64);
            }
        }
    }
}
