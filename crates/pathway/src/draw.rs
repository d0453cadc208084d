//! Seeded random draws, identical on every machine and in every version of this program.

/// Random number generator `SplitMix64` of Steele, Lea and Flood; its state is one 64-bit number.
///
/// Reports depend on its output: never change the numbers that a seed gives.
#[derive(Clone, Debug)]
pub struct Rng {
    state: u64,
}

/// The odd increment of the state, 2^64 over the golden ratio.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// The finaliser of `SplitMix64`: mixes every bit of the state into the whole word.
fn mix(state: u64) -> u64 {
    let once = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let twice = (once ^ (once >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    twice ^ (twice >> 31)
}

impl Rng {
    /// Creates the generator of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { state: mix(seed.wrapping_add(STEP)) }
    }

    /// Creates the generator of one of a seed's streams; streams are independent of each other.
    #[must_use]
    pub fn stream(seed: u64, stream: u64) -> Self {
        let Self { state } = Self::new(seed);
        Self { state: mix(state ^ mix(stream.wrapping_mul(STEP).wrapping_add(STEP))) }
    }

    /// Returns the next 64 random bits.
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(STEP);
        mix(self.state)
    }

    /// Returns a uniform number in `0..bound`; 0 if the bound is 0.
    ///
    /// Lemire's method: multiplies, and rejects the few products that would favour some numbers.
    pub fn below(&mut self, bound: u32) -> u32 {
        let bound = u64::from(bound);
        loop {
            let product = (self.next_u64() >> 32) * bound;
            let low = product & u64::from(u32::MAX);
            // The remainder is the size of the incomplete last interval; it costs a division, so it
            // is computed rarely.
            if low >= bound || low >= (1_u64 << 32) % bound.max(1) {
                return (product >> 32) as u32;
            }
        }
    }

    /// Returns a uniform number in `0..bound`; 0 if the bound is 0.
    pub fn below_u64(&mut self, bound: u64) -> u64 {
        let Some(largest) = bound.checked_sub(1) else { return 0 };
        let shift = largest.leading_zeros();
        loop {
            // Bits that can only exceed the bound are masked; the rest is accepted at least every
            // other time.
            let candidate = if shift == 64 { 0 } else { self.next_u64() >> shift };
            if candidate <= largest {
                return candidate;
            }
        }
    }
}

/// Shuffles the items with the next numbers of a generator; each order is equally likely (Fisher and
/// Yates).
pub(crate) fn shuffle_with<T>(items: &mut [T], rng: &mut Rng) {
    for end in (1..items.len()).rev() {
        let other = rng.below_u64(end as u64 + 1) as usize;
        items.swap(end, other);
    }
}

/// Number of unordered pairs of distinct samples: `S (S - 1) / 2`
/// (docs/metrics.md#pathway-distance).
#[must_use]
pub fn pair_count(samples: usize) -> u64 {
    let samples = samples as u64;
    samples * samples.saturating_sub(1) / 2
}

/// Draws `count` unordered pairs `(i, j)`, `i < j`, of `samples` samples, uniformly without
/// replacement, and sorts them (docs/metrics.md#pathway-distance). Returns all pairs if there are
/// at most `count`.
///
/// # Panics
///
/// `samples` exceeds `u32::MAX`.
#[must_use]
pub fn sample_pairs(samples: usize, count: u64, seed: u64) -> Vec<(u32, u32)> {
    assert!(u32::try_from(samples).is_ok(), "a sample's number fits 32 bits");
    let numbers = draw_numbers(pair_count(samples), count, seed);
    let mut pairs = Vec::with_capacity(numbers.size());
    // Pairs are numbered row by row: row i holds (i, i + 1), (i, i + 2), and so on. The numbers
    // ascend, so the row only increases.
    let samples = samples as u64;
    let (mut row, mut row_start) = (0, 0);
    numbers.for_each(|number| {
        while number - row_start >= samples - 1 - row {
            row_start += samples - 1 - row;
            row += 1;
        }
        pairs.push((row as u32, (row + 1 + number - row_start) as u32));
    });
    pairs
}

/// Draws `count` pairs `(row, column)` of samples of two domains, uniformly without replacement,
/// and sorts them (docs/metrics.md#pathway-distance). Returns all pairs if there are at most
/// `count`.
///
/// # Panics
///
/// A number of samples exceeds `u32::MAX`.
#[must_use]
pub fn sample_cross_pairs(rows: usize, columns: usize, count: u64, seed: u64) -> Vec<(u32, u32)> {
    assert!(u32::try_from(rows.max(columns)).is_ok(), "a sample's number fits 32 bits");
    let numbers = draw_numbers(rows as u64 * columns as u64, count, seed);
    let mut pairs = Vec::with_capacity(numbers.size());
    let columns = columns as u64;
    numbers.for_each(|number| pairs.push(((number / columns) as u32, (number % columns) as u32)));
    pairs
}

/// A subset of the numbers `0..population`, in ascending order.
enum Numbers {
    All(u64),
    These(Vec<u64>),
    AllBut(u64, Vec<u64>),
}

impl Numbers {
    fn size(&self) -> usize {
        match self {
            Self::All(population) => *population as usize,
            Self::These(these) => these.len(),
            Self::AllBut(population, these) => *population as usize - these.len(),
        }
    }

    fn for_each(&self, mut f: impl FnMut(u64)) {
        match self {
            Self::All(population) => (0..*population).for_each(f),
            Self::These(these) => these.iter().copied().for_each(f),
            Self::AllBut(population, these) => {
                let mut left_out = these.iter().copied().peekable();
                for number in 0..*population {
                    if left_out.next_if_eq(&number).is_none() {
                        f(number);
                    }
                }
            }
        }
    }
}

