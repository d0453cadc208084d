//! Causal steps and looks do not change when checkpoints are added.

use pathway::{CausalGeneralization, CausalMemorization, CausalStep, plan_looks};
use proptest::prelude::*;

/// What could be known of a step at a checkpoint.
fn known(step: Option<CausalStep>, by: usize) -> Option<CausalStep> {
    let step = step.filter(|step| step.declared <= by)?;
    Some(CausalStep { relapse: step.relapse.filter(|at| *at <= by), ..step })
}

/// Losses that settle now and then, and are missing now and then.
fn losses() -> impl Strategy<Value = Vec<Vec<f32>>> {
    let loss = prop_oneof![8 => 0.0_f32..0.4, 2 => 0.15_f32..0.2, 1 => Just(f32::NAN), 1 => 0.5_f32..3.0];
    (1..12_usize).prop_flat_map(move |samples| {
        prop::collection::vec(prop::collection::vec(loss.clone(), samples), 1..14)
    })
}

proptest! {
    #[test]
    fn samples_are_known_as_before(losses in losses(), user in prop::option::of(0.05_f64..0.5), delta in 0.01_f64..0.2) {
        let samples = losses[0].len();
        let mut full = CausalMemorization::new(samples, user, delta);
        for losses in &losses {
            full.push(losses);
        }
        let mut fold = CausalMemorization::new(samples, user, delta);
        for (at, row) in losses.iter().enumerate() {
            fold.push(row);
            let expected: Vec<_> = full.steps().iter().map(|step| known(*step, at)).collect();
            prop_assert_eq!(fold.steps(), &expected[..]);
            prop_assert!(fold.eps().is_none() || fold.eps() == full.eps());
        }
        for (sample, step) in full.steps().iter().enumerate().filter_map(|(at, step)| Some((at, (*step)?))) {
            let window: Vec<f64> =
                losses[step.first..=step.first + 2].iter().map(|row| f64::from(row[sample])).collect();
            let range = window.iter().copied().fold(f64::MIN, f64::max)
                - window.iter().copied().fold(f64::MAX, f64::min);
            prop_assert!(range <= delta && window[0] <= full.eps().unwrap());
            prop_assert!(step.declared >= step.first + 2);
        }
    }

    #[test]
    fn items_are_known_as_before(results in prop::collection::vec(prop::collection::vec(prop::option::weighted(0.8, prop::bool::weighted(0.7)), 6), 1..14)) {
        let mut full = CausalGeneralization::new(6);
        for row in &results {
            full.push(row.iter().copied());
        }
        let full: Vec<_> = full.steps().collect();
        let mut fold = CausalGeneralization::new(6);
        for (at, row) in results.iter().enumerate() {
            fold.push(row.iter().copied());
            let expected: Vec<_> = full.iter().map(|step| known(*step, at)).collect();
            prop_assert_eq!(fold.steps().collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn looks_are_planned_as_before(declared in prop::collection::vec(0_usize..9, 0..14), others in 0_usize..30) {
        let samples = declared.iter().sum::<usize>() + others;
        let full = plan_looks(&declared, samples);
        for at in 0..=declared.len() {
            prop_assert_eq!(&plan_looks(&declared[..at], samples)[..], &full[..at]);
        }
    }
}
