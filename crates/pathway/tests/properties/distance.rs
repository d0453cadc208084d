use pathway::{
    GroupDistance, Rng, cross_distance, group_distance, pair_count, sample_cross_pairs, sample_pairs,
};
use proptest::prelude::*;

fn square(value: f64) -> f64 {
    value * value
}

/// Standard error by the definition of the delete-one jackknife.
fn delete_one(samples: usize, pairs: &[(u32, u32)], distances: &[u32]) -> f64 {
    let mean_without = |left_out: Option<u32>| {
        let kept =
            pairs.iter().zip(distances).filter(|((i, j), _)| Some(*i) != left_out && Some(*j) != left_out);
        let values: Vec<f64> = kept.map(|(_, &distance)| f64::from(distance)).collect();
        values.iter().sum::<f64>() / values.len() as f64
    };
    let all = mean_without(None);
    let s = samples as f64;
    let squares: f64 = (0..samples as u32).map(|sample| square(mean_without(Some(sample)) - all)).sum();
    ((s - 1.0) / s * squares).sqrt()
}

/// Mean product of deviations over all pairs of pairs that share one sample.
fn listed_zeta(pairs: &[(u32, u32)], distances: &[u32]) -> Option<f64> {
    let mean = distances.iter().map(|&d| f64::from(d)).sum::<f64>() / distances.len() as f64;
    let mut products = Vec::new();
    for (a, &da) in pairs.iter().zip(distances) {
        for (b, &db) in pairs.iter().zip(distances) {
            let shared = [a.0, a.1].iter().filter(|end| [b.0, b.1].contains(end)).count();
            if shared == 1 {
                products.push((f64::from(da) - mean) * (f64::from(db) - mean));
            }
        }
    }
    (!products.is_empty()).then(|| products.iter().sum::<f64>() / products.len() as f64)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn complete_groups_have_the_jackknife_error(
        (samples, distances) in (3_usize..12).prop_flat_map(|samples| {
            (Just(samples), prop::collection::vec(0_u32..100, pair_count(samples) as usize))
        }),
    ) {
        let pairs = sample_pairs(samples, u64::MAX, 0);
        let found = group_distance(samples, &pairs, &distances, &vec![100; samples]).unwrap();
        let expected = delete_one(samples, &pairs, &distances);
        prop_assert!((found.se.unwrap() - expected).abs() < 1e-9 * expected.max(1.0));
        prop_assert!((found.normalised.unwrap() * 100.0 - found.mean.unwrap()).abs() < 1e-9);
        prop_assert!((found.normalised_se.unwrap() * 100.0 - expected).abs() < 1e-9 * expected.max(1.0));
    }

    #[test]
    fn sampled_groups_have_the_error_of_the_definition(
        samples in 4_usize..12, share in 20_u64..95, seed: u64,
    ) {
        let all = pair_count(samples);
        let count = all * share / 100;
        let pairs = sample_pairs(samples, count, seed);
        let mut rng = Rng::new(seed);
        let distances: Vec<u32> = pairs.iter().map(|_| rng.below(50)).collect();
        let found = group_distance(samples, &pairs, &distances, &vec![50; samples]).unwrap();
        let values: Vec<f64> = distances.iter().map(|&d| f64::from(d)).collect();
        let m = values.len() as f64;
        let mean = values.iter().sum::<f64>() / m;
        let variance = values.iter().map(|value| square(value - mean)).sum::<f64>() / (m - 1.0);
        let expected = listed_zeta(&pairs, &distances).filter(|_| values.len() > 1).map(|zeta| {
            (4.0 * zeta.max(0.0) / samples as f64 + (1.0 - m / all as f64) * variance / m).sqrt()
        });
        prop_assert_eq!(found.se.is_some(), expected.is_some());
        if let (Some(se), Some(expected)) = (found.se, expected) {
            prop_assert!((se - expected).abs() < 1e-9);
        }
    }
}

/// Share of intervals that contain the true mean. Samples are uniform points of a line, so the true
/// mean distance is a third of the line.
fn share_of_intervals_that_hold(samples: usize, count: u64) -> f64 {
    let runs = 400;
    let held = (0..runs).filter(|&run| {
        let mut rng = Rng::stream(11, run);
        let places: Vec<u32> = (0..samples).map(|_| rng.below(30_000)).collect();
        let pairs = sample_pairs(samples, count, run);
        let apart = |&(i, j): &(u32, u32)| places[i as usize].abs_diff(places[j as usize]);
        let distances: Vec<u32> = pairs.iter().map(apart).collect();
        let found = group_distance(samples, &pairs, &distances, &vec![30_000; samples]).unwrap();
        (found.mean.unwrap() - 10_000.0).abs() <= found.ci.unwrap()
    });
    held.count() as f64 / runs as f64
}

#[test]
fn intervals_hold_the_true_mean() {
    for (samples, count) in [(40, u64::MAX), (100, 3000), (100, 600), (200, 1000)] {
        let share = share_of_intervals_that_hold(samples, count);
        assert!((0.91..=0.985).contains(&share), "{samples} samples, {count} pairs: {share}");
    }
}

