//! FLAME-MoE's layers are read as they were written.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::expect_used, reason = "a helper that fails fails its test")]

mod common;
mod packed;

use std::rc::Rc;

use common::{fixture, json_fixture, open_bytes, open_fixture};
use futures::executor::block_on;
use packed::{Form, Layer, PLAIN};
use proptest::prelude::*;
use trace::{Counted, FileKind, GateKind, SampleRecord, TraceLayer, join_layers};

fn fixture_layers() -> Vec<TraceLayer> {
    (0..4)
        .map(|layer| {
            match open_fixture(&format!("traces/flame-moe/layer_0{layer}.parquet")).expect("a layer").what {
                FileKind::Layer(layer) => layer,
                other => panic!("no layer: {other:?}"),
            }
        })
        .collect()
}

fn record(at: usize, tokens: usize) -> SampleRecord {
    SampleRecord {
        id: format!("s{at}"),
        domain: "x".to_owned(),
        tokens: Some(tokens as u32),
        embedding: None,
        token_ids: None,
    }
}

#[test]
fn four_layers_are_the_trace_that_was_recorded() {
    let golden = json_fixture("traces/expected.json");
    let offsets: Vec<usize> = serde_json::from_value(
        golden["files"]["flame-moe/layer_NN.parquet"]["row_offsets_per_sample"].clone(),
    )
    .expect("offsets");
    let records: Vec<SampleRecord> =
        offsets.windows(2).enumerate().map(|(at, span)| record(at, span[1] - span[0])).collect();
    let layers = fixture_layers();
    assert!(layers.iter().all(|layer| (layer.tokens, layer.k, layer.ordered) == (122, 2, true)));
    let mut warnings = Vec::new();
    let trace =
        join_layers(&layers.iter().rev().collect::<Vec<_>>(), &records, &mut warnings).expect("a trace");
    let [warning] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert!(warning.contains("8 are assumed"), "{warning}");
    assert_eq!(trace.info.gate_kind, GateKind::SelectionFrequency);
    assert_eq!((trace.info.samples.len(), trace.info.layers, trace.info.experts), (6, 4, 8));
    assert!(trace.info.topk_ordered);
    let counts = block_on(trace.counts(0..6)).expect("counts").expect("exact ones");
    let frequencies = block_on(trace.gates(0..6)).expect("frequencies");
    let mut differing = 0;
    for (at, record) in records.iter().enumerate() {
        let golden = &golden["selection_counts"][&record.id];
        let of_sample: Vec<Vec<u32>> = serde_json::from_value(golden["counts"].clone()).expect("counts");
        let tokens = golden["tokens"].as_u64().expect("tokens");
        assert_eq!(Some(tokens), record.tokens.map(u64::from));
        assert_eq!(counts.of(at).values, of_sample.concat(), "sample {at}");
        for (&count, &frequency) in of_sample.concat().iter().zip(&frequencies[at * 32..(at + 1) * 32]) {
            let exact = f64::from(count) / (2 * tokens) as f64;
            differing += usize::from((exact as f32).to_bits() != frequency.to_bits());
        }
    }
    assert_eq!(differing, 0);
}

#[test]
fn without_a_list_samples_are_sequences() {
    let layers = fixture_layers();
    let mut warnings = Vec::new();
    let trace =
        join_layers(&layers.iter().collect::<Vec<_>>(), &[record(0, 5)], &mut warnings).expect("a trace");
    assert_eq!(trace.info.n_tokens.as_deref(), Some(&[122][..]));
    assert!(!trace.info.labelled);
    let [warning, _] = warnings.as_slice() else { panic!("{warnings:?}") };
    assert!(warning.contains("every 2048 rows") && warning.contains("sum to 122"), "{warning}");
}

#[test]
fn only_the_footer_of_a_file_with_other_columns_is_read() {
    let mut layer = Layer::new(vec![vec![1, 0]; 5000], vec![vec![0.5, 0.25]; 5000]);
    layer.names = ["text", "label"];
    let read = Rc::new(std::cell::Cell::new(0));
    let bytes = layer.parquet(PLAIN);
    let len = bytes.len() as u64;
    let source = Counted::new(trace::MemorySource::new("a_1.parquet", bytes), Rc::clone(&read));
    assert!(matches!(
        block_on(trace::open(Rc::new(source))).expect("opened").what,
        FileKind::Unrelated { .. }
    ));
    assert!(read.get() < 6000 && len > 100_000, "{} of {len} bytes", read.get());
}

#[test]
fn the_step_is_in_the_name_of_the_folder() {
    let bytes = std::fs::read(fixture("traces/flame-moe/layer_02.parquet")).expect("the fixture");
    let step = |name: &str| match open_bytes(name, bytes.clone()).expect("a layer").what {
        FileKind::Layer(layer) => (layer.folder, layer.layer, layer.step),
        other => panic!("no layer: {other:?}"),
    };
    assert_eq!(step("flame/2640/layer_02.parquet"), ("flame/2640".to_owned(), 2, Some(2640)));
    assert_eq!(step("step-7/02.parquet"), ("step-7".to_owned(), 2, Some(7)));
    assert_eq!(step("run/02.parquet").2, None);
}

/// Rows of `k` distinct experts with descending scores.
fn rows() -> impl Strategy<Value = Layer> {
    (1_usize..5).prop_flat_map(|k| {
        let row = prop::sample::subsequence((0..40).collect::<Vec<i64>>(), k).prop_shuffle();
        let score = prop::collection::vec(0.0_f32..0.2, k);
        prop::collection::vec((row, score), 1..80).prop_map(|rows| {
            let (indices, scores) = rows.into_iter().unzip();
            Layer::new(indices, scores)
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn written_layers_are_read_back(layer in rows(), codec in 0_usize..4, second: bool, dictionary: bool, rows in 1_usize..100) {
        let form = Form { codec: [0, 1, 2, 6][codec], second, dictionary, rows };
        let opened = open_bytes("5/layer_3.parquet", layer.parquet(form)).expect("a layer");
        let FileKind::Layer(read) = opened.what else { panic!("no layer") };
        let falls = layer.scores.iter().all(|row| row.is_sorted_by(|a, b| a >= b));
        prop_assert_eq!((read.tokens, read.k, read.ordered), (layer.indices.len(), layer.indices[0].len(), falls));
        let trace = join_layers(&[&read], &[record(0, read.tokens)], &mut Vec::new()).expect("a trace");
        let topk = block_on(trace.topk(0..1)).expect("selections").expect("some");
        let ids: Vec<i64> = topk.ids.iter().map(|&id| i64::from(id)).collect();
        prop_assert_eq!(ids, layer.indices.concat());
    }

    #[test]
    fn mutated_layers_never_panic(
        seed in 0_usize..6,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        near_end: bool,
    ) {
        let mut bytes = match seed.checked_sub(4) {
            None => std::fs::read(fixture(&format!("traces/flame-moe/layer_0{seed}.parquet"))).expect("fixture"),
            Some(form) => {
                let layer = Layer::new(vec![vec![3, 1]; 30], vec![vec![0.5, 0.25]; 30]);
                layer.parquet(Form { codec: 1, second: form == 1, dictionary: true, rows: 7 })
            }
        };
        for (at, value) in changes {
            let reach = if near_end { bytes.len().min(700) } else { bytes.len() };
            let at = bytes.len() - 1 - at.index(reach);
            bytes[at] = value;
        }
        if let Ok(opened) = open_bytes("5/layer_3.parquet", bytes)
            && let FileKind::Layer(layer) = opened.what
        {
            drop(join_layers(&[&layer], &[], &mut Vec::new()));
        }
    }
}
