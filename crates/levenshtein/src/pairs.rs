//! Distances of a list of pairs.

use crate::all_pairs;
use crate::cost;
use crate::error::Error;
use crate::instruction_set::InstructionSet;
use crate::kernel::library::Library;
use crate::kernel::shared::Shared;
use crate::kernel::{self, Computation, Lanes, UNSURE};
use crate::leftover::{Leftover, Pending};
use crate::sequences::Sequences;

/// Computes the distances of a list of pairs, in the order of the list. Pairs may repeat, and may
/// name one sequence twice.
///
/// # Errors
///
/// [`Error::PairOutOfRange`] for the first pair with an index out of range.
pub fn pairs(
    instructions: InstructionSet,
    sequences: &Sequences,
    pairs: &[(u32, u32)],
) -> Result<Vec<u32>, Error> {
    let count = sequences.len();
    check(pairs, count)?;
    // Only the listed sequences are prepared.
    let mut named = vec![false; count];
    for &(a, b) in pairs {
        named[a as usize] = true;
        named[b as usize] = true;
    }
    let names = || (0..count).filter(|&i| named[i]);
    let (library, found) = Library::new(names().map(|i| sequences.get(i)));
    let mut numbers = vec![0; count];
    for (i, number) in names().zip(found) {
        numbers[i] = number;
    }
    Ok(of_library(instructions, &library, &numbers, pairs))
}

/// Sequences that are prepared once for many lists of pairs, such as the chunks of a long list.
///
/// Deduplicating sequences and numbering symbols takes as long as some thousand distances. It can
/// be shared between threads.
pub struct Prepared {
    library: Library,
    /// Number of each sequence in the library.
    numbers: Vec<u32>,
}

impl Prepared {
    /// Prepares all given sequences.
    #[must_use]
    pub fn new(sequences: &Sequences) -> Self {
        let (library, numbers) = Library::new(sequences.iter());
        Self { library, numbers }
    }

    /// Computes the distances of a list of pairs, like [`pairs`].
    ///
    /// # Errors
    ///
    /// [`Error::PairOutOfRange`] for the first pair with an index out of range.
    pub fn pairs(&self, instructions: InstructionSet, pairs: &[(u32, u32)]) -> Result<Vec<u32>, Error> {
        check(pairs, self.numbers.len())?;
        Ok(of_library(instructions, &self.library, &self.numbers, pairs))
    }
}

/// Returns an error for the first pair with an index of `sequences` or more.
pub(crate) fn check(pairs: &[(u32, u32)], sequences: usize) -> Result<(), Error> {
    let outside = |&(first, second): &(u32, u32)| first.max(second) as usize >= sequences;
    match pairs.iter().position(outside) {
        Some(position) => {
            let (first, second) = pairs[position];
            Err(Error::PairOutOfRange { position, first, second, sequences })
        }
        None => Ok(()),
    }
}

/// Distances of pairs of sequences with these numbers in the library.
fn of_library(
    instructions: InstructionSet,
    library: &Library,
    numbers: &[u32],
    pairs: &[(u32, u32)],
) -> Vec<u32> {
    let numbered = pairs.iter().map(|&(a, b)| (numbers[a as usize], numbers[b as usize]));
    // If a third of all pairs are requested, computing all of them is faster.
    if pairs.len() >= all_pairs::triangle(library.len()).div_ceil(3) {
        let places: Vec<u32> = (0..library.len() as u32).collect();
        let distances = all_pairs::distinct(instructions, library, &places);
        return numbered.map(|(a, b)| all_pairs::lookup(&distances, library.len(), a, b)).collect();
    }
    let numbered: Vec<(u32, u32)> = numbered.collect();
    kernel::dispatch(instructions, Pairs { library, pairs: &numbered })
}

struct Pairs<'a> {
    library: &'a Library,
    pairs: &'a [(u32, u32)],
}

