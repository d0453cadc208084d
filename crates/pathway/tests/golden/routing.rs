//! Entropy, load, saturation and co-activation.

use pathway::{Coactivation, LayerEntropy, LoadCounts, SaturationSum};
use serde_json::Value;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::fixture::{Fixture, array, assert_all_same, assert_same, size};

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

#[test]
fn entropies_of_mean_gates() {
    let fixture = Fixture::load();
    let expected = &fixture.expected["entropy"];
    for checkpoint in 0..fixture.steps.len() {
        for domain in &fixture.domains {
            let mut sum = LayerEntropy::new(fixture.layers);
            for sample in fixture.of_domain(domain) {
                let mut by_layer = Vec::new();
                pathway::entropy_by_layer(fixture.gates(checkpoint, sample), fixture.experts, &mut by_layer);
                sum.push(&by_layer).unwrap();
                let id = &fixture.samples[sample as usize].id;
                assert_same(Some(mean(&by_layer)), &expected["per_sample"][id][checkpoint], id);
            }
            assert_same(sum.mean(), &expected["mean"][domain][checkpoint], domain);
        }
    }
}

#[test]
fn entropies_of_tokens_at_the_last_checkpoint() {
    let fixture = Fixture::load();
    let size = fixture.layers * fixture.experts;
    for domain in &fixture.domains {
        let mut pooled = LayerEntropy::new(fixture.layers);
        let mut of_samples = Vec::new();
        for sample in fixture.of_domain(domain) {
            let sample = &fixture.samples[sample as usize];
            let gates = &fixture.token_gates[sample.first_token * size..][..sample.tokens * size];
            let mut of_tokens = Vec::new();
            for token in gates.chunks_exact(size) {
                let mut by_layer = Vec::new();
                pathway::entropy_by_layer(token, fixture.experts, &mut by_layer);
                pooled.push(&by_layer).unwrap();
                of_tokens.push(mean(&by_layer));
            }
            of_samples.push(mean(&of_tokens));
        }
        let expected = &fixture.expected["entropy"]["mean_token_last"][domain];
        assert_same(pooled.mean(), &expected["pooled_over_tokens"], domain);
        assert_same(Some(mean(&of_samples)), &expected["mean_of_sample_means"], domain);
    }
}

#[test]
fn load_of_the_experts() {
    let fixture = Fixture::load();
    for domain in &fixture.domains {
        let expected = array(&fixture.expected["load"][domain]);
        for (checkpoint, expected) in [0, fixture.last()].into_iter().zip(expected) {
            let mut load = LoadCounts::new(fixture.layers, fixture.experts).unwrap();
            for sample in fixture.of_domain(domain) {
                load.push(fixture.topk(checkpoint, sample), fixture.k).unwrap();
            }
            for (found, expected) in load.layers().iter().zip(array(expected)) {
                assert_eq!(Value::from(found.counts.clone()), expected["counts"]);
                assert_same(found.max_over_mean, &expected["max_over_mean"], domain);
                assert_same(found.cv, &expected["cv_population"], domain);
                assert_eq!(found.never_used, size(&expected["never_used"]));
            }
        }
    }
}

#[test]
fn saturation_of_the_selections() {
    let fixture = Fixture::load();
    for domain in &fixture.domains {
        for checkpoint in 0..fixture.steps.len() {
            let mut sum = SaturationSum::new(fixture.layers, fixture.k, true);
            for sample in fixture.of_domain(domain) {
                sum.push(fixture.topk(checkpoint, sample), fixture.topk(fixture.last(), sample)).unwrap();
            }
            let found = sum.result().unwrap();
            let expected = &fixture.expected["saturation"][domain][checkpoint];
            assert_all_same(&found.k_by_layer, &expected["k_per_layer"], domain);
            assert_all_same(&found.top1_by_layer.unwrap(), &expected["top1_per_layer"], domain);
            assert_same(Some(found.k), &expected["k"], domain);
            assert_same(found.top1, &expected["top1"], domain);
        }
    }
}

#[test]
fn coactivation_at_the_last_checkpoint() {
    let fixture = Fixture::load();
    for domain in &fixture.domains {
        let mut found = Coactivation::new(fixture.layers, fixture.experts).unwrap();
        for sample in fixture.of_domain(domain) {
            found.push(fixture.topk(fixture.last(), sample), fixture.k).unwrap();
        }
        for (layer, expected) in array(&fixture.expected["coactivation_last"][domain]).iter().enumerate() {
            let counts: Vec<&Value> = array(expected).iter().flat_map(array).collect();
            assert_eq!(counts.len(), fixture.experts * fixture.experts);
            for (place, expected) in counts.into_iter().enumerate() {
                let found = found.count(layer, place / fixture.experts, place % fixture.experts);
                assert_eq!(Some(found), expected.as_u64(), "{domain} layer {layer}");
            }
            for first in 0..fixture.experts {
                let selected = expected[first][first].as_f64().unwrap();
                for second in 0..fixture.experts {
                    let both = expected[first][second].as_f64().unwrap();
                    let probability = (selected > 0.0).then(|| both / selected);
                    assert_eq!(found.probability(layer, first, second), probability);
                }
            }
        }
    }
}
