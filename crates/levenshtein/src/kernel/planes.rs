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

/// The largest of them.
const MOST: usize = 17;

impl Planes {
    /// Builds the planes of sequences of codes below `alphabet`.
    pub(crate) fn new<'s>(alphabet: usize, sequences: impl Iterator<Item = &'s [u16]>) -> Self {
        let needed = (usize::BITS - alphabet.leading_zeros()) as usize;
        // 65,536 symbols need 17 planes, the largest count.
        let count = COUNTS.into_iter().find(|&count| count >= needed).unwrap_or(MOST);
        let mut planes = Self { words: Vec::new(), starts: vec![0], count };
        for symbols in sequences {
            // The first words have what is left over.
            let (first, others) = symbols.split_at(symbols.len() % 64);
            for block in std::iter::once(first).filter(|first| !first.is_empty()).chain(others.chunks(64)) {
                planes.words.extend_from_slice(&cut(block, count)[..count]);
            }
            planes.starts.push(planes.words.len());
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

/// Cuts up to 64 symbols into one word per plane, eight symbols at a time from the end.
fn cut(symbols: &[u16], count: usize) -> [u64; MOST] {
    let mut words = [0; MOST];
    for (place, symbols) in (0..64).step_by(8).rev().zip(symbols.rchunks(8)) {
        let mut codes = [0u32; 8];
        for (code, &symbol) in codes[8 - symbols.len()..].iter_mut().zip(symbols) {
            *code = u32::from(symbol) + 1;
        }
        for (octet, words) in words[..count].chunks_mut(8).enumerate() {
            let bytes = codes.map(|code| (code >> (8 * octet)) as u8);
            let planes = square(Scalar::splat(u64::from_le_bytes(bytes))).word().to_le_bytes();
            for (word, byte) in words.iter_mut().zip(planes) {
                *word |= u64::from(byte) << place;
            }
        }
    }
    words
}
