use pathway::{search_eps, t_stars};
use proptest::prelude::*;

/// The definition of t\*, verbatim.
fn plain_t_star(losses: &[f32], eps: f64, delta: f64) -> Option<usize> {
    let wide: Vec<f64> = losses.iter().map(|&loss| f64::from(loss)).collect();
    if wide.iter().any(|loss| !loss.is_finite()) {
        return None;
    }
    let last = *wide.last()?;
    (0..wide.len()).find(|&c| wide[c] <= eps && wide[c..].iter().all(|later| (later - last).abs() <= delta))
}

/// Losses in steps of 0.02, so that thresholds and drifts are often met exactly; some are not
/// finite.
fn losses(checkpoints: usize, samples: usize) -> impl Strategy<Value = Vec<Vec<f32>>> {
    let loss = prop_oneof![
        60 => (0_u8..40).prop_map(|step| f32::from(step) * 0.02),
        1 => Just(f32::NAN),
        1 => Just(f32::INFINITY),
    ];
    prop::collection::vec(prop::collection::vec(loss, samples), checkpoints)
}

proptest! {
    #[test]
    fn t_star_is_that_of_the_definition(rows in losses(5, 8), eps in 0.0_f64..0.8, delta in 0.0_f64..0.2) {
        let found = t_stars(&rows, Some(eps), delta);
        for sample in 0..8 {
            let course: Vec<f32> = rows.iter().map(|row| row[sample]).collect();
            prop_assert_eq!(found[sample], plain_t_star(&course, eps, delta));
        }
    }

    #[test]
    fn the_search_finds_the_smallest_threshold(
        (checkpoints, samples, rows) in (1_usize..6, 1_usize..13)
            .prop_flat_map(|(c, s)| (Just(c), Just(s), losses(c, s))),
    ) {
        let found = search_eps(&rows, 0.05);
        let memorized = |eps: f64| {
            t_stars(&rows, Some(eps), 0.05).iter().flatten().filter(|&&at| at + 1 < checkpoints).count()
        };
        let largest = rows.iter().flatten().filter(|loss| loss.is_finite()).fold(0.0, |a: f64, &b| a.max(f64::from(b)));
        let mut expected = None;
        let mut steps = Vec::new();
        for number in 1_u32.. {
            let eps = f64::from(number) / 10.0;
            steps.push((eps, memorized(eps)));
            if 5 * memorized(eps) >= samples {
                expected = Some(eps);
                break;
            }
            if eps >= largest {
                break;
            }
        }
        prop_assert_eq!(found.eps, expected);
        let found: Vec<(f64, usize)> =
            found.steps.iter().map(|step| (step.eps, step.memorized_before_last)).collect();
        prop_assert_eq!(found, steps);
    }
}

#[test]
fn thresholds_on_the_grid_count_as_met() {
    // f32 0.7 is below 7/10, f32 0.3 above 3/10.
    for (loss, eps) in [(0.7_f32, 0.7), (0.3_f32, 0.4), (0.5_f32, 0.5), (0.0_f32, 0.1)] {
        assert_eq!(search_eps(&[vec![loss], vec![loss]], 0.05).eps, Some(eps), "{loss}");
    }
}

#[test]
fn broken_losses_do_not_blow_up_the_search() {
    let rows = vec![vec![1e30_f32], vec![1e30]];
    let found = search_eps(&rows, 0.05);
    assert_eq!(found.steps.len(), 1000);
    assert!(found.eps.unwrap() >= 1e30 * 0.999);
    let never = vec![vec![f32::MAX], vec![1.0]];
    assert_eq!(search_eps(&never, 0.05).eps, None);
    assert_eq!(search_eps(&[], 0.05).steps.len(), 0);
    assert_eq!(search_eps(&[vec![], vec![]], 0.05).eps, None);
    // A sample that one checkpoint lacks never memorizes, but counts in the share.
    assert_eq!(t_stars(&[vec![0.1, 0.1], vec![0.1]], Some(1.0), 0.05), [Some(0), None]);
}

#[test]
fn one_checkpoint_memorizes_nothing_before_the_last() {
    assert_eq!(t_stars(&[vec![0.5]], Some(1.0), 0.05), [Some(0)]);
    assert_eq!(search_eps(&[vec![0.5]], 0.05).eps, None);
    assert!(t_stars(&[], Some(1.0), 0.05).is_empty());
}

#[test]
fn moving_averages_trail() {
    let some = |values: &[f64]| values.iter().copied().map(Some).collect::<Vec<_>>();
    assert_eq!(pathway::moving_average(&some(&[3.0, 5.0, 4.0, 9.0])), some(&[3.0, 4.0, 4.0, 6.0]));
    assert_eq!(
        pathway::moving_average(&[Some(1.0), None, Some(2.0), Some(3.0), Some(4.0)])[1..],
        [None, None, None, Some(3.0)]
    );
    assert!(pathway::moving_average(&[]).is_empty());
}
