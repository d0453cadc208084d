//! The distinct sequences of a call, densely coded and sorted by length.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::OnceLock;

use super::planes::Planes;
use crate::alphabet::Alphabet;

/// Distinct sequences, shortest first; equal ones are stored once.
pub(crate) struct Library {
    codes: Vec<u16>,
    /// One more entry than distinct sequences.
    offsets: Vec<u32>,
    alphabet: usize,
    planes: OnceLock<Planes>,
}

impl Library {
    /// Builds the library of some sequences; returns it and the number of each sequence in it.
    pub(crate) fn new<'s>(sequences: impl Iterator<Item = &'s [u16]>) -> (Self, Vec<u32>) {
        let mut seen: HashMap<&[u16], u32, BuildHasherDefault<SequenceHasher>> = HashMap::default();
        let mut distinct: Vec<&[u16]> = Vec::new();
        let number = |sequence| {
            *seen.entry(sequence).or_insert_with(|| {
                distinct.push(sequence);
                distinct.len() as u32 - 1
            })
        };
        let mut numbers: Vec<u32> = sequences.map(number).collect();

        let mut order: Vec<u32> = (0..distinct.len() as u32).collect();
        order.sort_by_key(|&i| distinct[i as usize].len());
        let mut rank = vec![0; order.len()];
        for (position, &i) in order.iter().enumerate() {
            rank[i as usize] = position as u32;
        }
        for number in &mut numbers {
            *number = rank[*number as usize];
        }

        let mut alphabet = Alphabet::new();
        let mut codes = Vec::with_capacity(distinct.iter().map(|sequence| sequence.len()).sum());
        let mut offsets = Vec::with_capacity(order.len() + 1);
        offsets.push(0);
        for &i in &order {
            codes.extend(distinct[i as usize].iter().map(|&symbol| alphabet.code(symbol)));
            offsets.push(codes.len() as u32);
        }
        (Self { codes, offsets, alphabet: alphabet.size(), planes: OnceLock::new() }, numbers)
    }

    /// Number of distinct sequences.
    pub(crate) fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Number of distinct symbols.
    pub(crate) fn alphabet(&self) -> usize {
        self.alphabet
    }

    /// Codes of sequence `number`.
    pub(crate) fn get(&self, number: u32) -> &[u16] {
        let number = number as usize;
        &self.codes[self.offsets[number] as usize..self.offsets[number + 1] as usize]
    }

    /// Length of sequence `number`.
    pub(crate) fn length(&self, number: u32) -> u32 {
        let number = number as usize;
        self.offsets[number + 1] - self.offsets[number]
    }

    /// Bit planes of the sequences, built on first use.
    pub(crate) fn planes(&self) -> &Planes {
        self.planes.get_or_init(|| {
            let sequences = (0..self.len() as u32).map(|number| self.get(number));
            Planes::new(self.alphabet, sequences)
        })
    }
}

/// A fast hash of long sequences. Equality is always checked, so collisions only cost time.
#[derive(Default)]
struct SequenceHasher(u64);

impl SequenceHasher {
    fn add(&mut self, word: u64) {
        // Multiplication moves low bits up, rotation moves high bits down.
        self.0 = (self.0 ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }
}

impl Hasher for SequenceHasher {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for &word in words {
            self.add(u64::from_le_bytes(word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.add(u64::from_le_bytes(last));
    }

    fn write_usize(&mut self, number: usize) {
        self.add(number as u64);
    }

    fn finish(&self) -> u64 {
        let folded = (self.0 ^ self.0 >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        folded ^ folded >> 29
    }
}
