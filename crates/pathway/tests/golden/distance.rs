//! Distances of groups, per layer, between domains, and of null pathways.

use levenshtein::{InstructionSet, Sequences};
use pathway::{GroupDistance, Ranking};
use serde_json::Value;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::fixture::{Fixture, array, assert_same, size};
use crate::pathways::{TAUS, ranking, selection_ranking};

/// All pairs of the sequences.
pub fn measure(sequences: &Sequences) -> GroupDistance {
    let pairs = pathway::sample_pairs(sequences.len(), u64::MAX, 0);
    let distances = levenshtein::pairs(InstructionSet::best(), sequences, &pairs).unwrap();
    pathway::group_distance(sequences.len(), &pairs, &distances, &pathway::lengths(sequences)).unwrap()
}

fn sequences(ranking: &Ranking, unit: &str, tau: usize, samples: &[u32]) -> Sequences {
    match unit {
        "symbol" => ranking.symbols(tau, samples),
        "character" => ranking.characters(tau, samples),
        other => panic!("no unit {other}"),
    }
}

#[track_caller]
fn assert_group(found: &GroupDistance, expected: &Value, checkpoint: usize, what: &str) {
    let at = |name: &str| &expected[name][checkpoint];
    assert_eq!(found.samples, size(at("samples")), "{what}");
    assert_eq!(found.pairs, at("pairs").as_u64().unwrap(), "{what}");
    assert_eq!(found.sum, at("sum").as_u64().unwrap(), "{what}");
    assert!(found.is_complete());
    assert_same(found.mean, at("mean"), what);
    assert_same(found.normalised, at("normalised"), what);
    assert_same(found.se, at("se_jackknife"), what);
    // The golden files also contain the standard errors without the jackknife factor.
    let s = found.samples as f64;
    let plain = |se: Option<f64>| se.map(|se| se * (s - 2.0) / (s - 1.0));
    assert_same(plain(found.se), at("se"), what);
    assert_same(plain(found.normalised_se), at("normalised_se"), what);
    if let (Some(se), Some(ci)) = (found.se, found.ci) {
        assert!(ci > 1.95 * se && ci < 4.31 * se, "{what}");
    }
}

#[test]
fn distances_of_groups() {
    let fixture = Fixture::load();
    for checkpoint in 0..fixture.steps.len() {
        let ranking = ranking(&fixture, checkpoint);
        for domain in &fixture.domains {
            let so_far = fixture.members(domain, |t| t.is_some_and(|t| t <= checkpoint));
            let groups = [
                ("all", fixture.group(domain, "all")),
                ("memorized", fixture.group(domain, "memorized")),
                ("memorized_so_far", so_far),
            ];
            for (group, samples) in groups {
                for (index, tau) in TAUS.iter().enumerate() {
                    for unit in ["symbol", "character"] {
                        let what = format!("{domain} {group} {tau} {unit} at {checkpoint}");
                        let found = measure(&sequences(&ranking, unit, index, &samples));
                        let expected = &fixture.expected["distance"][domain][group][tau.to_string()][unit];
                        assert_group(&found, expected, checkpoint, &what);
                    }
                }
            }
        }
    }
}

#[test]
fn distances_by_memorization_step() {
    let fixture = Fixture::load();
    for checkpoint in 0..fixture.steps.len() {
        let ranking = ranking(&fixture, checkpoint);
        for domain in &fixture.domains {
            let expected = fixture.expected["distance_by_t_star"][domain].as_object().unwrap();
            for (step, expected) in expected {
                let samples = fixture.members(domain, |t| fixture.step(t) == step.parse::<u64>().unwrap());
                let found = measure(&ranking.symbols(2, &samples));
                assert_same(
                    found.mean,
                    &expected[checkpoint],
                    &format!("{domain} t* {step} at {checkpoint}"),
                );
            }
        }
    }
}

