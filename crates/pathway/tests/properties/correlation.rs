use pathway::{CorrelationResult, Rng, Undefined};
use proptest::prelude::*;

fn correlate(metric: &[Option<f64>], accuracy: &[Option<f64>], draws: u64, seed: u64) -> CorrelationResult {
    pathway::correlate_all(&[metric], accuracy, draws, seed).remove(0)
}

fn some(values: &[f64]) -> Vec<Option<f64>> {
    values.iter().copied().map(Some).collect()
}

/// All orders of `0..n` by insertion, independent of the recursion under test.
fn orders(n: usize) -> Vec<Vec<usize>> {
    let mut all = vec![vec![]];
    for item in 0..n {
        all = all
            .into_iter()
            .flat_map(|order| {
                (0..=order.len()).map(move |place| {
                    let mut longer = order.clone();
                    longer.insert(place, item);
                    longer
                })
            })
            .collect();
    }
    all
}

fn hits(x: &[f64], y: &[f64]) -> u64 {
    let observed = plain_pearson(x, y);
    let hit = |order: &Vec<usize>| {
        let moved: Vec<f64> = order.iter().map(|&place| x[place]).collect();
        plain_pearson(&moved, y).abs() >= observed.abs() - 1e-12
    };
    orders(x.len()).iter().filter(|order| hit(order)).count() as u64
}

/// Pearson's r by the uncentred textbook formula.
fn plain_pearson(x: &[f64], y: &[f64]) -> f64 {
    let n = x.len() as f64;
    let sum = |f: &dyn Fn(usize) -> f64| (0..x.len()).map(f).sum::<f64>();
    let (sx, sy) = (sum(&|i| x[i]), sum(&|i| y[i]));
    let (sxx, syy, sxy) = (sum(&|i| x[i] * x[i]), sum(&|i| y[i] * y[i]), sum(&|i| x[i] * y[i]));
    (n * sxy - sx * sy) / ((n * sxx - sx * sx).sqrt() * (n * syy - sy * sy).sqrt())
}

/// Average ranks from 1 by their definition.
fn mean_places(values: &[f64]) -> Vec<f64> {
    let place = |value: &f64| {
        let below = values.iter().filter(|other| *other < value).count() as f64;
        let equal = values.iter().filter(|other| *other == value).count() as f64;
        below + 0.5 * equal + 0.5
    };
    values.iter().map(place).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Small whole numbers make many ties, so that equal coefficients are reached by different
    /// sums.
    #[test]
    fn exact_p_counts_every_order(
        (x, y) in (3_usize..7).prop_flat_map(|n| {
            let series = || prop::collection::vec((0_i8..5).prop_map(f64::from), n);
            (series(), series())
        }),
    ) {
        let found = correlate(&some(&x), &some(&y), 0, 1);
        if found.undefined.is_some() {
            let constant = |series: &[f64]| series.iter().all(|value| *value == series[0]);
            prop_assert!(constant(&x) || constant(&y));
            return Ok(());
        }
        prop_assert!(found.exact);
        prop_assert_eq!(found.pearson_hits, Some(hits(&x, &y)));
        let (x_ranks, y_ranks) = (mean_places(&x), mean_places(&y));
        prop_assert_eq!(found.spearman_hits, Some(hits(&x_ranks, &y_ranks)));
        prop_assert!((found.pearson.unwrap() - plain_pearson(&x, &y)).abs() < 1e-12);
        prop_assert!((found.spearman.unwrap() - plain_pearson(&x_ranks, &y_ranks)).abs() < 1e-12);
        prop_assert_eq!(found.orders, (1..=x.len() as u64).product::<u64>());
        prop_assert_eq!(found.pearson_p.unwrap(), found.pearson_hits.unwrap() as f64 / found.orders as f64);
    }
}

