//! Every form of the same ids is read as those ids.
#![cfg(not(target_arch = "wasm32"))]

mod common;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use common::{as_trace, open_bytes};
use futures::executor::block_on;
use proptest::prelude::*;
use serde_json::json;

const K: usize = 2;

/// Ids of one sample, `[T][L][k]`.
type Sample = Vec<Vec<[u16; K]>>;

/// Ids of some samples, `[S][T][L][k]`, distinct per token and layer.
type Samples = Vec<Sample>;

fn samples() -> impl Strategy<Value = Samples> {
    (1_usize..4, prop_oneof![Just(8_u16), Just(300)]).prop_flat_map(|(layers, experts)| {
        let pair = (0..experts, 1..experts).prop_map(move |(first, step)| [first, (first + step) % experts]);
        let token = prop::collection::vec(pair, layers);
        prop::collection::vec(prop::collection::vec(token, 1..6), 1..5)
    })
}

fn bytes<const N: usize>(sample: &[Vec<[u16; K]>], to_bytes: impl Fn(u16) -> [u8; N]) -> String {
    STANDARD.encode(sample.iter().flatten().flatten().flat_map(|&id| to_bytes(id)).collect::<Vec<u8>>())
}

/// Each form with the file's name.
fn forms(samples: &Samples) -> Vec<(&'static str, String)> {
    let layers = samples[0][0].len();
    let lines = |record: &dyn Fn(&Sample) -> serde_json::Value| {
        samples.iter().map(|sample| record(sample).to_string() + "\n").collect::<String>()
    };
    let lists = lines(&|sample| json!({"sample_id": 1, "num_experts": 512, "routed_experts": sample}));
    let parts = lines(&|sample| {
        let (prompt, answer) = sample.split_at(1);
        json!({"num_experts": 512, "prompt_routed_experts": prompt, "choices": [{"token_ids": vec![0; answer.len()], "routed_experts": answer}]})
    });
    let object = lines(&|sample| {
        let data = bytes(sample, u16::to_le_bytes);
        json!({"num_experts": 512, "routed_experts": {"encoding": "base64", "dtype": "uint16", "shape": [sample.len(), layers, K], "data": data}})
    });
    let raw = lines(&|sample| {
        let data = bytes(sample, |id| i32::from(id).to_le_bytes());
        json!({"num_experts": 512, "num_hidden_layers": layers, "num_experts_per_tok": K, "meta_info": {"routed_experts": data}})
    });
    let turned = lines(&|sample| {
        let token = |token: &Vec<[u16; K]>| {
            (0..K).map(|rank| token.iter().map(|ids| ids[rank]).collect::<Vec<_>>()).collect::<Vec<_>>()
        };
        json!({"num_experts": 512, "exp_ids": sample.iter().map(token).collect::<Vec<_>>()})
    });
    let mut megatron = String::new();
    for (step, sample) in samples.iter().enumerate() {
        for layer in 0..layers {
            let ids: Vec<[u16; K]> = sample.iter().map(|token| token[layer]).collect();
            let record = json!({"step": step, "layer": layer, "num_experts": 512, "num_tokens": ids.len(), "topk": K, "top_indices": ids});
            megatron += &(record.to_string() + "\r\n");
        }
    }
    vec![
        ("lists.jsonl", lists),
        ("parts.jsonl", parts),
        ("object.jsonl", object),
        ("raw.jsonl", raw),
        ("turned.jsonl", turned),
        ("megatron.jsonl", megatron),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_form_gives_the_same_ids(samples in samples()) {
        let known: Vec<u16> = samples.iter().flatten().flatten().flatten().copied().collect();
        let tokens: Vec<u32> = samples.iter().map(|sample| sample.len() as u32).collect();
        // Two experts of a token are never both 0, so that no layer is taken for a dense one.
        for (name, text) in forms(&samples) {
            let opened = open_bytes(name, text.clone());
            let opened = opened.unwrap_or_else(|error| panic!("{error}\n{text}"));
            let trace = as_trace(opened);
            prop_assert_eq!((trace.info.layers, trace.info.experts, trace.info.top_k), (samples[0][0].len(), 512, Some(K)), "{}", name);
            prop_assert_eq!(trace.info.n_tokens.as_deref(), Some(&tokens[..]), "{}", name);
            let topk = block_on(trace.topk(0..tokens.len())).expect("ids").expect("there are some");
            prop_assert_eq!(&topk.ids, &known, "{}", name);
        }
    }

    #[test]
    fn no_line_makes_a_reader_panic(line in prop::collection::vec(any::<u8>(), 0..80), at in 0_usize..60) {
        for start in [&b"{\"routed_experts\":[[[1,2],[3,4]]],\"meta_info\":{\"routed_experts\":\"AwAAAAUAAAA=\"}}"[..],
            b"{\"exp_ids\":[[[1,2],[3,4]]]}", b"{\"step\":0,\"layer\":0,\"top_indices\":[[1,2]]}", b"sample,token,layer,expert\na,0,0,1\n"] {
            let mut bytes = start.to_vec();
            let at = at.min(bytes.len());
            bytes.splice(at..at, line.iter().copied());
            for name in ["x.jsonl", "x.csv"] {
                if let Ok(opened) = open_bytes(name, bytes.clone())
                    && let trace::FileKind::Trace(trace) = opened.what
                {
                    let all = 0..trace.info.samples.len();
                    drop(block_on(trace.gates(all.clone())));
                    drop(block_on(trace.topk(all)));
                }
            }
        }
    }
}
