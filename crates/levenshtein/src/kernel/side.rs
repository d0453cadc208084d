//! One sequence per lane, as bit planes.

use super::cell::Step;
use super::lanes::Lanes;
use super::planes::Planes;
use super::transpose::Transpose;

/// Number of rows above the first position that may be read: one less than a strip has.
const ABOVE: usize = 8;

/// Symbols of one sequence per lane, in planes: ordered by position, then plane, with one bit per
/// lane.
pub(super) struct Side<L> {
    vectors: Vec<L>,
    squares: Vec<[L; 64]>,
}

impl<L: Lanes> Side<L> {
    pub(super) fn new() -> Self {
        Self { vectors: Vec::new(), squares: Vec::new() }
    }

    /// Loads the sequences, all ending at the last position.
    pub(super) fn fill<const PLANES: usize>(
        &mut self,
        planes: &Planes,
        numbers: impl Iterator<Item = u32> + Clone,
    ) {
        let sequences = numbers.map(|number| planes.get(number).as_chunks::<PLANES>().0);
        let blocks = sequences.clone().map(<[[u64; PLANES]]>::len).max().unwrap_or(0);
        // A strip may begin above the first position, where there are no symbols. All other
        // positions are written below.
        self.vectors.resize((ABOVE + blocks * 64) * PLANES, L::zeros());
        let (above, vectors) = self.vectors.split_at_mut(ABOVE * PLANES);
        above.fill(L::zeros());
        self.squares.resize(PLANES, [L::zeros(); 64]);
        for (block, to) in vectors.chunks_exact_mut(64 * PLANES).enumerate() {
            let words = L::words_mut(self.squares.as_flattened_mut());
            words.fill(0);
            for (lane, sequence) in sequences.clone().enumerate() {
                // Shorter sequences have no symbols in the first blocks.
                let Some(from) = (block + sequence.len()).checked_sub(blocks) else { continue };
                let place = lane % 64 * L::WORDS + lane / 64;
                for (plane, &word) in sequence[from].iter().enumerate() {
                    words[plane * 64 * L::WORDS + place] = word;
                }
            }
            for (plane, square) in self.squares.iter_mut().enumerate() {
                L::run(Transpose { square, to: &mut to[plane..], step: PLANES });
            }
        }
    }

    /// The last `count` positions.
    pub(super) fn symbols<const PLANES: usize>(&self, count: usize) -> &[[L; PLANES]] {
        let symbols = self.vectors.as_chunks::<PLANES>().0;
        &symbols[symbols.len() - count..]
    }
}

/// Steps of one in the lanes that have a symbol.
#[inline(always)]
pub(super) fn occupied<L: Lanes, const PLANES: usize>(symbol: &[L; PLANES]) -> Step<L> {
    let mut plus = L::zeros();
    for &plane in symbol {
        plus = plus.or(plane);
    }
    Step { minus: L::zeros(), plus }
}
