//! Written traces are read back unchanged, and no bytes make a reader panic.
#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::{as_trace, fixture, good, open_bytes};
use futures::executor::block_on;
use proptest::prelude::*;
use trace::{FileKind, GateDtype, GateKind, OpenTrace, Router, RouterTrace, SampleMeta, TopK, write_trace};

/// Rows whose sum is 1 within rounding in f32.
fn rows(count: usize, experts: usize) -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec(prop::collection::vec(1_u32..1000, experts), count).prop_map(|rows| {
        rows.into_iter()
            .flat_map(|row| {
                let sum: u32 = row.iter().sum();
                row.into_iter().map(move |n| (f64::from(n) / f64::from(sum)) as f32)
            })
            .collect()
    })
}

fn selections(counts: &[usize], layers: usize, experts: usize, k: usize, seed: usize) -> TopK {
    let mut offsets = vec![0];
    for count in counts {
        offsets.push(offsets[offsets.len() - 1] + count);
    }
    let tokens = offsets[offsets.len() - 1];
    let ids = (0..tokens * layers)
        .flat_map(|row| (0..k).map(move |rank| ((row * seed + rank) % experts) as u16))
        .collect();
    TopK { k, layers, ids, offsets }
}

fn any_trace() -> impl Strategy<Value = RouterTrace> {
    (1_usize..5, 1_usize..4, prop_oneof![1_usize..9, Just(300)], any::<[bool; 6]>(), 1_usize..50)
        .prop_flat_map(|(samples, layers, experts, with, seed)| {
            let names = prop::collection::vec(any::<(String, String)>(), samples);
            let loss = prop::collection::vec(any::<f32>(), samples);
            let counts = prop::collection::vec(0_usize..5, samples);
            let router = prop::collection::vec(-10.0_f32..10.0, (2 * layers - 1) * experts * experts.min(4));
            let facts = (any::<Option<String>>(), any::<Option<u64>>(), any::<Option<u64>>());
            (rows(samples * layers, experts), names, loss, counts, router, facts).prop_map(
                move |(gates, names, loss, counts, router, (model, step, tokens))| {
                    let k = experts.min(2);
                    let width = experts.min(4);
                    let mut values = router;
                    let router = if with[4] && experts <= 4 {
                        values.resize((2 * layers - 1) * experts * experts, 0.0);
                        Router::Gram {
                            layers,
                            experts,
                            values: values.iter().map(|&v| f64::from(v) / 3.0).collect(),
                        }
                    } else {
                        values.resize(layers * experts * width, 0.0);
                        Router::Weights { layers, experts, width, values }
                    };
                    let topk = with[2].then(|| selections(&counts, layers, experts, k, seed));
                    RouterTrace {
                        model: model.filter(|model| !model.is_empty()),
                        step,
                        tokens,
                        samples: with[0].then(|| {
                            let named = names.into_iter().enumerate();
                            named
                                .map(|(i, (id, domain))| SampleMeta { id: format!("{id}{i}"), domain })
                                .collect()
                        }),
                        layers,
                        experts,
                        gate_kind: GateKind::ALL[usize::from(with[5]) * (1 + layers % 2)],
                        gates,
                        loss: with[1].then_some(loss),
                        n_tokens: topk.is_some().then(|| counts.iter().map(|&n| n as u32).collect()),
                        router: with[3].then_some(router),
                        topk,
                        topk_ordered: true,
                    }
                },
            )
        })
}