fn mean(distances: &[u32]) -> f64 {
    distances.iter().map(|&distance| f64::from(distance)).sum::<f64>() / distances.len() as f64
}

#[test]
fn two_domains_have_the_errors_of_their_rows_and_columns() {
    let mut rng = Rng::new(5);
    let (rows, columns) = (6, 7);
    let grid: Vec<u32> = (0..rows * columns).map(|_| rng.below(90)).collect();
    let pairs = sample_cross_pairs(rows, columns, u64::MAX, 0);
    let whole = cross_distance(rows, columns, &pairs, &grid).unwrap();
    assert_eq!((whole.pairs, whole.all_pairs, whole.sum), (42, 42, grid.iter().map(|&d| u64::from(d)).sum()));
    assert!((whole.mean.unwrap() - mean(&grid)).abs() < 1e-12);
    let row_means: Vec<f64> = grid.chunks_exact(columns).map(mean).collect();
    let column_means: Vec<f64> = (0..columns)
        .map(|j| mean(&grid.iter().skip(j).step_by(columns).copied().collect::<Vec<_>>()))
        .collect();
    let part = |means: &[f64]| {
        let centre = means.iter().sum::<f64>() / means.len() as f64;
        let squares: f64 = means.iter().map(|mean| square(mean - centre)).sum();
        squares / (means.len() - 1) as f64 / means.len() as f64
    };
    let se = (part(&row_means) + part(&column_means)).sqrt();
    assert!((whole.se.unwrap() - se).abs() < 1e-12);
    let some = sample_cross_pairs(rows, columns, 30, 2);
    let picked: Vec<u32> = some.iter().map(|&(i, j)| grid[i as usize * columns + j as usize]).collect();
    let sampled = cross_distance(rows, columns, &some, &picked).unwrap();
    assert_eq!((sampled.pairs, sampled.all_pairs), (30, 42));
    assert!(sampled.se.unwrap() > 0.0);
    assert!(cross_distance(rows, columns, &pairs, &grid[1..]).is_err());
    assert_eq!(cross_distance(1, 3, &[(0, 0), (0, 1), (0, 2)], &[1, 2, 3]).unwrap().se, None);
    assert_eq!(cross_distance(0, 0, &[], &[]).unwrap().mean, None);
}

/// The domains are two lines, one line apart, so the true mean is the line's length.
#[test]
fn intervals_between_domains_hold_the_true_mean() {
    let (rows, columns) = (25, 30);
    for count in [u64::MAX, 200] {
        let runs = 400;
        let held = (0..runs).filter(|&run| {
            let mut rng = Rng::stream(13, run);
            let first: Vec<u32> = (0..rows).map(|_| rng.below(10_000)).collect();
            let second: Vec<u32> = (0..columns).map(|_| 10_000 + rng.below(10_000)).collect();
            let pairs = sample_cross_pairs(rows, columns, count, run);
            let distances: Vec<u32> =
                pairs.iter().map(|&(i, j)| second[j as usize] - first[i as usize]).collect();
            let found = cross_distance(rows, columns, &pairs, &distances).unwrap();
            (found.mean.unwrap() - 10_000.0).abs() <= 1.96 * found.se.unwrap()
        });
        let share = held.count() as f64 / f64::from(runs as u32);
        assert!((0.91..=0.985).contains(&share), "{count} pairs: {share}");
    }
}

#[test]
fn small_groups_have_no_error() {
    let two = group_distance(2, &[(0, 1)], &[4], &[8, 6]).unwrap();
    assert_eq!((two.mean, two.normalised, two.length), (Some(4.0), Some(0.5), Some(7.0)));
    assert_eq!((two.se, two.ci, two.normalised_se), (None, None, None));
    let one = group_distance(1, &[], &[], &[3]).unwrap();
    assert_eq!((one.mean, one.normalised, one.sum), (None, None, 0));
    // Two pairs without a common sample give no estimate of the variance between samples.
    let apart = group_distance(4, &[(0, 1), (2, 3)], &[4, 5], &[8; 4]).unwrap();
    assert_eq!((apart.mean, apart.se), (Some(4.5), None));
}

#[test]
fn empty_pathways_are_no_distance_apart() {
    let GroupDistance { normalised, .. } = group_distance(2, &[(0, 1)], &[0], &[0, 0]).unwrap();
    assert_eq!(normalised, Some(0.0));
    assert_eq!(pathway::structure(3.0, 4.0), Some(0.25));
    assert_eq!(pathway::structure(0.0, 0.0), None);
}

#[test]
fn invalid_pairs_are_rejected() {
    let check = |pairs: &[(u32, u32)]| group_distance(3, pairs, &vec![1; pairs.len()], &[5; 3]);
    assert!(check(&[(0, 1), (0, 1)]).is_err());
    assert!(check(&[(1, 0)]).is_err());
    assert!(check(&[(0, 3)]).is_err());
    assert!(check(&[(1, 2), (0, 1)]).is_err());
    assert!(group_distance(3, &[(0, 1)], &[1, 2], &[5; 3]).is_err());
    assert!(group_distance(3, &[(0, 1)], &[1], &[5; 2]).is_err());
    assert!(check(&[(0, 1), (0, 2), (1, 2)]).is_ok());
}
