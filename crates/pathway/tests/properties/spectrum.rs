use pathway::{Rng, RouterGram, Spectrum};
use proptest::prelude::*;

/// `Tr(H (H + lambda I)^-1)` over samples, as defined: `H` is `[S, S]`, inverted by Gauss-Jordan
/// elimination.
fn plain_d_eff(samples: &[Vec<f32>], alpha: f64) -> f64 {
    let n = samples.len();
    let product =
        |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum::<f64>();
    let h: Vec<Vec<f64>> = samples.iter().map(|a| samples.iter().map(|b| product(a, b)).collect()).collect();
    let trace: f64 = (0..n).map(|i| h[i][i]).sum();
    let lambda = alpha * trace / n as f64;
    let mut left = h.clone();
    let mut right = vec![vec![0.0; n]; n];
    for i in 0..n {
        left[i][i] += lambda;
        right[i][i] = 1.0;
    }
    for pivot in 0..n {
        let scale = left[pivot][pivot];
        for column in 0..n {
            left[pivot][column] /= scale;
            right[pivot][column] /= scale;
        }
        for row in (0..n).filter(|&row| row != pivot) {
            let factor = left[row][pivot];
            for column in 0..n {
                left[row][column] -= factor * left[pivot][column];
                right[row][column] -= factor * right[pivot][column];
            }
        }
    }
    (0..n).map(|i| (0..n).map(|j| h[i][j] * right[j][i]).sum::<f64>()).sum()
}

proptest! {
    #[test]
    fn effective_dimension_is_that_of_the_definition(
        (experts, samples) in (1_usize..7, 1_usize..9).prop_flat_map(|(experts, samples)| {
            (Just(experts), prop::collection::vec(prop::collection::vec(0.0_f32..1.0, experts), samples))
        }),
        alpha in 0.001_f64..1.0,
    ) {
        prop_assume!(samples.iter().flatten().any(|&gate| gate > 0.01));
        let mut spectrum = Spectrum::new(1, experts).unwrap();
        for gates in &samples {
            spectrum.push_sample(gates).unwrap();
        }
        let found = spectrum.d_eff(alpha).mean.unwrap();
        let expected = plain_d_eff(&samples, alpha);
        prop_assert!((found - expected).abs() < 1e-7 * expected, "{} for {}", found, expected);
        prop_assert!(found <= samples.len().min(experts) as f64 + 1e-9);
    }

    /// Gram blocks give the same consistency as the embeddings.
    #[test]
    fn consistency_is_that_of_the_definition(seed: u64, layers in 1_usize..6, experts in 1_usize..20) {
        let mut rng = Rng::new(seed);
        let mut number = || rng.below(2001) as f32 / 1000.0 - 1.0;
        let width = 7;
        let weights: Vec<f32> = (0..layers * experts * width).map(|_| number()).collect();
        let gates: Vec<f32> = (0..layers * experts).map(|_| number().abs()).collect();
        let embedding = |layer: usize, component: usize| -> f64 {
            (0..experts)
                .map(|expert| {
                    let row = layer * experts + expert;
                    f64::from(gates[row]) * f64::from(weights[row * width + component])
                })
                .sum()
        };
        let product = |a: usize, b: usize| (0..width).map(|i| embedding(a, i) * embedding(b, i)).sum::<f64>();
        // Embeddings near zero have no cosine to compare.
        prop_assume!((0..layers).all(|layer| product(layer, layer) > 1e-4));
        let gram = RouterGram::from_weights(layers, experts, width, &weights).unwrap();
        let found = pathway::sample_consistency(&gates, &gram).unwrap();
        let cosines: Vec<f64> = (1..layers)
            .map(|layer| product(layer - 1, layer) / (product(layer - 1, layer - 1) * product(layer, layer)).sqrt())
            .collect();
        prop_assert_eq!(found.cosines.len(), cosines.len());
        for (found, expected) in found.cosines.iter().zip(&cosines) {
            prop_assert!((found.unwrap() - expected).abs() < 1e-9);
        }
        let largest = cosines.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        prop_assume!(largest.abs() > 1e-6);
        prop_assert_eq!(found.c.is_some(), layers >= 3 && largest > 0.0);
        if let Some(c) = found.c {
            let expected = 1.0 - cosines.iter().map(|c| c / (largest + 1e-8)).sum::<f64>() / cosines.len() as f64;
            prop_assert!((c - expected).abs() < 1e-6 * expected.abs().max(1.0));
        }
        prop_assert_eq!(found.smoothness.is_some(), layers >= 2);
    }
}

#[test]
fn empty_groups_have_no_dimension() {
    let mut spectrum = Spectrum::new(2, 3).unwrap();
    let empty = spectrum.d_eff(0.01);
    assert_eq!((empty.mean, empty.d_eff, empty.lambda), (None, vec![None; 2], vec![None; 2]));
    spectrum.push_sample(&[0.0, 0.0, 0.0, 0.5, 0.25, 0.25]).unwrap();
    let half = spectrum.d_eff(0.01);
    assert_eq!((half.mean, half.d_eff[0]), (None, None));
    assert!((half.d_eff[1].unwrap() - 1.0 / 1.01).abs() < 1e-12);
    assert_eq!(spectrum.d_eff(0.0).d_eff, [None; 2]);
    assert_eq!(spectrum.d_eff(f64::NAN).d_eff, [None; 2]);
    assert!(spectrum.push_sample(&[0.0; 5]).is_err());
    assert!(Spectrum::new(1, 0).is_err());
}

