//! The order of the experts of a layer by their weights.

#![allow(clippy::inline_always, reason = "the loops must be part of what is compiled for wide vectors")]

use crate::vector::widest;

/// Most keys that are ordered by counting smaller ones, which vector registers do faster than a sort
/// does without them.
const FEW: usize = 128;

/// Buffers for ordering keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Orderer {
    /// Keys whose signed order is that of the given ones, filled up to whole vectors.
    keys: Vec<i32>,
    /// Number of smaller keys of each key.
    smaller: Vec<u32>,
    /// Keys placed at each number of smaller ones.
    placed: Vec<u16>,
    /// Keys with their ids.
    sorted: Vec<u64>,
}

/// Keys compared at once.
const LANES: usize = 16;

impl Orderer {
    /// Appends the ids of the keys, counted from 0, in ascending order of the keys, then of the ids.
    pub(crate) fn append_order(&mut self, keys: impl ExactSizeIterator<Item = u32>, ids: &mut Vec<u16>) {
        if keys.len() > FEW {
            self.sorted.clear();
            self.sorted.extend(keys.zip(0_u64..).map(|(key, id)| (u64::from(key) << 16) | id));
            self.sorted.sort_unstable();
            ids.extend(self.sorted.iter().map(|&key| key as u16));
            return;
        }
        let count = keys.len();
        self.keys.clear();
        self.keys.extend(keys.map(|key| (key ^ (1 << 31)).cast_signed()));
        // These are not smaller than any key.
        self.keys.resize(count.next_multiple_of(LANES), i32::MAX);
        self.smaller.resize(count, 0);
        let (keys, smaller) = (&self.keys, &mut self.smaller);
        widest(
            #[inline(always)]
            || {
                let (blocks, _) = keys.as_chunks::<LANES>();
                for (smaller, &key) in smaller.iter_mut().zip(keys) {
                    *smaller = smaller_than(key, blocks);
                }
            },
        );
        self.placed.clear();
        self.placed.resize(count, 0);
        let start = ids.len();
        ids.resize(start + count, 0);
        for (id, &smaller) in (0_u16..).zip(&self.smaller) {
            // Equal keys follow each other.
            let placed = &mut self.placed[smaller as usize];
            ids[start + smaller as usize + usize::from(*placed)] = id;
            *placed += 1;
        }
    }
}

/// Number of keys below this one.
#[inline(always)]
fn smaller_than(key: i32, blocks: &[[i32; LANES]]) -> u32 {
    let mut counts = [0_u32; LANES];
    for block in blocks {
        for (count, &other) in counts.iter_mut().zip(block) {
            *count += u32::from(other < key);
        }
    }
    let mut sum = 0;
    for count in counts {
        sum += count;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::Rng;

    #[test]
    fn both_ways_order_by_key_and_id() {
        let (mut rng, mut orderer) = (Rng::new(9), Orderer::default());
        for count in [1, 2, 15, 16, 17, 64, 127, 128, 129, 300] {
            for range in [2, 40, u32::MAX] {
                let mut keys: Vec<u32> = (0..count).map(|_| rng.below(range)).collect();
                keys[0] = u32::MAX;
                let mut expected: Vec<u16> = (0..count as u16).collect();
                expected.sort_by_key(|&id| keys[usize::from(id)]);
                let mut found = vec![7];
                orderer.append_order(keys.iter().copied(), &mut found);
                assert_eq!((found[0], &found[1..]), (7, &expected[..]), "{keys:?}");
            }
        }
    }
}
