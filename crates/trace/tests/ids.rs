//! Text traces of ids: every fixture gives its known ids, counts and frequencies.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::expect_used, reason = "a helper that fails fails its test")]

mod common;

use std::rc::Rc;

use common::{as_trace, fixture, json_fixture, open_bytes, open_fixture};
use futures::executor::block_on;
use serde_json::Value;
use trace::{FileKind, FileSource, GateKind, IdsSettings, MemorySource, OpenTrace, Source, StepSource};

const LAYERS: usize = 4;
const EXPERTS: usize = 8;
const K: usize = 2;

/// Recorded ids of one record, in token order.
fn recorded(record: &Value) -> Vec<u16> {
    let tokens = record["ids"].as_array().expect("ids").iter().filter(|token| !token.is_null());
    let id = |id: &Value| u16::try_from(id.as_u64().expect("an id")).expect("small");
    let layer = |layer: &Value| layer.as_array().expect("layers").iter().map(id).collect::<Vec<_>>();
    tokens
        .flat_map(|token| token.as_array().expect("a token").iter().flat_map(layer).collect::<Vec<_>>())
        .collect()
}

/// Counts by code that is independent of the crate.
fn counted(ids: &[u16]) -> Vec<u32> {
    let mut counts = vec![0; LAYERS * EXPERTS];
    for (i, &id) in ids.iter().enumerate() {
        counts[i / K % LAYERS * EXPERTS + usize::from(id)] += 1;
    }
    counts
}

fn check(file: &str, trace: &OpenTrace) {
    let expected = &json_fixture("traces/expected.json")["files"][file]["records"];
    let expected = expected.as_array().unwrap_or_else(|| panic!("{file}: no records"));
    let known: Vec<Vec<u16>> = expected.iter().map(recorded).collect();
    let info = &trace.info;
    let count = known.len();
    assert_eq!(
        (info.layers, info.experts, info.top_k, info.samples.len()),
        (LAYERS, EXPERTS, Some(K), count),
        "{file}"
    );
    assert!(info.has_topk, "{file}");
    let tokens: Vec<u32> = known.iter().map(|ids| (ids.len() / LAYERS / K) as u32).collect();
    assert_eq!(info.n_tokens.as_deref(), Some(&tokens[..]), "{file}");
    let topk = block_on(trace.topk(0..count)).expect("ids").expect("there are some");
    assert_eq!(topk.ids, known.concat(), "{file}");
    assert_eq!(topk.offsets.len(), count + 1);
    for (i, ids) in known.iter().enumerate() {
        let part = block_on(trace.topk(i..i + 1)).expect("ids").expect("there are some");
        assert_eq!(
            (part.ids.as_slice(), part.offsets[1]),
            (ids.as_slice(), tokens[i] as usize),
            "{file}, record {i}"
        );
    }
    if info.gate_kind == GateKind::SelectionFrequency {
        let counts = block_on(trace.counts(0..count)).expect("counts").expect("they are exact");
        assert_eq!(counts.tokens, tokens, "{file}");
        let gates = block_on(trace.gates(0..count)).expect("gates");
        for (i, ids) in known.iter().enumerate() {
            assert_eq!(counts.of(i).values, counted(ids), "{file}, record {i}");
            let total = f64::from(tokens[i]) * K as f64;
            let frequencies = counted(ids).iter().map(|&n| (f64::from(n) / total) as f32).collect::<Vec<_>>();
            assert_eq!(gates[i * 32..][..32], frequencies, "{file}, record {i}");
        }
        // A range equals that part of the whole.
        let part = block_on(trace.gates(count - 1..count)).expect("gates");
        assert_eq!(part, gates[(count - 1) * 32..]);
    }
}

fn opened(file: &str) -> (OpenTrace, Vec<String>) {
    let opened = open_fixture(&format!("traces/{file}")).unwrap_or_else(|error| panic!("{error}"));
    let warnings = opened.warnings.clone();
    (as_trace(opened), warnings)
}

