//! Written pathways, from gates and from selection counts.

use pathway::Ranking;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::fixture::{Fixture, array, size, text};

pub const TAUS: [f64; 4] = [0.5, 0.6, 0.7, 0.8];

/// Pathways of all samples from their mean gates.
pub fn ranking(fixture: &Fixture, checkpoint: usize) -> Ranking {
    let mut ranking = Ranking::new(fixture.layers, fixture.experts, &TAUS).unwrap();
    for sample in 0..fixture.samples.len() {
        ranking.push_sample(fixture.gates(checkpoint, sample as u32)).unwrap();
    }
    ranking
}

/// Pathways of all samples from their selection counts.
pub fn selection_ranking(fixture: &Fixture, checkpoint: usize) -> Ranking {
    let mut ranking = Ranking::new(fixture.layers, fixture.experts, &TAUS).unwrap();
    for (sample, info) in (0_u32..).zip(&fixture.samples) {
        let mut counts = vec![0; fixture.layers * fixture.experts];
        for (row, ids) in fixture.topk(checkpoint, sample).chunks_exact(fixture.k).enumerate() {
            for &id in ids {
                counts[row % fixture.layers * fixture.experts + usize::from(id)] += 1;
            }
        }
        ranking.push_counts(&counts, fixture.k, u32::try_from(info.tokens).unwrap()).unwrap();
    }
    ranking
}

#[test]
fn written_pathways_and_their_lengths() {
    let fixture = Fixture::load();
    let rankings: Vec<Ranking> = (0..fixture.steps.len()).map(|c| ranking(&fixture, c)).collect();
    let expected = array(&fixture.expected["pathways"]);
    assert_eq!(expected.len(), 168);
    for row in expected {
        let checkpoint = fixture.steps.iter().position(|&step| Some(step) == row["step"].as_u64()).unwrap();
        let sample = fixture.samples.iter().position(|sample| row["sample"] == sample.id).unwrap();
        let ranking = &rankings[checkpoint];
        let tau = ranking.tau_index(row["tau"].as_f64().unwrap()).unwrap();
        assert_eq!(ranking.written(sample, tau), text(&row["written"]), "{row}");
        let samples = [sample as u32];
        assert_eq!(ranking.symbols(tau, &samples).get(0).len(), size(&row["symbols"]), "{row}");
        assert_eq!(ranking.characters(tau, &samples).get(0).len(), size(&row["characters"]), "{row}");
    }
}

#[test]
fn pathways_of_selection_counts_are_exact() {
    let fixture = Fixture::load();
    let rankings: Vec<Ranking> = (0..fixture.steps.len()).map(|c| selection_ranking(&fixture, c)).collect();
    for row in array(&fixture.expected["selection_frequency"]["pathways_0_7"]) {
        let checkpoint = fixture.steps.iter().position(|&step| Some(step) == row["step"].as_u64()).unwrap();
        let sample = fixture.samples.iter().position(|sample| row["sample"] == sample.id).unwrap();
        assert_eq!(rankings[checkpoint].written(sample, 2), text(&row["written"]), "{row}");
    }
}

/// Floating-point shares of the same counts end some rows elsewhere, so the comparison must be in
/// integers.
#[test]
fn shares_in_floating_point_differ_in_some_rows() {
    let fixture = Fixture::load();
    let mut differing = 0;
    let mut rows = 0;
    for checkpoint in 0..fixture.steps.len() {
        let exact = selection_ranking(&fixture, checkpoint);
        for (sample, info) in fixture.samples.iter().enumerate() {
            for layer in 0..fixture.layers {
                let total = (fixture.k * info.tokens) as f64;
                let ids = fixture.topk(checkpoint, sample as u32).chunks_exact(fixture.k);
                let mut counts = vec![0.0; fixture.experts];
                for ids in ids.skip(layer).step_by(fixture.layers) {
                    for &id in ids {
                        counts[usize::from(id)] += 1.0;
                    }
                }
                counts.sort_unstable_by(|a, b| f64::total_cmp(b, a));
                let mut sum = 0.0;
                let reached = counts.iter().position(|count| {
                    sum += count / total;
                    sum > 0.7
                });
                let len = reached.map_or(fixture.experts, |place| place + 1);
                differing += usize::from(len != exact.prefix_len(sample, layer, 2));
                rows += 1;
            }
        }
    }
    let expected = &fixture.expected["selection_frequency"];
    assert_eq!(rows, size(&expected["rows"]));
    assert_eq!(differing, size(&expected["rows_where_f64_sums_differ_from_exact"]));
}

#[test]
fn number_types_change_as_many_layers_as_expected() {
    let fixture = Fixture::load();
    let expected = &fixture.expected["pathway_number_types"];
    let (mut rows, mut narrow, mut tied) = (0, 0, 0);
    for checkpoint in 0..fixture.steps.len() {
        let ranking = ranking(&fixture, checkpoint);
        for sample in 0..fixture.samples.len() {
            for (layer, gates) in
                fixture.gates(checkpoint, sample as u32).chunks_exact(fixture.experts).enumerate()
            {
                let mut sorted = gates.to_vec();
                sorted.sort_unstable_by(|a, b| f32::total_cmp(b, a));
                tied += usize::from(sorted.windows(2).any(|pair| pair[0].to_bits() == pair[1].to_bits()));
                for (index, tau) in TAUS.iter().enumerate() {
                    let mut sum = 0.0_f32;
                    let len = sorted.iter().position(|gate| {
                        sum += gate;
                        f64::from(sum) > *tau
                    });
                    let len = len.map_or(fixture.experts, |place| place + 1);
                    narrow += usize::from(len != ranking.prefix_len(sample, layer, index));
                    rows += 1;
                }
            }
        }
    }
    assert_eq!(rows, size(&expected["rows"]));
    assert_eq!(narrow, size(&expected["changed_by_f32_running_sum"]));
    assert_eq!(tied, size(&expected["rows_with_exactly_tied_gates"]));
}
