//! Distances of all unordered pairs of a set.

use crate::cost;
use crate::instruction_set::InstructionSet;
use crate::kernel::library::Library;
use crate::kernel::shared::Shared;
use crate::kernel::{self, Computation, Lanes, UNSURE};
use crate::leftover::{Leftover, Pending};
use crate::sequences::Sequences;

/// Computes the distances of all unordered pairs, in condensed order: (0,1), (0,2), .., (1,2), ..
///
/// For `n` sequences these are `n (n - 1) / 2` distances.
#[must_use]
pub fn all_pairs(instructions: InstructionSet, sequences: &Sequences) -> Vec<u32> {
    let (library, numbers) = Library::new(sequences.iter());
    let count = numbers.len();
    if library.len() == count {
        // All sequences are distinct, so distances are written directly to their positions.
        let mut places = vec![0; count];
        for (place, &number) in numbers.iter().enumerate() {
            places[number as usize] = place as u32;
        }
        return distinct(instructions, &library, &places);
    }
    let places: Vec<u32> = (0..library.len() as u32).collect();
    let distances = distinct(instructions, &library, &places);
    let mut all = Vec::with_capacity(triangle(count));
    for (i, &a) in numbers.iter().enumerate() {
        all.extend(numbers[i + 1..].iter().map(|&b| lookup(&distances, library.len(), a, b)));
    }
    all
}

/// Number of unordered pairs of `count` items.
pub(crate) fn triangle(count: usize) -> usize {
    count * count.saturating_sub(1) / 2
}

/// Offset of row `i`: the pair (i, j), i < j, is at `line(count, i) + j` in condensed order. Wraps
/// around for i = 0.
fn line(count: usize, i: usize) -> usize {
    // Counts the pairs whose first member is before i; the first pair of i is (i, i + 1).
    (i * (2 * count - i - 1) / 2).wrapping_sub(i + 1)
}

/// Position of the pair of `a` and `b`, which must differ, in condensed order.
pub(crate) fn condensed(count: usize, a: u32, b: u32) -> usize {
    line(count, a.min(b) as usize).wrapping_add(a.max(b) as usize)
}

/// Distance of sequences `a` and `b` of `count`; 0 if they are the same.
pub(crate) fn lookup(distances: &[u32], count: usize, a: u32, b: u32) -> u32 {
    if a == b { 0 } else { distances[condensed(count, a, b)] }
}

/// Distances of all pairs of a library, where sequence `i` is number `places[i]` in condensed
/// order.
pub(crate) fn distinct(instructions: InstructionSet, library: &Library, places: &[u32]) -> Vec<u32> {
    kernel::dispatch(instructions, AllPairs { library, places })
}

struct AllPairs<'a> {
    library: &'a Library,
    places: &'a [u32],
}

impl Computation for AllPairs<'_> {
    type Output = Vec<u32>;

    fn run<L: Lanes>(self) -> Vec<u32> {
        let Self { library, places } = self;
        let count = library.len();
        let mut out = vec![0; triangle(count)];
        let within = |random: u64| (random % count as u64) as u32;
        let draw = |random: u64| (within(random), within(random >> 16));
        let mut leftover = Leftover::<L>::new(library, out.len(), draw);
        let mut shared = Shared::<L>::new(library, leftover.expected());
        // The pair of positions (i, j), i < j, is at `line_of[i] + j`.
        let line_of: Vec<usize> = (0..count).map(|i| line(count, i)).collect();
        // Groups of patterns are cut from the long end, so that the incomplete group has the fewest
        // texts.
        let mut end = count;
        while end > 0 {
            let start = end.saturating_sub(L::COUNT);
            let patterns: Vec<u32> = (start as u32..end as u32).collect();
            // A text within the group needs only the patterns after it.
            let enough = end.saturating_sub(cost::enough_of_many::<L>(library.length(start as u32)));
            let texts: Vec<u32> = (0..enough as u32).collect();
            let lanes: Vec<(usize, usize)> =
                places[start..end].iter().map(|&place| (place as usize, line_of[place as usize])).collect();
            let in_order = places[start..end].windows(2).all(|two| two[0] + 1 == two[1]);
            shared.run(&patterns, &texts, |text, distances| {
                let skipped = (text + 1).saturating_sub(start);
                let text_place = places[text] as usize;
                let text_line = line_of[text_place];
                let wanted = &distances[skipped..];
                let first = lanes.get(skipped).map_or(0, |lane| lane.0);
                if in_order && first > text_place && !wanted.contains(&UNSURE) {
                    // Same as for equal lengths.
                    let slot = text_line.wrapping_add(first);
                    out[slot..slot + wanted.len()].copy_from_slice(wanted);
                    return;
                }
                let others = lanes.iter().zip(distances).enumerate().skip(skipped);
                for (lane, (&(place, line), &distance)) in others {
                    let slot = if place > text_place {
                        text_line.wrapping_add(place)
                    } else {
                        line.wrapping_add(text_place)
                    };
                    if distance == UNSURE {
                        let pair = (text as u32, patterns[lane]);
                        leftover.push_unsure(Pending { pair, slot }, &mut out);
                    } else {
                        out[slot] = distance;
                    }
                }
            });
            for text in enough.max(start)..end {
                for pattern in text + 1..end {
                    let slot = condensed(count, places[text], places[pattern]);
                    let pair = (text as u32, pattern as u32);
                    leftover.push(Pending { pair, slot }, &mut out);
                }
            }
            end = start;
        }
        leftover.finish(&mut out);
        out
    }
}
