//! Traces of other formats that are written as Grokscope traces are read back unchanged.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::expect_used, reason = "a helper that fails fails its test")]

mod common;

use common::{Handmade, as_trace, open_bytes, open_fixture};
use futures::executor::block_on;
use proptest::prelude::*;
use trace::{
    FileKind, GateDtype, GateKind, OpenTrace, RouterTrace, SampleMeta, TopK, join_layers, write_trace,
};

fn again(trace: &OpenTrace) -> (RouterTrace, RouterTrace) {
    let whole = block_on(trace.read_all()).expect("all of it");
    let written = write_trace(&whole, GateDtype::F32).expect("a file");
    let read = as_trace(open_bytes("again.safetensors", written).expect("a trace"));
    (whole, block_on(read.read_all()).expect("all of it"))
}

#[test]
fn dumps_and_layers_survive() {
    for name in ["hf-batch.safetensors", "hf-batch-bf16.safetensors", "hf-batch-probs.npz"] {
        let trace = as_trace(open_fixture(&format!("traces/{name}")).expect("a trace"));
        let (whole, read) = again(&trace);
        assert_eq!(whole.gates.len(), 6 * 4 * 8);
        assert_eq!(whole, read, "{name}");
    }
    let layers: Vec<_> = (0..4)
        .map(|layer| {
            match open_fixture(&format!("traces/flame-moe/layer_0{layer}.parquet")).expect("a layer").what {
                FileKind::Layer(layer) => layer,
                other => panic!("no layer: {other:?}"),
            }
        })
        .collect();
    let trace = join_layers(&layers.iter().collect::<Vec<_>>(), &[], &mut Vec::new()).expect("a trace");
    let (whole, read) = again(&trace);
    assert_eq!((whole.gate_kind, whole.topk_ordered), (GateKind::SelectionFrequency, true));
    assert_eq!(whole.topk.as_ref().map(|topk| topk.ids.len()), Some(122 * 4 * 2));
    assert_eq!(whole, read);
}

/// A sample whose gates cannot be used is left out, and the others keep their places as names.
#[test]
fn samples_with_unusable_gates_are_left_out() {
    let file = |bad: &[usize]| {
        let gates = (0..5 * 4).map(|at| if bad.contains(&(at / 4)) { f32::NAN } else { 0.5 });
        Handmade::new()
            .f32("gates", &[5, 2, 2], &gates.collect::<Vec<_>>())
            .f32("loss", &[5], &[0.0, 1.0, 2.0, 3.0, 4.0])
            .f32("router_weight", &[2, 2, 1], &[1.0, 2.0, 3.0, 4.0])
    };
    let open = as_trace(open_bytes("step-7.safetensors", file(&[1, 3]).bytes()).expect("a trace"));
    let whole = block_on(open.read_all()).expect("the others");
    let ids: Vec<_> = whole.samples.iter().flatten().map(|sample| sample.id.as_str()).collect();
    assert_eq!((ids, whole.len()), (vec!["0", "2", "4"], 3));
    assert_eq!(whole.loss.as_deref(), Some(&[0.0, 2.0, 4.0][..]));
    assert!(whole.router.is_some() && whole.gates.iter().all(|&gate| gate == 0.5));
    let notices = open.take_notices().join(" ");
    assert!(notices.contains("step-7.safetensors") && notices.contains("samples `1`, `3`"), "{notices}");
    write_trace(&whole, GateDtype::F32).expect("a file");

    let open = as_trace(open_bytes("step-7.safetensors", file(&[0, 1, 3]).bytes()).expect("a trace"));
    let error = block_on(open.read_all()).expect_err("most are bad").to_string();
    for part in ["step-7.safetensors", "sample 0", "NaN", "3 of its 5 samples", "more than half"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    // By ranges, the good ones can still be read.
    assert_eq!(block_on(open.gates(4..5)).expect("a good sample"), [0.5; 4]);
    let (_, bad) = block_on(open.gates_and_bad_samples(1..5)).expect("gates");
    assert_eq!(bad.iter().map(|bad| bad.row).collect::<Vec<_>>(), [1, 3]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn written_traces_are_read_completely(
        tokens in prop::collection::vec(1_u32..5, 1..6),
        labelled: bool,
        step in prop::option::of(0_u64..1000),
    ) {
        let (layers, experts, k) = (2, 4, 2);
        let total: u32 = tokens.iter().sum();
        let mut offsets = vec![0];
        for &count in &tokens {
            offsets.push(offsets.last().copied().unwrap_or(0) + count as usize);
        }
        let ids = (0..total as usize * layers).flat_map(|at| [at % experts, (at + 1) % experts].map(|id| id as u16)).collect();
        let trace = RouterTrace {
            model: None,
            step,
            tokens: None,
            samples: labelled.then(|| (0..tokens.len()).map(|at| SampleMeta { id: format!("s{at}"), domain: "x".to_owned() }).collect()),
            layers,
            experts,
            gate_kind: GateKind::SoftmaxMean,
            gates: [0.5, 0.25, 0.125, 0.125].repeat(tokens.len() * layers),
            loss: Some(tokens.iter().map(|&n| n as f32).collect()),
            n_tokens: Some(tokens),
            router: None,
            topk: Some(TopK { k, layers, ids, offsets }),
            topk_ordered: false,
        };
        let bytes = write_trace(&trace, GateDtype::F32).expect("a file");
        let open = as_trace(open_bytes("a.safetensors", bytes).expect("a trace"));
        prop_assert_eq!(block_on(open.read_all()).expect("all of it"), trace);
    }
}