/// Draws `count` of the numbers `0..population`; every such set is equally likely.
fn draw_numbers(population: u64, count: u64, seed: u64) -> Numbers {
    if count >= population {
        return Numbers::All(population);
    }
    let mut rng = Rng::new(seed);
    // To draw more than half of the numbers, the numbers to leave out are drawn, so that few draws
    // repeat.
    if count > population / 2 {
        Numbers::AllBut(population, draw_distinct(population, population - count, &mut rng))
    } else {
        Numbers::These(draw_distinct(population, count, &mut rng))
    }
}

/// Draws at most half of the numbers `0..population`, in ascending order.
fn draw_distinct(population: u64, count: u64, rng: &mut Rng) -> Vec<u64> {
    let count = count as usize;
    let mut numbers = Vec::with_capacity(count);
    // Redrawing repeats until there are enough distinct numbers favours no set.
    while numbers.len() < count {
        numbers.extend((numbers.len()..count).map(|_| rng.below_u64(population)));
        numbers.sort_unstable();
        numbers.dedup();
    }
    numbers
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::{Rng, pair_count, sample_cross_pairs, sample_pairs, shuffle_with};

    proptest! {
        #[test]
        fn pairs_are_sorted_distinct_and_inside(samples in 0_usize..60, count in 0_u64..2000, seed: u64) {
            let pairs = sample_pairs(samples, count, seed);
            prop_assert_eq!(pairs.len() as u64, count.min(pair_count(samples)));
            prop_assert!(pairs.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(pairs.iter().all(|&(i, j)| i < j && (j as usize) < samples));
            prop_assert_eq!(&pairs, &sample_pairs(samples, count, seed));
        }

        #[test]
        fn cross_pairs_are_sorted_distinct_and_inside(
            rows in 0_usize..20, columns in 0_usize..20, count in 0_u64..500, seed: u64,
        ) {
            let pairs = sample_cross_pairs(rows, columns, count, seed);
            prop_assert_eq!(pairs.len() as u64, count.min((rows * columns) as u64));
            prop_assert!(pairs.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(pairs.iter().all(|&(row, column)| (row as usize) < rows && (column as usize) < columns));
        }

        #[test]
        fn numbers_stay_below(bound: u32, seed: u64) {
            let mut rng = Rng::new(seed);
            let number = rng.below(bound);
            prop_assert!(number < bound || bound == 0 && number == 0);
            let bound = u64::from(bound) << 9;
            let number = rng.below_u64(bound);
            prop_assert!(number < bound || bound == 0 && number == 0);
        }

        #[test]
        fn shuffling_keeps_the_items(len in 0_usize..50, seed: u64) {
            let mut items: Vec<usize> = (0..len).collect();
            shuffle_with(&mut items, &mut Rng::new(seed));
            items.sort_unstable();
            prop_assert_eq!(items, (0..len).collect::<Vec<_>>());
        }
    }

    /// Asserts that draws are uniform over `cells` values: the chi-squared statistic is within five
    /// standard deviations of its mean.
    #[track_caller]
    fn assert_even<T: Ord>(drawn: impl Iterator<Item = T>, cells: u32) {
        let mut counts = BTreeMap::new();
        let mut total = 0_u32;
        for thing in drawn {
            *counts.entry(thing).or_insert(0_u32) += 1;
            total += 1;
        }
        assert_eq!(counts.len(), cells as usize);
        let expected = f64::from(total) / f64::from(cells);
        let excess = |count: &u32| f64::from(*count) - expected;
        let statistic: f64 = counts.values().map(|count| excess(count) * excess(count) / expected).sum();
        let freedom = f64::from(cells - 1);
        assert!(
            (statistic - freedom).abs() < 5.0 * (2.0 * freedom).sqrt(),
            "{statistic} at {freedom} degrees"
        );
    }

    #[test]
    fn every_set_of_pairs_is_equally_likely() {
        // 2 of 6 pairs: 15 sets, drawn directly; 4 of 6: the two to leave out are drawn.
        for count in [2, 4] {
            assert_even((0..6000).map(|seed| sample_pairs(4, count, seed)), 15);
        }
        assert_even((0..6000).map(|seed| sample_cross_pairs(3, 2, 3, seed)), 20);
    }

    #[test]
    fn every_order_is_equally_likely() {
        let order = |seed| {
            let mut items = [0, 1, 2, 3];
            shuffle_with(&mut items, &mut Rng::new(seed));
            items
        };
        assert_even((0..9600).map(order), 24);
        let mut rng = Rng::new(3);
        assert_even((0..7000).map(|_| rng.below(7)), 7);
        assert_even((0..7000).map(|_| rng.below_u64(7)), 7);
        assert_even((0..7000).map(|stream| Rng::stream(5, stream).below(7)), 7);
    }

    #[test]
    fn a_seed_always_gives_the_same_numbers() {
        let mut rng = Rng::new(1);
        let numbers: Vec<u64> = (0..3).map(|_| rng.next_u64()).collect();
        assert_eq!(numbers, SEED_1);
        assert_eq!(sample_pairs(1000, 3, 1), [(24, 52), (216, 690), (901, 952)]);
    }

    const SEED_1: [u64; 3] = [6_791_897_765_849_424_158, 17_405_687_883_870_564_846, 834_844_254_806_117_752];
}
