//! The distinct sequences of a call, densely coded and sorted by length.

use std::cell::OnceCell;
use std::collections::HashMap;

use crate::alphabet::Alphabet;
use crate::kernel::planes::Planes;
use crate::sequences::Sequences;

/// Distinct sequences, shortest first; equal ones are stored once.
pub(crate) struct Library {
    codes: Vec<u16>,
    /// One more than there are distinct sequences.
    offsets: Vec<u32>,
    alphabet: usize,
    planes: OnceCell<Planes>,
}

impl Library {
    /// The library of several sets of sequences and, for each set, the library's number of each of its sequences.
    pub(crate) fn new<const SETS: usize>(sets: [&Sequences; SETS]) -> (Self, [Vec<u32>; SETS]) {
        let mut seen: HashMap<&[u16], u32> = HashMap::new();
        let mut distinct: Vec<&[u16]> = Vec::new();
        let mut numbers = sets.map(|set| {
            let number = |sequence| {
                *seen.entry(sequence).or_insert_with(|| {
                    distinct.push(sequence);
                    distinct.len() as u32 - 1
                })
            };
            set.iter().map(number).collect::<Vec<u32>>()
        });

        let mut order: Vec<u32> = (0..distinct.len() as u32).collect();
        order.sort_by_key(|&i| distinct[i as usize].len());
        let mut rank = vec![0; order.len()];
        for (position, &i) in order.iter().enumerate() {
            rank[i as usize] = position as u32;
        }
        for number in numbers.iter_mut().flatten() {
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
        (Self { codes, offsets, alphabet: alphabet.size(), planes: OnceCell::new() }, numbers)
    }

    /// How many distinct sequences there are.
    pub(crate) fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// How many different symbols they hold.
    pub(crate) fn alphabet(&self) -> usize {
        self.alphabet
    }

    /// The codes of sequence `number`.
    pub(crate) fn get(&self, number: u32) -> &[u16] {
        let number = number as usize;
        &self.codes[self.offsets[number] as usize..self.offsets[number + 1] as usize]
    }

    /// The length of sequence `number`.
    pub(crate) fn length(&self, number: u32) -> u32 {
        let number = number as usize;
        self.offsets[number + 1] - self.offsets[number]
    }

    /// The sequences cut into bit planes, made when first asked for.
    pub(crate) fn planes(&self) -> &Planes {
        self.planes.get_or_init(|| Planes::new(self))
    }
}
