use std::collections::BTreeMap;

use pathway::{Rng, pair_count, sample_cross_pairs, sample_pairs};
use proptest::prelude::*;

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
        pathway::shuffle(&mut items, seed);
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
    assert!((statistic - freedom).abs() < 5.0 * (2.0 * freedom).sqrt(), "{statistic} at {freedom} degrees");
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
        pathway::shuffle(&mut items, seed);
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
