//! Pairs that share no text with enough others: collected, sorted by length and computed in mixed
//! batches.

use crate::band::Expectation;
use crate::kernel::library::Library;
use crate::kernel::mixed::Mixed;
use crate::kernel::{Lanes, UNSURE};
use crate::single::Single;

/// A pair of distinct sequences of a library and the position of its distance.
#[derive(Clone, Copy)]
pub(crate) struct Pending {
    pub(crate) pair: (u32, u32),
    pub(crate) slot: usize,
}

/// Below this number of pairs, the single-pair algorithm is faster than a mostly empty batch.
const FEW: usize = 40;

/// Number of batches of similar longer length that are sorted by their shorter length.
const BATCHES_A_SLICE: usize = 16;

/// Computes unrelated pairs.
pub(crate) struct Leftover<'a, L> {
    library: &'a Library,
    expected: Expectation,
    mixed: Mixed<'a, L>,
    single: Single,
    pending: Vec<Pending>,
    /// Buffer for sorting `pending` or `again`.
    sorted: Vec<Pending>,
    /// Pairs whose distance was above the expectation.
    again: Vec<Pending>,
}

impl<'a, L: Lanes> Leftover<'a, L> {
    /// Number of pairs that are collected before they are computed.
    const ENOUGH: usize = 256 * L::COUNT;
    /// Below this number of pairs, sampling an expectation costs more than it saves.
    const WORTH_EXPECTING: usize = 16 * L::COUNT;

    /// Prepares for `count` pairs; `draw` picks one of them from a random number.
    pub(crate) fn new(library: &'a Library, count: usize, draw: impl FnMut(u64) -> (u32, u32)) -> Self {
        let mut leftover = Self {
            library,
            expected: Expectation::NONE,
            mixed: Mixed::new(library),
            single: Single::new(),
            pending: Vec::new(),
            sorted: Vec::new(),
            again: Vec::new(),
        };
        if count >= Self::WORTH_EXPECTING {
            leftover.expected = leftover.sample(draw);
        }
        leftover
    }

    /// Expectation of the distances.
    pub(crate) fn expected(&self) -> Expectation {
        self.expected
    }

    /// Estimates the expectation from one batch of pairs.
    fn sample(&mut self, mut draw: impl FnMut(u64) -> (u32, u32)) -> Expectation {
        let mut state = 0x2506_2155_1234_5678_u64;
        let mut next = || {
            // The multiplier is Knuth's for a 64-bit linear congruential generator; its high bits
            // are used.
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state >> 31
        };
        let pairs: Vec<(u32, u32)> = (0..L::COUNT).map(|_| draw(next())).collect();
        let mut seen = Vec::with_capacity(pairs.len());
        self.mixed.run(&pairs, Expectation::NONE, |lane, distance| {
            let (a, b) = pairs[lane];
            seen.push((distance, self.library.length(a).max(self.library.length(b))));
        });
        Expectation::above(seen.into_iter())
    }

    /// Adds a pair; computes the collected ones if there are enough.
    pub(crate) fn push(&mut self, pending: Pending, out: &mut [u32]) {
        self.pending.push(pending);
        if self.pending.len() >= Self::ENOUGH {
            self.solve_pending(out);
        }
    }

    /// Adds a pair whose distance is above the expectation.
    pub(crate) fn push_unsure(&mut self, pending: Pending, out: &mut [u32]) {
        self.again.push(pending);
        if self.again.len() >= Self::ENOUGH {
            self.solve_again(out);
        }
    }

    /// Computes all remaining pairs.
    pub(crate) fn finish(mut self, out: &mut [u32]) {
        self.solve_pending(out);
        self.solve_again(out);
    }

    fn solve_pending(&mut self, out: &mut [u32]) {
        let mut pending = std::mem::take(&mut self.pending);
        self.solve(&mut pending, self.expected, out);
        pending.clear();
        self.pending = pending;
    }

    fn solve_again(&mut self, out: &mut [u32]) {
        let mut again = std::mem::take(&mut self.again);
        self.solve(&mut again, Expectation::NONE, out);
    }

    /// Computes `pending` in batches of similar lengths.
    fn solve(&mut self, pending: &mut [Pending], expected: Expectation, out: &mut [u32]) {
        let library = self.library;
        for item in &mut *pending {
            // The library is sorted by length; the shorter sequence provides the rows.
            item.pair = (item.pair.0.min(item.pair.1), item.pair.0.max(item.pair.1));
        }
        let longest = pending.iter().map(|item| library.length(item.pair.1)).max().unwrap_or(0) as usize;
        let slices = slices(pending.iter().map(|item| library.length(item.pair.1)), longest, L::COUNT);
        // The number of slices is about `ENOUGH`, so there are few keys.
        let key = |item: &Pending| {
            let (shorter, longer) = (library.length(item.pair.0), library.length(item.pair.1));
            slices[longer as usize] as usize * (longest + 1) + shorter as usize
        };
        let keys = (slices[longest] as usize + 1) * (longest + 1);
        let mut sorted = std::mem::take(&mut self.sorted);
        counting_sort(pending, &mut sorted, keys, key);
        let mut pairs = Vec::with_capacity(L::COUNT);
        for batch in sorted.chunks(L::COUNT) {
            if batch.len() < FEW {
                self.one_by_one(batch, out);
                continue;
            }
            pairs.clear();
            pairs.extend(batch.iter().map(|item| item.pair));
            self.mixed.run(&pairs, expected, |lane, distance| {
                if distance == UNSURE {
                    self.again.push(batch[lane]);
                } else {
                    out[batch[lane].slot] = distance;
                }
            });
        }
        self.sorted = sorted;
    }

    fn one_by_one(&mut self, batch: &[Pending], out: &mut [u32]) {
        for item in batch {
            let (a, b) = item.pair;
            out[item.slot] = self.single.distance(self.library.get(a), self.library.get(b));
        }
    }
}

/// Groups the lengths up to `longest` so that each group has about the same number of batches of
/// `lanes` pairs.
fn slices(lengths: impl Iterator<Item = u32>, longest: usize, lanes: usize) -> Vec<u32> {
    let mut counts = vec![0; longest + 1];
    for length in lengths {
        counts[length as usize] += 1;
    }
    let (mut slice, mut filled) = (0, 0);
    for count in &mut counts {
        filled += *count as usize;
        *count = slice;
        if filled >= BATCHES_A_SLICE * lanes {
            (slice, filled) = (slice + 1, 0);
        }
    }
    counts
}

/// Writes `from` into `to`, sorted by a key below `keys`; equal keys keep their order.
fn counting_sort<T: Copy>(from: &[T], to: &mut Vec<T>, keys: usize, key: impl Fn(&T) -> usize) {
    let mut places = vec![0; keys + 1];
    for item in from {
        places[key(item) + 1] += 1;
    }
    for i in 1..places.len() {
        places[i] += places[i - 1];
    }
    to.clear();
    // Every element is overwritten below; the copy only sets the length.
    to.extend_from_slice(from);
    for item in from {
        let place = &mut places[key(item)];
        to[*place] = *item;
        *place += 1;
    }
}
