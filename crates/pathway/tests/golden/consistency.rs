//! Consistency of pathways between layers.

use pathway::{RouterGram, SampleConsistency};
use serde_json::Value;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::fixture::{Fixture, array, assert_same};

/// All samples' consistency at a checkpoint.
pub fn of_samples(fixture: &Fixture, checkpoint: usize) -> Vec<SampleConsistency> {
    let weights = &fixture.checkpoints[checkpoint].router_weight;
    let gram = RouterGram::from_weights(fixture.layers, fixture.experts, fixture.width, weights).unwrap();
    let samples = 0..fixture.samples.len() as u32;
    samples
        .map(|sample| pathway::sample_consistency(fixture.gates(checkpoint, sample), &gram).unwrap())
        .collect()
}

#[test]
fn consistency_of_samples_and_groups() {
    let fixture = Fixture::load();
    let expected = &fixture.expected["consistency"];
    for checkpoint in 0..fixture.steps.len() {
        let found = of_samples(&fixture, checkpoint);
        for (sample, found) in fixture.samples.iter().zip(&found) {
            assert_same(found.c, &expected["C_i"][&sample.id][checkpoint], &sample.id);
            if checkpoint == fixture.last() {
                let cosines = array(&expected["cosines_last"][&sample.id]);
                assert_eq!(cosines.len(), found.cosines.len());
                for (&found, expected) in found.cosines.iter().zip(cosines) {
                    assert_same(found, expected, &sample.id);
                }
                let mean = cosines.iter().map(|cosine| cosine.as_f64().unwrap()).sum::<f64>() / 3.0;
                assert_same(found.smoothness, &Value::from(mean), &sample.id);
            }
        }
        for domain in &fixture.domains {
            for group in ["all", "memorized"] {
                let samples = fixture.group(domain, group);
                let summary =
                    pathway::summarise_consistency(samples.iter().map(|&sample| &found[sample as usize]));
                assert_same(summary.mean_c, &expected["mean_C"][domain][group][checkpoint], domain);
                if group == "all" {
                    let undefined = (summary.samples - summary.defined) as u64;
                    assert_eq!(undefined, expected["undefined"][domain][checkpoint].as_u64().unwrap());
                }
                let [mean, c] = [summary.mean, summary.mean_c].map(Option::unwrap);
                assert!((mean + c - 1.0).abs() < 1e-12);
                let [lower, median, upper] =
                    [summary.lower, summary.median, summary.upper].map(Option::unwrap);
                assert!(lower <= median && median <= upper);
            }
        }
    }
}