#[test]
fn random_orders_come_near_the_exact_p() {
    // With ten checkpoints, orders are drawn at random. The tenth value ties the ninth in both
    // series.
    let x = [0.1, 0.9, 0.4, 0.3, 0.8, 0.2, 0.7, 0.5, 0.6, 0.6];
    let y = [0.3, 0.7, 0.1, 0.5, 0.9, 0.2, 0.6, 0.8, 0.4, 0.4];
    let found = correlate(&some(&x), &some(&y), pathway::RANDOM_ORDERS, 7);
    assert!(!found.exact);
    assert_eq!(found.orders, 100_000);
    assert_eq!(found.pearson_p, Some((found.pearson_hits.unwrap() + 1) as f64 / 100_001.0));
    // r is about 0.644; the t test of that has p 0.045, and the permutation p is near it.
    assert!((0.03..0.065).contains(&found.pearson_p.unwrap()), "{found:?}");
    let again = correlate(&some(&x), &some(&y), pathway::RANDOM_ORDERS, 7);
    assert_eq!(found, again);
    let other = correlate(&some(&x), &some(&y), pathway::RANDOM_ORDERS, 8);
    let difference = (found.pearson_p.unwrap() - other.pearson_p.unwrap()).abs();
    assert!(difference > 0.0 && difference < 0.005);
}

#[test]
fn four_checkpoints_bound_p() {
    let found = correlate(&some(&[4.0, 3.0, 2.0, 1.0]), &some(&[0.1, 0.2, 0.4, 0.8]), 0, 1);
    assert_eq!((found.spearman, found.spearman_p), (Some(-1.0), Some(2.0 / 24.0)));
}

#[test]
fn no_figure_comes_with_a_reason() {
    let reason = |x: &[Option<f64>], y: &[Option<f64>]| {
        let CorrelationResult { n, pearson, spearman_p, orders, undefined, .. } = correlate(x, y, 10, 1);
        assert_eq!((pearson, spearman_p, orders), (None, None, 0));
        (n, undefined.unwrap())
    };
    let rising = some(&[1.0, 2.0, 3.0]);
    assert_eq!(reason(&rising[..2], &rising[..2]), (2, Undefined::TooFew { n: 2 }));
    assert_eq!(reason(&some(&[2.0; 3]), &rising), (3, Undefined::MetricConstant));
    assert_eq!(reason(&rising, &some(&[0.1; 3])), (3, Undefined::AccuracyConstant));
    let gap = [Some(1.0), None, Some(2.0)];
    assert_eq!(reason(&gap, &rising), (2, Undefined::MetricMissing { missing: 1 }));
    assert_eq!(reason(&rising, &gap), (2, Undefined::AccuracyMissing { missing: 1 }));
    assert_eq!(
        Undefined::MetricMissing { missing: 2 }.to_string(),
        "The metric is undefined at 2 checkpoints of the window."
    );
    assert_eq!(
        Undefined::TooFew { n: 1 }.to_string(),
        "A correlation needs at least three checkpoints; here there is 1."
    );
}

#[test]
fn together_or_alone_is_the_same() {
    // Twelve metrics fill one block of lanes and a part of another; some have no coefficients.
    let mut rng = Rng::new(5);
    let mut course = || -> Vec<f64> { (0..11).map(|_| f64::from(rng.below(9)) / 7.0).collect() };
    let accuracy = some(&course());
    let mut metrics: Vec<Vec<Option<f64>>> = (0..12).map(|_| some(&course())).collect();
    metrics[3] = some(&[0.5; 11]);
    metrics[7][2] = None;
    metrics[9].truncate(10);
    metrics[10].truncate(5);
    let courses: Vec<&[Option<f64>]> = metrics.iter().map(|metric| &metric[..]).collect();
    let together = pathway::correlate_all(&courses, &accuracy, 2_000, 3);
    let alone: Vec<CorrelationResult> =
        courses.iter().map(|metric| correlate(metric, &accuracy, 2_000, 3)).collect();
    assert_eq!(together, alone);
    assert!(together[10].exact && !together[9].exact && together[3].undefined.is_some());
}
