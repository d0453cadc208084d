//! Sequences in the memory layouts of the shaders.

use crate::kernel::library::Library;

/// Number of interleaved texts, so that adjacent invocations read adjacent words.
pub(super) const SIDE_BY_SIDE: usize = 64;

/// Sequences of a library as texts and as patterns.
pub(super) struct Packed {
    /// Texts in blocks of [`SIDE_BY_SIDE`], interleaved. Two words hold four symbols, the first in
    /// the low half of the first word. Pair of words `w` of a block's text `t` begins
    /// `2 (SIDE_BY_SIDE w + t)` words after the start of the block.
    pub(super) texts: Vec<u32>,
    /// Patterns in bit planes: one word per plane for every 32 positions; bit `b` is position `b`.
    pub(super) planes: Vec<u32>,
    /// For each sequence: start of its text in pairs of words, its length, start of its planes, and
    /// 0.
    pub(super) places: Vec<u32>,
    /// Number of planes: the bits of the largest code, at least one.
    pub(super) plane_count: usize,
}

impl Packed {
    /// Bytes of the texts, planes and places of a library, computed before they are built.
    pub(super) fn bytes(library: &Library) -> [u64; 3] {
        let planes = plane_count(library) as u64;
        let blocks = (0..library.len()).step_by(SIDE_BY_SIDE);
        let words = |number: usize, symbols| u64::from(library.length(number as u32)).div_ceil(symbols);
        let texts: u64 =
            blocks.map(|first| 2 * SIDE_BY_SIDE as u64 * words(last_of_block(library, first), 4)).sum();
        let patterns: u64 = (0..library.len()).map(|number| planes * words(number, 32)).sum();
        [4 * texts, 4 * patterns, 16 * library.len() as u64]
    }

    pub(super) fn new(library: &Library) -> Self {
        let plane_count = plane_count(library);
        let mut packed = Self { texts: Vec::new(), planes: Vec::new(), places: Vec::new(), plane_count };
        for first in (0..library.len()).step_by(SIDE_BY_SIDE) {
            let last = last_of_block(library, first);
            let start = packed.texts.len() / 2;
            let height = (library.length(last as u32) as usize).div_ceil(4);
            packed.texts.resize(2 * (start + SIDE_BY_SIDE * height), 0);
            for number in first..=last {
                let symbols = library.get(number as u32);
                let start = start + number - first;
                for (four, codes) in symbols.chunks(4).enumerate() {
                    for (word, pair) in codes.chunks(2).enumerate() {
                        let high = pair.get(1).map_or(0, |&code| u32::from(code) << 16);
                        packed.texts[2 * (start + SIDE_BY_SIDE * four) + word] = u32::from(pair[0]) | high;
                    }
                }
                let planes = packed.planes.len() as u32;
                packed.places.extend([start as u32, symbols.len() as u32, planes, 0]);
                packed.cut(symbols);
            }
        }
        packed
    }

    /// Adds one pattern's planes.
    fn cut(&mut self, symbols: &[u16]) {
        for symbols in symbols.chunks(32) {
            for plane in 0..self.plane_count {
                let bit = |(place, &code): (usize, &u16)| u32::from(code >> plane & 1) << place;
                self.planes.push(symbols.iter().enumerate().map(bit).sum());
            }
        }
    }
}

/// Last sequence of a block: the longest, because the library is sorted by length.
fn last_of_block(library: &Library, first: usize) -> usize {
    (first + SIDE_BY_SIDE).min(library.len()) - 1
}

fn plane_count(library: &Library) -> usize {
    let largest = library.alphabet().saturating_sub(1);
    ((usize::BITS - largest.leading_zeros()) as usize).max(1)
}

#[cfg(test)]
mod tests {
    use super::Packed;
    use crate::kernel::library::Library;

    #[test]
    fn sizes_are_known_before() {
        let long: Vec<u16> = (0..77).collect();
        let mut sequences: Vec<&[u16]> = vec![&[], &[7], &[7, 9, 7]];
        sequences.extend((0..70).map(|start| &long[start..]));
        let (library, _) = Library::new(sequences.into_iter());
        let packed = Packed::new(&library);
        assert_eq!(packed.plane_count, 7);
        let bytes = [&packed.texts, &packed.planes, &packed.places].map(|words| 4 * words.len() as u64);
        assert_eq!(bytes, Packed::bytes(&library));
    }

    #[test]
    fn texts_lie_side_by_side() {
        let (library, numbers) = Library::new([&[5u16, 6, 5][..], &[6, 6]].into_iter());
        let packed = Packed::new(&library);
        // The shorter sequence comes first and gives code 0 to symbol 6.
        assert_eq!(numbers, [1, 0]);
        assert_eq!([packed.texts[0], packed.texts[1]], [0, 0]);
        assert_eq!([packed.texts[2], packed.texts[3]], [1, 1]);
        assert_eq!(packed.places, [0, 2, 0, 0, 1, 3, 1, 0]);
        assert_eq!(packed.planes, [0b00, 0b101]);
    }
}
