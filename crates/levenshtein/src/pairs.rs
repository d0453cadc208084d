//! The distances of a list of pairs.

use crate::all_pairs;
use crate::cost;
use crate::engine::Engine;
use crate::error::Error;
use crate::kernel::shared::Shared;
use crate::kernel::{self, Job, Lanes, UNSURE};
use crate::leftover::{Leftover, Pending};
use crate::library::Library;
use crate::sequences::Sequences;

/// The distances of a list of pairs, in the order of the list. Pairs may repeat, and name one sequence twice.
///
/// # Errors
///
/// [`Error::PairOutOfRange`] names the first pair that has no such sequence.
pub fn pairs(engine: Engine, sequences: &Sequences, pairs: &[(u32, u32)]) -> Result<Vec<u32>, Error> {
    let count = sequences.len();
    let outside = |&(first, second): &(u32, u32)| first.max(second) as usize >= count;
    if let Some(position) = pairs.iter().position(outside) {
        let (first, second) = pairs[position];
        return Err(Error::PairOutOfRange { position, first, second, sequences: count });
    }
    let (library, [numbers]) = Library::new([sequences]);
    let numbered = pairs.iter().map(|&(a, b)| (numbers[a as usize], numbers[b as usize]));
    // Where a third of all pairs are asked for, all of them are faster.
    if pairs.len() >= all_pairs::triangle(library.len()).div_ceil(3) {
        let places: Vec<u32> = (0..library.len() as u32).collect();
        let distances = all_pairs::distinct(engine, &library, &places);
        return Ok(numbered.map(|(a, b)| all_pairs::lookup(&distances, library.len(), a, b)).collect());
    }
    let numbered: Vec<(u32, u32)> = numbered.collect();
    Ok(kernel::dispatch(engine, Pairs { library: &library, pairs: &numbered }))
}

struct Pairs<'a> {
    library: &'a Library,
    pairs: &'a [(u32, u32)],
}

impl Job for Pairs<'_> {
    type Output = Vec<u32>;

    fn run<L: Lanes>(self) -> Vec<u32> {
        let Self { library, pairs } = self;
        let mut out = vec![0; pairs.len()];
        let draw = |random: u64| pairs[(random % pairs.len() as u64) as usize];
        let mut leftover = Leftover::<L>::new(library, pairs.len(), draw);

        // A sequence that meets enough others becomes a text of its own, with those others in the lanes.
        let enough = |text: u32| cost::enough_of_one::<L>(library.length(text));
        let mut partners = vec![0u32; library.len()];
        for &(a, b) in pairs {
            partners[a as usize] += 1;
            partners[b as usize] += 1;
        }
        let is_text = |number: u32| enough(number).is_some_and(|lanes| partners[number as usize] as usize >= lanes);
        let mut of_texts = Vec::new();
        for (slot, &(a, b)) in pairs.iter().enumerate() {
            if a == b {
                continue;
            }
            let (text, other) = if partners[a as usize] >= partners[b as usize] { (a, b) } else { (b, a) };
            if is_text(text) {
                of_texts.push((text, other, slot));
            } else {
                leftover.push(Pending { pair: (a, b), slot }, &mut out);
            }
        }
        of_texts.sort_unstable();
        let mut shared = Shared::<L>::new(library, leftover.expected());
        for of_text in of_texts.chunk_by(|x, y| x.0 == y.0) {
            for lanes in of_text.chunks(L::COUNT) {
                if enough(lanes[0].0).is_none_or(|enough| lanes.len() < enough) {
                    for &(text, other, slot) in lanes {
                        leftover.push(Pending { pair: (text, other), slot }, &mut out);
                    }
                    continue;
                }
                let patterns: Vec<u32> = lanes.iter().map(|lane| lane.1).collect();
                shared.run(&patterns, &[lanes[0].0], |_, distances| {
                    for (&(text, other, slot), &distance) in lanes.iter().zip(distances) {
                        if distance == UNSURE {
                            let pending = Pending { pair: (text, other), slot };
                            leftover.push_unsure(pending, &mut out);
                        } else {
                            out[slot] = distance;
                        }
                    }
                });
            }
        }
        leftover.finish(&mut out);
        out
    }
}