#[test]
fn embeddings_that_vanish_have_no_cosine() {
    // Two experts with opposite embeddings cancel in the second layer.
    let weights = [1.0, 0.0, 0.0, 1.0, 0.3, 0.7, -0.3, -0.7, 1.0, 0.0, 0.0, 1.0];
    let gram = RouterGram::from_weights(3, 2, 2, &weights).unwrap();
    let found = pathway::sample_consistency(&[0.5; 6], &gram).unwrap();
    assert_eq!(found.cosines, [None, None]);
    assert_eq!((found.c, found.smoothness), (None, None));
    let summary = pathway::summarise_consistency([&found, &found]);
    assert_eq!((summary.undefined, summary.median, summary.samples), (Some(1.0), None, 2));
    assert_eq!(pathway::summarise_consistency([]).undefined, None);
    let uneven = pathway::sample_consistency(&[0.5, 0.5, 0.9, 0.1, 0.5, 0.5], &gram).unwrap();
    assert!(uneven.c.is_some());
}

#[test]
fn stored_blocks_are_the_computed_ones() {
    let mut rng = Rng::new(2);
    let weights: Vec<f32> = (0..3 * 4 * 5).map(|_| rng.below(100) as f32 - 50.0).collect();
    let gram = RouterGram::from_weights(3, 4, 5, &weights).unwrap();
    let row = |layer: usize, expert: usize| &weights[(layer * 4 + expert) * 5..][..5];
    let block = |a: usize, b: usize| -> Vec<f64> {
        let product = |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(x, y)| f64::from(x * y)).sum::<f64>();
        (0..16).map(|place| product(row(a, place / 4), row(b, place % 4))).collect()
    };
    let blocks = [block(0, 0), block(1, 1), block(2, 2), block(0, 1), block(1, 2)].concat();
    assert_eq!(RouterGram::from_blocks(3, 4, &blocks).unwrap(), gram);
    assert!(RouterGram::from_blocks(3, 4, &blocks[1..]).is_err());
    assert!(RouterGram::from_weights(3, 4, 5, &weights[1..]).is_err());
}

#[test]
fn few_samples_of_many_experts_have_the_dimension_of_the_definition() {
    let mut rng = Rng::new(7);
    // Up to 64 experts, and with as many samples as experts, another matrix is used.
    for (experts, samples) in [(64, 5), (65, 5), (65, 64), (65, 65), (65, 66), (100, 1), (700, 9)] {
        let mut spectrum = Spectrum::new(1, experts).unwrap();
        let gates = |_| (0..experts).map(|_| rng.below(1000) as f32 / 1e4).collect::<Vec<f32>>();
        let gates: Vec<Vec<f32>> = (0..samples).map(gates).collect();
        for gates in &gates {
            spectrum.push_sample(gates).unwrap();
        }
        let (found, expected) = (spectrum.d_eff(0.01).mean.unwrap(), plain_d_eff(&gates, 0.01));
        assert!((found - expected).abs() < 1e-8 * expected, "{found} for {expected}: {experts}, {samples}");
    }
}

#[test]
fn many_experts_have_the_consistency_of_the_definition() {
    let mut rng = Rng::new(11);
    let (layers, experts, width) = (4, 300, 5);
    let mut number = || rng.below(2001) as f32 / 1000.0 - 1.0;
    let weights: Vec<f32> = (0..layers * experts * width).map(|_| number()).collect();
    let gates: Vec<f32> = (0..layers * experts).map(|_| number().abs() / 150.0).collect();
    // Weights that are smaller than their blocks are kept; the blocks must give the same.
    let product =
        |x: &[f32], y: &[f32]| x.iter().zip(y).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum::<f64>();
    let row = |layer: usize, expert: usize| &weights[(layer * experts + expert) * width..][..width];
    let mut blocks = Vec::new();
    for (a, b) in [(0, 0), (1, 1), (2, 2), (3, 3), (0, 1), (1, 2), (2, 3)] {
        blocks.extend((0..experts * experts).map(|at| product(row(a, at / experts), row(b, at % experts))));
    }
    let by_blocks = RouterGram::from_blocks(layers, experts, &blocks).unwrap();
    let by_weights = RouterGram::from_weights(layers, experts, width, &weights).unwrap();
    let expected = pathway::sample_consistency(&gates, &by_blocks).unwrap();
    let found = pathway::sample_consistency(&gates, &by_weights).unwrap();
    for (found, expected) in found.cosines.iter().zip(&expected.cosines) {
        assert!((found.unwrap() - expected.unwrap()).abs() < 1e-9);
    }
    assert!((found.smoothness.unwrap() - expected.smoothness.unwrap()).abs() < 1e-9);
    assert!(
        pathway::sample_consistency(&vec![0.0; layers * experts], &by_weights).unwrap().smoothness.is_none()
    );
}
