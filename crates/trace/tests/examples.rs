//! The output of the scripts in `examples` opens as the data they were run on. Their own tests
//! compare their output with the same files.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::expect_used, reason = "a helper that fails fails its test")]

mod common;

use common::{as_trace, open_fixture, tensor};
use futures::executor::block_on;
use trace::{GateKind, OpenTrace};

/// Checks that the ids are those of the recorded responses, and that the client's additions are
/// read.
#[track_caller]
fn is_as_recorded(client: &str, answers: &str, domain: &str, losses: &[f32]) {
    let open = |file: String| open_fixture(&file).unwrap_or_else(|error| panic!("{error}"));
    let made = open(format!("traces/clients/{client}"));
    let warnings = &made.warnings;
    assert!(!warnings.iter().any(|text| text.contains("--experts")), "{client}: {warnings:?}");
    let (made, recorded) = (as_trace(made), as_trace(open(format!("traces/{answers}"))));
    let (info, known) = (&made.info, &recorded.info);
    assert_eq!((info.layers, info.experts, info.top_k), (known.layers, known.experts, known.top_k));
    assert_eq!((info.format, info.gate_kind), (known.format, GateKind::SelectionFrequency));
    assert_eq!((info.step, info.n_tokens.as_deref()), (Some(5000), known.n_tokens.as_deref()));
    assert_eq!(info.loss.as_deref(), Some(losses));
    for (at, sample) in info.samples.iter().enumerate() {
        assert_eq!((sample.id.as_str(), sample.domain.as_str()), (format!("sample {at}").as_str(), domain));
    }
    let all = 0..known.samples.len();
    let ids =
        |trace: &OpenTrace| block_on(trace.topk(all.clone())).expect("ids").expect("there are some").ids;
    assert_eq!(ids(&made), ids(&recorded));
    let gates = |trace: &OpenTrace| block_on(trace.gates(all.clone())).expect("gates");
    assert_eq!(gates(&made), gates(&recorded));
}

#[test]
fn responses_written_by_clients_open() {
    is_as_recorded(
        "vllm.jsonl",
        "vllm-lists.jsonl",
        "math",
        &[0.430_555_55, 0.467_105_26, 0.480_769_23, 0.467_105_26],
    );
    is_as_recorded(
        "sglang.jsonl",
        "sglang-generate.jsonl",
        "code",
        &[0.430_555_55, 0.480_769_23, 0.467_105_26],
    );
}

#[test]
fn the_trace_written_by_hooks_opens() {
    let opened = open_fixture("traces/clients/hooks.safetensors").expect("a trace");
    let [warning] = opened.warnings.as_slice() else { panic!("{:?}", opened.warnings) };
    assert!(warning.contains("the loss of 1 of 6 samples is not a finite number"), "{warning}");
    let trace = as_trace(opened);
    let info = &trace.info;
    assert_eq!((info.layers, info.experts, info.top_k, info.step), (4, 8, Some(2), Some(5000)));
    assert_eq!((info.gate_kind, info.has_router), (GateKind::SoftmaxMean, true));
    assert_eq!(info.n_tokens.as_deref(), Some(&[1, 2, 5, 17, 33, 64][..]));
    let close = |ours: &[f32], known: &[f32], tolerance: f32| {
        assert_eq!(ours.len(), known.len());
        for (a, b) in ours.iter().zip(known) {
            assert!((a - b).abs() <= tolerance || (a.is_nan() && b.is_nan()), "{a} for {b}");
        }
    };
    let known = |name: &str| tensor("olmoe/base-bf16/expected.safetensors", name);
    close(&block_on(trace.gates(0..6)).expect("gates"), &known("mean_gates"), 2e-6);
    close(info.loss.as_deref().expect("losses"), &known("nll"), 2e-5);
}
