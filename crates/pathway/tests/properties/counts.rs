use pathway::{Coactivation, LayerEntropy, LoadCounts, SaturationSum};
use proptest::prelude::*;

/// Distinct expert ids of some tokens `[T, L, k]`.
fn selections(tokens: usize, layers: usize, experts: usize, k: usize) -> impl Strategy<Value = Vec<u16>> {
    let row =
        Just((0..experts as u16).collect::<Vec<u16>>()).prop_shuffle().prop_map(move |ids| ids[..k].to_vec());
    prop::collection::vec(row, tokens * layers).prop_map(|rows| rows.concat())
}

proptest! {
    #[test]
    fn sums_do_not_depend_on_how_tokens_are_split(
        now in selections(9, 2, 6, 3), last in selections(9, 2, 6, 3), cut in 0_usize..=9,
    ) {
        let middle = cut * 6;
        let (mut load, mut split_load) = (LoadCounts::new(2, 6).unwrap(), LoadCounts::new(2, 6).unwrap());
        let (mut both, mut split_both) = (Coactivation::new(2, 6).unwrap(), Coactivation::new(2, 6).unwrap());
        let (mut sum, mut split_sum) = (SaturationSum::new(2, 3, true), SaturationSum::new(2, 3, true));
        load.push(&now, 3).unwrap();
        both.push(&now, 3).unwrap();
        sum.push(&now, &last).unwrap();
        for range in [0..middle, middle..now.len()] {
            split_load.push(&now[range.clone()], 3).unwrap();
            split_both.push(&now[range.clone()], 3).unwrap();
            split_sum.push(&now[range.clone()], &last[range]).unwrap();
        }
        prop_assert_eq!(&load, &split_load);
        prop_assert_eq!(&both, &split_both);
        prop_assert_eq!(&sum, &split_sum);
        // The diagonal is the load; each of a token's k ids occurs with k ids.
        for layer in 0..2 {
            for expert in 0..6 {
                prop_assert_eq!(both.count(layer, expert, expert), load.counts()[layer * 6 + expert]);
            }
            let sum: u64 = (0..36).map(|place| both.count(layer, place / 6, place % 6)).sum();
            prop_assert_eq!(sum, 9 * 9);
        }
        let same = SaturationSum::new(2, 3, false);
        let mut same_sum = same;
        same_sum.push(&now, &now).unwrap();
        let result = same_sum.result().unwrap();
        prop_assert_eq!((result.k, result.top1), (1.0, None));
        let share = sum.result().unwrap().k;
        prop_assert!((0.0..=1.0).contains(&share));
    }
}

/// Of many experts only pairs that occur are kept, with the same results.
#[test]
fn pairs_of_many_experts_are_those_of_few() {
    let ids: Vec<u16> = (0..400_u16).flat_map(|token| [token * 7 % 11, 20 + token * 5 % 13]).collect();
    let (mut few, mut many) = (Coactivation::new(2, 40).unwrap(), Coactivation::new(2, 65_535).unwrap());
    few.push(&ids, 2).unwrap();
    many.push(&ids, 2).unwrap();
    for layer in 0..2 {
        assert_eq!(few.strongest(layer, 30, 2), many.strongest(layer, 30, 2));
        assert_eq!(few.strongest(layer, 30, 2).len(), 30);
        assert_eq!(few.probability(layer, 3, 21), many.probability(layer, 3, 21));
    }
    assert_eq!(many.count(1, 65_534, 0), 0);
}

#[test]
fn strongest_pairs_come_first() {
    let mut both = Coactivation::new(1, 4).unwrap();
    // 0 and 1 are selected together three times, 0 and 2 once, 3 and 2 once.
    both.push(&[0, 1, 1, 0, 0, 1, 0, 2, 3, 2], 2).unwrap();
    let listed: Vec<(usize, usize)> =
        both.strongest(0, 3, 1).iter().map(|pair| (pair.first, pair.second)).collect();
    assert_eq!(listed, [(1, 0), (3, 2), (0, 1)]);
    let often: Vec<f64> = both.strongest(0, 9, 3).iter().map(|pair| pair.probability).collect();
    assert_eq!(often, [1.0, 0.75, 0.25]);
    assert_eq!(both.probability(0, 3, 0), Some(0.0));
    let unused = Coactivation::new(1, 2).unwrap();
    assert_eq!(unused.probability(0, 1, 0), None);
    assert!(unused.strongest(0, 5, 0).is_empty());
}

#[test]
fn unused_and_even_loads() {
    let mut load = LoadCounts::new(1, 4).unwrap();
    let empty = &load.layers()[0];
    assert_eq!((empty.cv, empty.max_over_mean, empty.never_used), (None, None, 4));
    load.push(&[0, 1, 2, 3], 2).unwrap();
    let even = &load.layers()[0];
    assert_eq!((even.cv, even.max_over_mean, even.never_used), (Some(0.0), Some(1.0), 0));
    load.push_counts(&[4, 0, 0, 0]).unwrap();
    assert_eq!(load.counts(), [5, 1, 1, 1]);
}

#[test]
fn invalid_selections_are_rejected() {
    let mut load = LoadCounts::new(2, 4).unwrap();
    let error = load.push(&[0, 1, 2, 9, 1, 2, 3, 0], 2).unwrap_err();
    assert!(error.to_string().starts_with("selected expert 9 in layer 1 of token 0"), "{error}");
    assert!(load.push(&[0, 1, 2], 2).is_err());
    assert!(load.push(&[0, 1, 2], 0).is_err());
    assert_eq!(load.counts(), [0; 8]);
    let mut sum = SaturationSum::new(2, 2, true);
    assert!(sum.push(&[0, 1, 2, 3], &[0, 1]).is_err());
    assert!(sum.push(&[0, 1, 2], &[0, 1, 2]).is_err());
    assert_eq!(sum.result(), None);
    sum.push(&[], &[]).unwrap();
    assert_eq!(sum.tokens(), 0);
}

#[test]
fn entropy_is_between_zero_and_uniform() {
    let mut rows = Vec::new();
    pathway::entropy_by_layer(&[0.0, 1.0, 0.0], 3, &mut rows);
    pathway::entropy_by_layer(&[0.25; 4], 4, &mut rows);
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0], 0.0);
    assert!((rows[1] - libm::log(4.0)).abs() < 1e-12);
    let mut sum = LayerEntropy::new(2);
    assert_eq!((sum.mean(), sum.means()), (None, vec![None; 2]));
    let mut by_layer = Vec::new();
    pathway::entropy_by_layer(&[1.0, 0.0, 0.5, 0.5], 2, &mut by_layer);
    sum.push(&by_layer).unwrap();
    assert!((sum.mean().unwrap() - libm::log(2.0) / 2.0).abs() < 1e-12);
    assert!(sum.push(&[0.0]).is_err());
    assert_eq!(sum.samples(), 1);
}
