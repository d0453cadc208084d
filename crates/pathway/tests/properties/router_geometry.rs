use pathway::{Rng, RouterLayer};
use proptest::prelude::*;

/// Cosine of two rows, summed in order.
fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let product = |a: &[f32], b: &[f32]| {
        let mut sum = 0.0;
        for (x, y) in a.iter().zip(b) {
            sum += f64::from(*x) * f64::from(*y);
        }
        sum
    };
    product(a, b) / (product(a, a) * product(b, b)).sqrt()
}

proptest! {
    #[test]
    fn router_figures_are_those_of_the_definitions(seed: u64, experts in 2_usize..12, width in 1_usize..20) {
        let mut rng = Rng::new(seed);
        let mut draw = || (0..experts * width).map(|_| rng.below(2000) as f32 / 1000.0 - 0.9995).collect::<Vec<f32>>();
        let (now, end) = (draw(), draw());
        let (layer, last) = (RouterLayer::new(experts, width, &now).unwrap(), RouterLayer::new(experts, width, &end).unwrap());
        let row = |all: &[f32], at: usize| all[at * width..(at + 1) * width].to_vec();
        let (mut similarity, mut gram, mut own, mut pairs) = (0.0, 0.0, 0.0, 0.0);
        for i in 0..experts {
            own += cosine(&row(&now, i), &row(&end, i)) / experts as f64;
            for j in 0..i {
                let cosines = (cosine(&row(&now, i), &row(&now, j)), cosine(&row(&end, i), &row(&end, j)));
                similarity += cosines.0;
                gram += (cosines.0 - cosines.1).abs();
                pairs += 1.0;
            }
        }
        let squares = |value: fn(f64, f64) -> f64| {
            now.iter().zip(&end).map(|(&a, &b)| value(f64::from(a), f64::from(b))).map(|v| v * v).sum::<f64>().sqrt()
        };
        let distance = squares(|a, b| a - b) / squares(|_, b| b);
        let drift = layer.drift(&last).unwrap();
        let near = |found: Option<f64>, expected: f64| (found.unwrap() - expected).abs() < 1e-9 * expected.abs().max(1.0);
        prop_assert!(near(layer.similarity(), similarity / pairs));
        prop_assert!(near(drift.gram, gram / pairs));
        prop_assert!(near(drift.cosine, own));
        prop_assert!(near(drift.distance, distance));
    }

    /// Scaling or rotating a whole router does not change the similarity of its experts.
    #[test]
    fn similarity_is_invariant(seed: u64, experts in 2_usize..8) {
        let mut rng = Rng::new(seed);
        let weights: Vec<f32> = (0..experts * 4).map(|_| rng.below(2000) as f32 / 1000.0 - 0.9995).collect();
        let turned: Vec<f32> = weights.chunks_exact(4).flat_map(|row| [4.0 * row[3], -4.0 * row[0], 4.0 * row[2], 4.0 * row[1]]).collect();
        let of = |weights: &[f32]| RouterLayer::new(experts, 4, weights).unwrap();
        let (one, other) = (of(&weights), of(&turned));
        prop_assert!((one.similarity().unwrap() - other.similarity().unwrap()).abs() < 1e-12);
        prop_assert!(one.drift(&other).unwrap().gram.unwrap() < 1e-12);
    }
}