impl Computation for Pairs<'_> {
    type Output = Vec<u32>;

    fn run<L: Lanes>(self) -> Vec<u32> {
        let Self { library, pairs } = self;
        let mut out = vec![0; pairs.len()];
        let draw = |random: u64| pairs[(random % pairs.len() as u64) as usize];
        let mut leftover = Leftover::<L>::new(library, pairs.len(), draw);

        let mut partners = vec![0u32; library.len()];
        for &(a, b) in pairs {
            partners[a as usize] += 1;
            partners[b as usize] += 1;
        }
        let strategy_of: Vec<Strategy> =
            (0..library.len()).map(|i| Strategy::of::<L>(library, i as u32, partners[i])).collect();
        let mut blocks = Vec::new();
        let mut own = Vec::new();
        for (slot, &(a, b)) in pairs.iter().enumerate() {
            if a == b {
                continue;
            }
            let (text, other) = if partners[a as usize] >= partners[b as usize] { (a, b) } else { (b, a) };
            match strategy_of[text as usize] {
                Strategy::Block => blocks.push(TextPair { text, other, slot }),
                Strategy::Own => own.push(TextPair { text, other, slot }),
                Strategy::Mixed => leftover.push(Pending { pair: (a, b), slot }, &mut out),
            }
        }
        let mut shared = Shared::<L>::new(library, leftover.expected());
        by_block(library, &mut blocks, &mut shared, &mut leftover, &mut out);
        by_text(library, &mut own, &mut shared, &mut leftover, &mut out);
        leftover.finish(&mut out);
        out
    }
}

/// Algorithm for the pairs of a sequence.
#[derive(Clone, Copy)]
enum Strategy {
    /// Computes the sequence as a text that is paired with most sequences of any block; blocks are
    /// shared with other such texts.
    Block,
    /// Computes the sequence as a text with enough partners to fill vector lanes without other
    /// texts.
    Own,
    /// Computes the pairs in mixed batches of unrelated pairs.
    Mixed,
}

impl Strategy {
    fn of<L: Lanes>(library: &Library, number: u32, partners: u32) -> Self {
        let (length, partners) = (library.length(number), partners as usize);
        if partners * L::COUNT.min(library.len()) / library.len() >= cost::enough_of_many::<L>(length) {
            Self::Block
        } else if cost::enough_of_one::<L>(length).is_some_and(|enough| partners >= enough) {
            Self::Own
        } else {
            Self::Mixed
        }
    }
}

/// A pair with one side chosen as the text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct TextPair {
    text: u32,
    other: u32,
    slot: usize,
}

/// Computes pairs whose texts are paired with most sequences: block by block, with all texts that
/// use enough of the block.
fn by_block<L: Lanes>(
    library: &Library,
    pairs: &mut [TextPair],
    shared: &mut Shared<L>,
    leftover: &mut Leftover<L>,
    out: &mut [u32],
) {
    let block_of = |pair: &TextPair| pair.other as usize / L::COUNT;
    pairs.sort_unstable_by_key(|pair| (block_of(pair), pair.text));
    for block in pairs.chunk_by(|x, y| block_of(x) == block_of(y)) {
        let start = block_of(&block[0]) * L::COUNT;
        let patterns: Vec<u32> = (start as u32..library.len().min(start + L::COUNT) as u32).collect();
        let mut texts = Vec::new();
        let mut wanted = Vec::new();
        for of_text in block.chunk_by(|x, y| x.text == y.text) {
            if of_text.len() < cost::enough_of_many::<L>(library.length(of_text[0].text)) {
                for pair in of_text {
                    leftover.push(Pending { pair: (pair.text, pair.other), slot: pair.slot }, out);
                }
            } else {
                texts.push(of_text[0].text);
                wanted.push(of_text);
            }
        }
        shared.run(&patterns, &texts, |place, distances| {
            for pair in wanted[place] {
                put(pair, distances[pair.other as usize - start], leftover, out);
            }
        });
    }
}

/// Computes pairs whose texts have enough partners to fill lanes of their own.
fn by_text<L: Lanes>(
    library: &Library,
    pairs: &mut [TextPair],
    shared: &mut Shared<L>,
    leftover: &mut Leftover<L>,
    out: &mut [u32],
) {
    pairs.sort_unstable();
    for of_text in pairs.chunk_by(|x, y| x.text == y.text) {
        let text = of_text[0].text;
        for lanes in of_text.chunks(L::COUNT) {
            if cost::enough_of_one::<L>(library.length(text)).is_none_or(|enough| lanes.len() < enough) {
                for pair in lanes {
                    leftover.push(Pending { pair: (text, pair.other), slot: pair.slot }, out);
                }
                continue;
            }
            let patterns: Vec<u32> = lanes.iter().map(|pair| pair.other).collect();
            shared.run(&patterns, &[text], |_, distances| {
                for (pair, &distance) in lanes.iter().zip(distances) {
                    put(pair, distance, leftover, out);
                }
            });
        }
    }
}

/// Writes a distance, or queues the pair again if the distance is above the expectation.
fn put<L: Lanes>(pair: &TextPair, distance: u32, leftover: &mut Leftover<L>, out: &mut [u32]) {
    if distance == UNSURE {
        leftover.push_unsure(Pending { pair: (pair.text, pair.other), slot: pair.slot }, out);
    } else {
        out[pair.slot] = distance;
    }
}