#[test]
fn every_file_has_the_known_ids_and_counts() {
    for (file, format) in [
        ("vllm-lists.jsonl", "vLLM routed experts"),
        ("vllm-offline.jsonl", "vLLM routed experts"),
        ("vllm-npy.jsonl", "vLLM routed experts"),
        ("vllm-encoded.jsonl", "vLLM routed experts"),
        ("sglang-generate.jsonl", "SGLang routed experts"),
        ("sglang-openai.jsonl", "SGLang routed experts"),
        ("olmoe-c4_results_1000.jsonl", "OLMoE expert ids"),
        ("megatron/router_trace_rank0.jsonl", "Megatron router trace"),
    ] {
        let (trace, warnings) = opened(file);
        assert_eq!(
            (trace.info.format, trace.info.gate_kind),
            (format, GateKind::SelectionFrequency),
            "{file}"
        );
        assert!(warnings.iter().all(|text| text.contains(file)), "{file}: {warnings:?}");
        // Only Megatron's records state the number of experts, in the shape of the logits.
        let guessed = !file.contains("megatron");
        assert_eq!(trace.experts_are_guessed(), guessed, "{file}");
        assert_eq!(warnings.iter().any(|text| text.contains("`--experts`")), guessed, "{file}: {warnings:?}");
        check(file, &trace);
    }
}

#[test]
fn counts_of_whole_samples_are_the_known_ones() {
    let known = &json_fixture("traces/expected.json")["selection_counts"];
    let list = |value: &Value| -> Vec<u32> {
        let rows = value.as_array().expect("layers").iter().flat_map(|row| row.as_array().expect("experts"));
        rows.map(|n| n.as_u64().expect("a count") as u32).collect()
    };
    let (trace, _) = opened("olmoe-c4_results_1000.jsonl");
    let counts = block_on(trace.counts(0..4)).expect("counts").expect("exact");
    let mut compared = 0;
    let records =
        json_fixture("traces/expected.json")["files"]["olmoe-c4_results_1000.jsonl"]["records"].clone();
    for (i, record) in records.as_array().expect("records").iter().enumerate() {
        let sample = record["sample"].as_str().expect("a name");
        assert_eq!(counts.of(i).values, list(&known[sample]["counts"]), "{sample}");
        assert_eq!(u64::from(counts.of(i).tokens), known[sample]["tokens"].as_u64().expect("tokens"));
        compared += 1;
    }
    assert_eq!(compared, 4);
}

#[test]
fn steps_models_and_names_of_samples() {
    let (olmoe, _) = opened("olmoe-c4_results_1000.jsonl");
    assert_eq!((olmoe.info.step, olmoe.info.step_from), (Some(1000), StepSource::FileName));
    // The order of responses varies, so prompts are identified by their tokens.
    let (lists, _) = opened("vllm-lists.jsonl");
    let (npy, _) = opened("vllm-npy.jsonl");
    assert_eq!(lists.info.model.as_deref(), Some("base-bf16"));
    assert!(lists.info.samples[0].id.starts_with("prompt ") && !lists.info.labelled);
    assert_eq!(lists.info.samples[0], npy.info.samples[0]);
    assert_ne!(lists.info.samples[0], lists.info.samples[1]);
    // The sample's own id takes precedence.
    let (sglang, _) = opened("sglang-generate.jsonl");
    let ids: Vec<&str> = sglang.info.samples.iter().map(|sample| sample.id.as_str()).collect();
    assert_eq!((ids, sglang.info.labelled), (vec!["s3", "s5", "s4"], true));
    let stated = r#"{"sample_id": 7, "domain": "math", "step": 12, "model": "x", "num_experts": 64, "loss": 1.5, "routed_experts": [[[1, 0]]]}"#;
    let stated = as_trace(open_bytes("a.jsonl", stated).expect("a trace"));
    assert_eq!((stated.info.step, stated.info.step_from), (Some(12), StepSource::Metadata));
    assert_eq!((stated.info.experts, stated.experts_are_guessed()), (64, false));
    assert_eq!((stated.info.samples[0].id.as_str(), stated.info.samples[0].domain.as_str()), ("7", "math"));
    assert_eq!(stated.info.loss, Some(vec![1.5]));
    // Servers name a model by its path.
    let path = r#"{"model": "/runs/step5000-tokens20B", "routed_experts": [[[1, 0]]]}"#;
    let path = as_trace(open_bytes("answers.jsonl", path).expect("a trace"));
    assert_eq!((path.info.step, path.info.tokens), (Some(5000), Some(20_000_000_000)));
}

