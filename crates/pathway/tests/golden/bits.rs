//! The same input gives the same bits on every machine: one fingerprint per kind of real number.

use pathway::{Spectrum, UnitSum};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::consistency::of_samples;
use crate::distance::measure;
use crate::fixture::Fixture;
use crate::pathways::ranking;

/// Fingerprints must never change: a change here changes figures of existing reports.
const FINGERPRINTS: [(&str, u64); 7] = [
    ("consistency", 0x1a03_8ea8_3072_bf76),
    ("effective dimension", 0x12b7_63bb_59da_1ad1),
    ("entropy", 0xe0ab_2945_f3ba_359a),
    ("distance", 0xb329_0cf7_f31e_79bd),
    ("cosines", 0x9d88_5843_9888_c58a),
    ("correlation", 0xffb5_1bce_2afc_433f),
    ("t quantiles", 0x6235_4527_b1d9_623e),
];

/// FNV-1a over the bits of the numbers.
fn fingerprint(numbers: impl IntoIterator<Item = f64>) -> u64 {
    let add = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let bytes = numbers.into_iter().flat_map(|number| number.to_bits().to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, add)
}

#[test]
fn all_machines_find_the_same_bits() {
    let fixture = Fixture::load();
    let last = fixture.last();
    let all: Vec<u32> = (0..fixture.samples.len() as u32).collect();

    let mut spectrum = Spectrum::new(fixture.layers, fixture.experts).unwrap();
    let mut entropies = Vec::new();
    for &sample in &all {
        let gates = fixture.gates(last, sample);
        spectrum.push_sample(gates).unwrap();
        let mut by_layer = Vec::new();
        pathway::entropy_by_layer(gates, fixture.experts, &mut by_layer);
        entropies.push(by_layer);
    }
    let entropy = pathway::mean_entropy_by_layer(fixture.layers, entropies.iter().map(Vec::as_slice));
    let ranking = ranking(&fixture, last);
    let distance = measure(&ranking.symbols(2, &all));
    let pairs = pathway::sample_pairs(all.len(), 500, 1);
    let symbols = ranking.symbols(2, &all);
    let distances = levenshtein::pairs(levenshtein::InstructionSet::best(), &symbols, &pairs).unwrap();
    let lengths = pathway::lengths(&symbols);
    let sampled = pathway::group_distance(all.len(), &pairs, &distances, &lengths).unwrap();
    let sums = fixture.domains.iter().map(|domain| {
        let members = fixture.of_domain(domain);
        UnitSum::of(members.iter().map(|&sample| fixture.gates(last, sample))).unwrap()
    });
    let sums: Vec<UnitSum> = sums.collect();
    let course: Vec<Option<f64>> =
        (0..12).map(|checkpoint| Some(libm::sin(f64::from(checkpoint) * 1.7))).collect();
    let accuracy: Vec<Option<f64>> =
        (0..12).map(|checkpoint| Some(1.0 - libm::exp(f64::from(checkpoint) * -0.2))).collect();
    let correlation = &pathway::correlate_all(&[&course], &accuracy, 10_000, 1)[0];

    let found = [
        (
            "consistency",
            fingerprint(
                of_samples(&fixture, last).iter().flat_map(|found| [found.c, found.smoothness]).flatten(),
            ),
        ),
        ("effective dimension", fingerprint(spectrum.d_eff(0.01).d_eff.into_iter().flatten())),
        ("entropy", fingerprint(entropy.into_iter().flatten())),
        (
            "distance",
            fingerprint(
                [distance, sampled]
                    .iter()
                    .flat_map(|found| [found.mean, found.se, found.ci, found.normalised, found.normalised_se])
                    .flatten(),
            ),
        ),
        ("cosines", fingerprint(pathway::score_matrix(&sums, &sums).concat())),
        (
            "correlation",
            fingerprint(
                [correlation.pearson, correlation.pearson_p, correlation.spearman, correlation.spearman_p]
                    .into_iter()
                    .flatten(),
            ),
        ),
        ("t quantiles", fingerprint((1..400).filter_map(pathway::t_quantile_95))),
    ];
    assert_eq!(found, FINGERPRINTS);
}