#[test]
fn distances_by_layer() {
    let fixture = Fixture::load();
    for checkpoint in 0..fixture.steps.len() {
        let ranking = ranking(&fixture, checkpoint);
        for domain in &fixture.domains {
            for group in ["all", "memorized"] {
                let samples = fixture.group(domain, group);
                let expected = array(&fixture.expected["distance_by_layer"][domain][group][checkpoint]);
                assert_eq!(expected.len(), fixture.layers);
                for (layer, expected) in expected.iter().enumerate() {
                    let found = measure(&ranking.layer(2, layer, &samples));
                    assert_same(found.mean, expected, &format!("{domain} {group} layer {layer}"));
                }
            }
        }
    }
}

#[test]
fn distances_between_domains() {
    let fixture = Fixture::load();
    let [first, second] = &fixture.domains[..] else { panic!("two domains") };
    for checkpoint in 0..fixture.steps.len() {
        let ranking = ranking(&fixture, checkpoint);
        for group in ["all", "memorized"] {
            let (a, b) = (fixture.group(first, group), fixture.group(second, group));
            let sequences = ranking.symbols(2, &[a.clone(), b.clone()].concat());
            let grid = pathway::sample_cross_pairs(a.len(), b.len(), u64::MAX, 0);
            let pairs: Vec<(u32, u32)> = grid.iter().map(|&(i, j)| (i, j + a.len() as u32)).collect();
            let distances = levenshtein::pairs(InstructionSet::best(), &sequences, &pairs).unwrap();
            let found = pathway::cross_distance(a.len(), b.len(), &grid, &distances).unwrap();
            let expected = &fixture.expected["distance_cross_domain"]["math|code"][group][checkpoint];
            assert_eq!(found.pairs, expected["pairs"].as_u64().unwrap());
            assert_same(found.mean, &expected["mean"], group);
            assert_same(found.se, &expected["se"], group);
        }
    }
}

#[test]
fn unrelated_pathways_are_as_far_apart_as_expected() {
    let fixture = Fixture::load();
    for checkpoint in 0..fixture.steps.len() {
        let ranking = ranking(&fixture, checkpoint);
        for domain in &fixture.domains {
            let samples = fixture.of_domain(domain);
            let expected = &fixture.expected["null"][domain][checkpoint];
            let [mean, deviation, structure] =
                ["mean", "sd_of_one_replicate", "structure"].map(|name| expected[name].as_f64().unwrap());
            let own = measure(&ranking.symbols(2, &samples)).mean.unwrap();
            let replicates = 10_u32;
            let mut sum = 0.0;
            for seed in 0..replicates {
                let null =
                    measure(&pathway::null_symbols(&ranking, 2, &samples, u64::from(seed))).mean.unwrap();
                assert!((null - mean).abs() < 4.5 * deviation, "{domain} at {checkpoint}: {null} for {mean}");
                sum += null;
            }
            let null = sum / f64::from(replicates);
            // The expected mean is itself the mean of 40 replicates.
            let error = deviation * (1.0 / 10.0_f64 + 1.0 / 40.0).sqrt();
            assert!((null - mean).abs() < 4.0 * error, "{domain} at {checkpoint}: {null} for {mean}");
            let found = pathway::structure(own, null).unwrap();
            assert!((found - structure).abs() < 4.0 * error / mean, "{domain} at {checkpoint}");
        }
    }
}

#[test]
fn distances_of_selection_frequency_pathways() {
    let fixture = Fixture::load();
    for checkpoint in 0..fixture.steps.len() {
        let ranking = selection_ranking(&fixture, checkpoint);
        for domain in &fixture.domains {
            let found = measure(&ranking.symbols(2, &fixture.of_domain(domain)));
            let expected =
                &fixture.expected["selection_frequency"]["distance_0_7_symbol"][domain][checkpoint];
            assert_eq!(found.pairs, expected["pairs"].as_u64().unwrap());
            assert_same(found.mean, &expected["mean"], domain);
            assert_same(found.se, &expected["se_jackknife"], domain);
        }
    }
}