#[test]
fn given_values_take_precedence() {
    let open = |settings| {
        let source = FileSource::open(fixture("traces/sglang-generate.jsonl")).expect("the fixture");
        block_on(trace::open_with(Rc::new(source), settings))
    };
    let trace =
        as_trace(open(IdsSettings { experts: Some(60), top_k: Some(2), layers: None }).expect("a trace"));
    assert_eq!((trace.info.experts, trace.info.layers), (60, 4));
    let gates = block_on(trace.gates(0..1)).expect("gates");
    assert_eq!(gates.len(), 240);
    let error = open(IdsSettings { experts: Some(7), ..IdsSettings::default() })
        .expect_err("id 7 occurs")
        .to_string();
    assert!(error.contains("expert 7; expected ids from 0 to 6"), "{error}");
}

#[test]
fn logits_beside_the_ids_make_mean_gates() {
    let (mut trace, _) = opened("megatron/router_trace_rank0.jsonl");
    let logits = open_fixture("traces/megatron/logits_rank0.bin").expect("logits");
    let FileKind::Logits(logits) = logits.what else { panic!("not logits") };
    assert!(trace.takes_logits(logits.source.name()) && !trace.takes_logits("elsewhere/logits_rank0.bin"));
    assert!(!opened("vllm-lists.jsonl").0.takes_logits(logits.source.name()));
    trace.set_logits(&logits.source).expect("they fit");
    assert_eq!((trace.info.gate_kind, trace.info.half_precision), (GateKind::SoftmaxMean, true));
    // Ids remain the recorded ones, which step 0 has sorted by id.
    check("megatron/router_trace_rank0.jsonl", &trace);
    let gates = block_on(trace.gates(0..2)).expect("gates");
    for (step, tokens) in [(0, 33), (1, 64)] {
        for layer in 0..LAYERS {
            let logits = common::tensor(
                "traces/expected.safetensors",
                &format!("megatron.step{step}.layer{layer}.logits"),
            );
            let mut sums = [0.0_f64; EXPERTS];
            for row in logits.chunks_exact(EXPERTS) {
                let exps: Vec<f64> = row.iter().map(|&z| libm::exp(f64::from(z))).collect();
                let total: f64 = exps.iter().sum();
                for (sum, exp) in sums.iter_mut().zip(&exps) {
                    *sum += exp / total / f64::from(tokens);
                }
            }
            let ours = &gates[(step * LAYERS + layer) * EXPERTS..][..EXPERTS];
            for (ours, sum) in ours.iter().zip(sums) {
                assert!(
                    (f64::from(*ours) - sum).abs() < 2e-6,
                    "step {step}, layer {layer}: {ours} for {sum}"
                );
            }
        }
    }
}

/// One logit that is not finite costs its sample, not the file.
#[test]
fn a_logit_of_a_token_that_is_not_finite_costs_its_sample() {
    let (mut trace, _) = opened("megatron/router_trace_rank0.jsonl");
    let mut bytes = std::fs::read(fixture("traces/megatron/logits_rank0.bin")).expect("the fixture");
    let source =
        |bytes: &[u8]| Rc::new(MemorySource::new("megatron/logits_rank0.bin", bytes.to_vec())) as Source;
    trace.set_logits(&source(&bytes)).expect("they fit");
    let sound = block_on(trace.gates(0..2)).expect("gates");
    let last = bytes.len() - 2;
    bytes[last..].copy_from_slice(&0x7f80_u16.to_le_bytes());
    let (mut trace, _) = opened("megatron/router_trace_rank0.jsonl");
    trace.set_logits(&source(&bytes)).expect("they fit");
    let (gates, bad) = block_on(trace.gates_and_bad_samples(0..2)).expect("gates");
    assert_eq!((bad.len(), bad[0].row, &bad[0].id), (1, 1, &trace.info.samples[1].id));
    let fault = bad[0].fault.to_string();
    for part in ["logits_rank0.bin", "sample 1, layer", "by line", "is not a finite number"] {
        assert!(fault.contains(part), "{part}: {fault}");
    }
    assert_eq!(gates[..LAYERS * EXPERTS], sound[..LAYERS * EXPERTS]);
    assert!(block_on(trace.gates(0..2)).is_err());
    assert_eq!(block_on(trace.gates(0..1)).expect("gates"), sound[..LAYERS * EXPERTS]);
}