fn bits(values: Option<&Vec<f32>>) -> Option<Vec<u32>> {
    values.map(|values| values.iter().map(|value| value.to_bits()).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn written_traces_are_read_back(trace in any_trace()) {
        let bytes = write_trace(&trace, GateDtype::F32).expect("a trace");
        prop_assert_eq!(&bytes, &write_trace(&trace, GateDtype::F32).expect("a trace"));
        let open = as_trace(open_bytes("trace.safetensors", bytes).expect("what was written"));
        let memory = OpenTrace::from_memory("trace.safetensors", "Grokscope trace", trace.clone()).expect("a trace");
        let samples = trace.len();
        prop_assert_eq!(&open.info.samples, &memory.info.samples);
        prop_assert_eq!(open.info.labelled, trace.samples.is_some());
        prop_assert_eq!((&open.info.model, open.info.step, open.info.tokens), (&trace.model, trace.step, trace.tokens));
        prop_assert_eq!((open.info.layers, open.info.experts), (trace.layers, trace.experts));
        prop_assert_eq!(open.info.gate_kind, trace.gate_kind);
        prop_assert_eq!(bits(open.info.loss.as_ref()), bits(trace.loss.as_ref()));
        prop_assert_eq!(&open.info.n_tokens, &trace.n_tokens);
        prop_assert_eq!(block_on(open.gates(0..samples)).expect("gates"), trace.gates.clone());
        prop_assert_eq!(block_on(open.topk(0..samples)).expect("selections"), trace.topk.clone());
        prop_assert_eq!(block_on(open.router()).expect("routers"), trace.router.clone());
        for i in 0..samples {
            prop_assert_eq!(block_on(open.topk(i..i + 1)).expect("a part"), block_on(memory.topk(i..i + 1)).expect("a part"));
            prop_assert_eq!(block_on(open.gates(i..i + 1)).expect("a part"), block_on(memory.gates(i..i + 1)).expect("a part"));
        }
        let counts = block_on(open.counts(0..samples)).expect("counts");
        prop_assert_eq!(&counts, &block_on(memory.counts(0..samples)).expect("counts"));
        if let (Some(counts), Some(topk)) = (&counts, &trace.topk) {
            prop_assert_eq!(counts.values.iter().map(|&n| n as usize).sum::<usize>(), topk.ids.len());
        }
    }

    #[test]
    fn half_gates_are_the_nearest(trace in any_trace()) {
        let open = as_trace(open_bytes("t.safetensors", write_trace(&trace, GateDtype::F16).expect("a trace")).expect("a trace"));
        prop_assert!(open.info.half_precision);
        for (half, full) in block_on(open.gates(0..trace.len())).expect("gates").iter().zip(&trace.gates) {
            prop_assert_eq!(half.to_bits(), half::f16::from_f32(*full).to_f32().to_bits());
        }
    }

    #[test]
    fn frequencies_give_back_their_counts(
        counts in prop::collection::vec(prop::collection::vec(0_u32..50, 6), 1..5),
    ) {
        // k = 2: each expert at most once per token, so no count exceeds the number of tokens,
        // which is half their sum.
        let rows: Vec<Vec<u32>> = counts.into_iter().filter(|row| {
            let sum: u32 = row.iter().sum();
            sum > 0 && sum.is_multiple_of(2) && row.iter().all(|&n| 2 * n <= sum)
        }).collect();
        prop_assume!(!rows.is_empty());
        let tokens: Vec<u32> = rows.iter().map(|row| row.iter().sum::<u32>() / 2).collect();
        let gates: Vec<f32> = rows.iter().zip(&tokens).flat_map(|(row, &t)| row.iter().map(move |&n| (f64::from(n) / f64::from(2 * t)) as f32)).collect();
        let frequency: Vec<u8> = gates.iter().flat_map(|v| v.to_le_bytes()).collect();
        let s = rows.len() as u64;
        let tokens_i32: Vec<i32> = tokens.iter().map(|&t| t as i32).collect();
        let file = common::Handmade::new()
            .metadata(&[("format", "grokscope.trace"), ("gate_kind", "selection-frequency"), ("top_k", "2")])
            .raw("frequency", "F32", &[s, 1, 6], &frequency)
            .i32("n_tokens", &[s], &tokens_i32);
        let open = as_trace(open_bytes("t.safetensors", file.bytes()).expect("a trace"));
        let found = block_on(open.counts(0..rows.len())).expect("counts").expect("exact ones");
        prop_assert_eq!(found.values, rows.concat());
        prop_assert_eq!(found.tokens, tokens);
    }
}

/// Opens a file and reads everything; only a panic is a failure.
fn read_all(name: &str, bytes: Vec<u8>) {
    if let Ok(opened) = open_bytes(name, bytes)
        && let FileKind::Trace(trace) = opened.what
    {
        let all = 0..trace.info.samples.len();
        drop(block_on(trace.gates(all.clone())));
        drop(block_on(trace.topk(all.clone())));
        drop(block_on(trace.counts(all)));
        drop(block_on(trace.router()));
    }
}

const NAMES: [&str; 8] = [
    "a.safetensors",
    "items.safetensors",
    "tokens-5.safetensors",
    "a.npz",
    "run.json",
    "a.csv",
    "a.jsonl",
    "a",
];

#[expect(clippy::expect_used, reason = "a helper that fails fails its test")]
fn seeds() -> Vec<Vec<u8>> {
    let full = good()
        .metadata(&[
            ("format", "grokscope.trace"),
            ("version", "1"),
            ("step", "5"),
            ("samples", r#"[{"id":"a"},{"id":"b"}]"#),
        ])
        .f32("loss", &[2], &[1.0, 2.0])
        .f32("router_weight", &[2, 4, 1], &[0.5; 8])
        .i64("offsets", &[3], &[0, 1, 2])
        .i32("topk_ids", &[2, 2, 1], &[0, 1, 2, 3]);
    let read = |path: &str| std::fs::read(fixture(path)).expect("fixture");
    vec![
        full.bytes(),
        good().bytes(),
        read("traces/hf-batch-probs.npz"),
        read("traces/hf-batch-bf16.safetensors"),
        b"{\"steps\": [1, 2], \"items\": [{\"id\": \"a\", \"domain\": \"x\", \"correct\": [0, 1]}], \"validation_loss\": {\"x\": [1.5, null]}}".to_vec(),
        b"item,domain,step,correct\na,x,1,1\n\"b,\",x,2,0\n".to_vec(),
        b"{\"id\": \"a\", \"domain\": \"x\", \"input_ids\": [1, 2]}\n{\"id\": 5}\n".to_vec(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), name in 0..NAMES.len()) {
        read_all(NAMES[name], bytes);
    }

    #[test]
    fn random_headers_never_panic(header in "\\{[\"a-z0-9:,\\[\\]{}_ FI]{0,80}\\}", data in prop::collection::vec(any::<u8>(), 0..64)) {
        read_all("a.safetensors", common::with_header(header.as_bytes(), &data));
    }

    #[test]
    fn mutated_files_never_panic(
        seed in 0_usize..7,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        cut in prop::option::of(any::<prop::sample::Index>()),
        near_start in any::<bool>(),
        name in 0..NAMES.len(),
    ) {
        let mut bytes = seeds().swap_remove(seed);
        // Half of the changes are in headers.
        let reach = if near_start { bytes.len().min(500) } else { bytes.len() };
        for (at, value) in &changes {
            bytes[at.index(reach)] = *value;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        read_all(NAMES[name], bytes);
    }
}