#[test]
fn tables_of_ids() {
    // The ids of a file of lists, as a table.
    let (lists, _) = opened("olmoe-c4_results_1000.jsonl");
    let topk = block_on(lists.topk(0..4)).expect("ids").expect("some");
    let mut text = "sample,token,layer,expert,weight\r\n".to_owned();
    for (sample, span) in topk.offsets.windows(2).enumerate() {
        for token in span[0]..span[1] {
            for (i, id) in topk.ids[token * 8..][..8].iter().enumerate() {
                text += &format!("\"s,{sample}\",{},{},{id},0.5\r\n", token - span[0], i / K);
            }
        }
    }
    let opened = open_bytes("step-3.csv", text).expect("a table");
    assert!(
        opened.warnings.iter().any(|text| text.contains("weights of only the selected experts")),
        "{:?}",
        opened.warnings
    );
    let table = as_trace(opened);
    assert_eq!(
        (table.info.step, table.info.top_k, table.info.samples[1].id.as_str()),
        (Some(3), Some(2), "s,1")
    );
    assert_eq!(table.info.n_tokens, lists.info.n_tokens);
    assert_eq!(block_on(table.counts(0..4)).expect("counts"), block_on(lists.counts(0..4)).expect("counts"));
    assert_eq!(block_on(table.gates(1..3)).expect("gates"), block_on(lists.gates(1..3)).expect("gates"));

    let llama =
        as_trace(open_bytes("step-4.csv", "layer,expert\n0,3\n0,1\n1,2\n0,3\n1,0\n0,3\n").expect("a table"));
    assert_eq!(
        (llama.info.layers, llama.info.experts, llama.info.top_k, llama.info.n_tokens.clone()),
        (2, 4, None, None)
    );
    assert_eq!(block_on(llama.gates(0..1)).expect("gates"), [0.0, 0.25, 0.0, 0.75, 0.5, 0.0, 0.5, 0.0]);
    // The layers saw different numbers of tokens, so there are no counts.
    assert_eq!(block_on(llama.counts(0..1)).expect("no error"), None);
}

#[test]
fn several_files_of_one_checkpoint_are_one_trace() {
    let (lists, npy) = (opened("vllm-lists.jsonl").0, opened("vllm-npy.jsonl").0);
    let whole = OpenTrace::join(vec![lists.clone(), npy.clone()]).expect("they fit").trace;
    assert_eq!(whole.info.samples.len(), 7);
    assert_eq!(whole.take_notices().len(), 1, "prompts come twice");
    for range in [0..7, 1..3, 3..6, 5..7, 4..4] {
        let (left, right) =
            (range.start.min(4)..range.end.min(4), range.start.max(4) - 4..range.end.max(4) - 4);
        let (a, b) = (
            block_on(lists.gates(left.clone())).expect("gates"),
            block_on(npy.gates(right.clone())).expect("gates"),
        );
        assert_eq!(block_on(whole.gates(range.clone())).expect("gates"), [a, b].concat(), "{range:?}");
        let ids = |trace: &OpenTrace, range| block_on(trace.topk(range)).expect("ids").expect("some").ids;
        assert_eq!(ids(&whole, range), [ids(&lists, left), ids(&npy, right)].concat());
    }
    let counts = block_on(whole.counts(3..6)).expect("counts").expect("exact");
    assert_eq!(counts.tokens, whole.info.n_tokens.as_deref().expect("counts")[3..6]);
    // The smaller number of experts is widened to the larger.
    let more = r#"{"routed_experts": [[[9,0],[1,2],[3,4],[5,6]]]}"#;
    let more = as_trace(open_bytes("more.jsonl", more).expect("a trace"));
    let whole = OpenTrace::join(vec![lists.clone(), more]).expect("they fit").trace;
    assert_eq!(whole.info.experts, 16);
    assert_eq!(block_on(whole.gates(0..5)).expect("gates").len(), 5 * 4 * 16);
    let other = as_trace(open_bytes("other.jsonl", r#"{"routed_experts": [[[1,0]]]}"#).expect("a trace"));
    let error = OpenTrace::join(vec![lists, other]).expect_err("layers differ").to_string();
    assert!(error.contains("1 layers of 8 experts"), "{error}");
}

#[test]
fn a_field_late_in_a_long_line_is_found() {
    let ids = "1234,".repeat(20_000);
    let line = format!(
        r#"{{"id": "q", "input_ids": [{ids}0], "text": "\"meta_info\"", "routed_experts": [[[1, 0]]]}}"#
    );
    let trace = as_trace(open_bytes("long.jsonl", line).expect("a trace"));
    assert_eq!((trace.info.format, trace.info.samples[0].id.as_str()), ("vLLM routed experts", "q"));
}
