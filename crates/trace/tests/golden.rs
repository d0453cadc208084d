//! Every fixture is read with its known values.
#![cfg(not(target_arch = "wasm32"))]

mod common;

use common::{as_trace, json_fixture, open_bytes, open_fixture, tensor};
use futures::executor::block_on;
use trace::{FileKind, GateKind, Router, StepSource};

fn close(ours: &[f32], expected: &[f32], tolerance: f32) -> f32 {
    assert_eq!(ours.len(), expected.len());
    let largest = ours.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(largest <= tolerance, "{largest} > {tolerance}");
    largest
}

#[test]
fn hugging_face_dumps_fold_into_the_known_mean_gates() {
    let ids = json_fixture("traces/expected.json");
    for (file, expected, padded) in [
        ("hf-batch.safetensors", "hf-batch", false),
        ("hf-batch.npz", "hf-batch", false),
        ("hf-batch-probs.safetensors", "hf-batch-probs", true),
        ("hf-batch-probs.npz", "hf-batch-probs", true),
        ("hf-batch-left.safetensors", "hf-batch-left", false),
        ("hf-batch-bf16.safetensors", "hf-batch-bf16", false),
    ] {
        let opened =
            open_fixture(&format!("traces/{file}")).unwrap_or_else(|error| panic!("{file}: {error}"));
        let warnings = opened.warnings.clone();
        let trace = as_trace(opened);
        assert_eq!((trace.info.layers, trace.info.experts, trace.info.samples.len()), (4, 8, 6), "{file}");
        assert_eq!(trace.info.format, "Hugging Face router logits");
        assert_eq!(trace.info.n_tokens.as_deref(), Some(&[1, 2, 5, 17, 33, 64][..]), "{file}");
        assert_eq!(trace.info.half_precision, file.contains("bf16"));
        assert_eq!(trace.info.step, None);
        assert!(!trace.info.labelled && !trace.info.has_topk && !trace.info.has_router);
        assert_eq!(warnings.iter().any(|w| w.contains("are probabilities")), padded, "{file}: {warnings:?}");
        assert_eq!(warnings.len(), usize::from(padded), "{warnings:?}");
        let gates = block_on(trace.gates(0..6)).expect("gates");
        let known = tensor("traces/expected.safetensors", &format!("mean_gates.{expected}"));
        close(&gates, &known, 2e-6);
        // A range equals that part of the whole.
        let part = block_on(trace.gates(2..4)).expect("gates");
        assert_eq!(part, gates[2 * 32..4 * 32], "{file}");
    }
    assert!(ids.is_object());
}

#[test]
fn logits_give_selections_if_k_is_known() {
    // The same dump with `top_k` in its metadata; the recorded ids of these samples are known.
    let bytes = std::fs::read(common::fixture("traces/hf-batch.safetensors")).expect("fixture");
    let len = u64::from_le_bytes(bytes[..8].try_into().expect("eight")) as usize;
    let mut header: serde_json::Value = serde_json::from_slice(&bytes[8..8 + len]).expect("JSON");
    header["__metadata__"] = serde_json::json!({"top_k": "2", "step": "77", "model": "tiny"});
    let with_k = common::with_header(header.to_string().as_bytes(), &bytes[8 + len..]);
    let trace = as_trace(open_bytes("dump.safetensors", with_k).expect("a dump"));
    assert_eq!((trace.info.step, trace.info.step_from), (Some(77), StepSource::Metadata));
    assert_eq!(trace.info.model.as_deref(), Some("tiny"));
    assert_eq!((trace.info.top_k, trace.info.has_topk, trace.info.topk_ordered), (Some(2), true, true));
    let topk = block_on(trace.topk(0..6)).expect("selections").expect("there are some");
    assert_eq!(topk.offsets, [0, 1, 3, 8, 25, 58, 122]);
    // FLAME's parquet files of the same samples hold the ids as the model used them.
    let path = common::fixture("traces/expected.safetensors");
    let expected = std::fs::read(path).expect("fixture");
    let len = u64::from_le_bytes(expected[..8].try_into().expect("eight")) as usize;
    let header: serde_json::Value = serde_json::from_slice(&expected[8..8 + len]).expect("JSON");
    let offset =
        |i: usize| 8 + len + header["flame.ids"]["data_offsets"][i].as_u64().expect("offset") as usize;
    let known: Vec<u16> = expected[offset(0)..offset(1)].chunks_exact(4).map(|b| u16::from(b[0])).collect();
    assert_eq!(topk.ids, known);
}

#[test]
fn the_synthetic_run_reads_whole() {
    let run = json_fixture("metrics/run-a/run.json");
    for step in (1000..=7000_u64).step_by(1000) {
        let path = format!("metrics/run-a/step-{step}.safetensors");
        let opened = open_fixture(&path).expect("a trace");
        let mut trace = as_trace(opened);
        assert_eq!((trace.info.step, trace.info.step_from), (Some(step), StepSource::FileName));
        assert_eq!(trace.info.format, "Grokscope trace");
        assert_eq!((trace.info.samples.len(), trace.info.layers, trace.info.experts), (48, 4, 16));
        assert_eq!((trace.info.top_k, trace.info.gate_kind), (Some(4), GateKind::SoftmaxMean));
        assert_eq!(trace.info.loss.as_deref(), Some(&tensor(&path, "loss")[..]));
        assert_eq!(block_on(trace.gates(0..48)).expect("gates"), tensor(&path, "gates"));
        assert_eq!(block_on(trace.gates(47..48)).expect("gates"), tensor(&path, "gates")[47 * 64..]);
        assert!(trace.take_notices().is_empty());
        let Some(Router::Weights { layers: 4, experts: 16, width: 12, values }) =
            block_on(trace.router()).expect("routers")
        else {
            panic!("no router weights")
        };
        assert_eq!(values, tensor(&path, "router_weight"));
        // The file does not assign selections to samples; the run's token counts do.
        assert!(!trace.info.has_topk);
        assert_eq!(block_on(trace.topk(0..1)).expect("no error"), None);
        let counts: Vec<u32> = run["samples"]
            .as_array()
            .expect("samples")
            .iter()
            .map(|sample| sample["tokens"].as_u64().expect("tokens") as u32)
            .collect();
        trace.set_token_counts(&counts).expect("they fit");
        let topk = block_on(trace.topk(3..5)).expect("selections").expect("there are some");
        assert_eq!(topk.offsets, [0, counts[3] as usize, (counts[3] + counts[4]) as usize]);
        assert_eq!(topk.ids.len(), topk.offsets[2] * 4 * 4);
        let error = trace.set_token_counts(&counts[1..]).expect_err("one is missing").to_string();
        assert!(error.contains("token counts of 47 samples") && error.contains("48 samples"), "{error}");
        let mut more = counts.clone();
        more[0] += 1;
        let error = trace.set_token_counts(&more).expect_err("one token too many").to_string();
        assert!(error.contains("sum to 695") && error.contains("694 tokens"), "{error}");
    }
}

#[test]
fn item_gates_and_token_gates_are_recognized_by_their_names() {
    let FileKind::ItemGates(items) =
        open_fixture("metrics/run-a/items-last.safetensors").expect("gates").what
    else {
        panic!("not item gates")
    };
    assert_eq!((items.layers, items.experts), (4, 16));
    assert_eq!(items.values, tensor("metrics/run-a/items-last.safetensors", "gates"));
    let FileKind::TokenGates(tokens) =
        open_fixture("metrics/run-a/tokens-7000.safetensors").expect("gates").what
    else {
        panic!("not token gates")
    };
    assert_eq!(tokens.step, Some(7000));
    assert_eq!(tokens.entropy.len(), 694);
    let gates = tensor("metrics/run-a/tokens-7000.safetensors", "gates");
    for (token, entropy) in gates.chunks_exact(64).zip(&tokens.entropy) {
        let naive: f64 =
            token.iter().filter(|&&g| g > 0.0).map(|&g| -f64::from(g) * libm::log(f64::from(g))).sum::<f64>()
                / 4.0;
        assert!((naive - *entropy).abs() < 1e-6);
    }
}

#[test]
fn results_with_a_table_of_correct() {
    let json = json_fixture("metrics/run-a/run.json");
    let FileKind::Results(results) = open_fixture("metrics/run-a/run.json").expect("results").what else {
        panic!("not results")
    };
    assert_eq!(results.model.as_deref(), Some("run-a"));
    assert_eq!(results.steps, [1000, 2000, 3000, 4000, 5000, 6000, 7000]);
    assert_eq!((results.samples.len(), results.items.len()), (48, 60));
    assert_eq!(results.samples[0].tokens, Some(13));
    for (i, item) in results.items.iter().enumerate() {
        assert_eq!(item.id, json["items"][i]["id"]);
        assert_eq!(item.embedding.as_ref().map(Vec::len), Some(8));
        for (c, correct) in item.correct.iter().enumerate() {
            assert_eq!(*correct, Some(json["correct"][c][i] == 1), "item {i}, checkpoint {c}");
        }
    }
    assert_eq!(results.validation_loss.len(), 14);
    let last =
        results.validation_loss.iter().find(|row| row.domain == "math" && row.step == 7000).expect("a row");
    assert!((last.loss - 1.5315).abs() < 1e-12);
}

#[test]
fn results_with_correct_in_the_items_and_rows_of_accuracy() {
    let text = r#"{"model": "tiny", "steps": [50, 0.0, 25],
        "items": [{"id": "a", "domain": "add", "correct": [1, 0, null]}, {"id": 7, "domain": "mul", "correct": [true, false, 1.0]}],
        "accuracy": [{"step": 0, "domain": "add", "train_loss": 3.3, "test_loss": 3.25, "accuracy": 0.5}]}"#;
    let FileKind::Results(results) = open_bytes("run.json", text).expect("results").what else {
        panic!("not results")
    };
    // Steps are sorted together with their columns.
    assert_eq!(results.steps, [0, 25, 50]);
    assert_eq!(results.items[0].correct, [Some(false), None, Some(true)]);
    assert_eq!(results.items[1].id, "7");
    assert_eq!(results.items[1].correct, [Some(false), Some(true), Some(true)]);
    assert_eq!((results.accuracy.len(), results.accuracy[0].step), (1, 0));
    assert!((results.accuracy[0].accuracy - 0.5).abs() < 1e-15);
    assert!((results.validation_loss[0].loss - 3.25).abs() < 1e-15);
}

#[test]
fn tables() {
    let items =
        "item,domain,step,correct\nq1,math,1000,0\nq2,math,1000,1\nq1,math,2000,true\n\"q,3\",code,2000,\n";
    let FileKind::Results(results) = open_bytes("results.csv", items).expect("results").what else {
        panic!("not results")
    };
    assert_eq!(results.steps, [1000, 2000]);
    assert_eq!(results.items[0].correct, [Some(false), Some(true)]);
    assert_eq!(results.items[1].correct, [Some(true), None]);
    assert_eq!((results.items[2].id.as_str(), results.items[2].domain.as_str()), ("q,3", "code"));
    assert_eq!(results.items[2].correct, [None, None]);

    let domains = "\u{feff}Domain;Step;Accuracy;validation_loss\r\nmath;5;0.25;1.5\r\nmath;10;0.5;\r\n";
    let FileKind::Results(results) = open_bytes("acc.csv", domains).expect("results").what else {
        panic!("not results")
    };
    assert_eq!(results.steps, [5, 10]);
    assert_eq!((results.accuracy.len(), results.validation_loss.len()), (2, 1));
}

#[test]
fn sample_lists() {
    let text = "{\"id\": \"s0\", \"domain\": \"math\", \"input_ids\": [115]}\n{\"id\": \"s1\", \"domain\": \"code\", \"input_ids\": [78, 104]}\n\n";
    let FileKind::SampleList(list) = open_bytes("samples.jsonl", text).expect("samples").what else {
        panic!("not a list")
    };
    let seen: Vec<_> = list.samples.iter().map(|s| (s.id.as_str(), s.domain.as_str(), s.tokens)).collect();
    assert_eq!(seen, [("s0", "math", Some(1)), ("s1", "code", Some(2))]);
}

#[test]
fn sample_lists_keep_token_ids_and_the_words_of_as_many() {
    let text = concat!(
        "{\"id\": \"a\", \"input_ids\": [7, 8], \"text\": \" two  words\"}\n",
        "{\"id\": \"b\", \"input_ids\": [7, 8], \"text\": \"three more words\"}\n",
        "{\"id\": \"c\", \"input_ids\": [7, -1], \"text\": \"two words\"}\n",
        "{\"id\": \"d\", \"input_ids\": [4294967295], \"text\": 5}\n",
        "{\"id\": \"e\", \"text\": \"two words\"}\n",
    );
    let FileKind::SampleList(list) = open_bytes("samples.jsonl", text).expect("samples").what else {
        panic!("not a list")
    };
    let found = list.samples.iter().map(|sample| {
        let ids = sample.token_ids.as_ref()?;
        Some((ids.ids.to_vec(), ids.words().collect::<Vec<_>>()))
    });
    let expected = [
        Some((vec![7, 8], vec!["two", "words"])),
        Some((vec![7, 8], vec![])),
        None,
        Some((vec![u32::MAX], vec![])),
        None,
    ];
    assert_eq!(found.collect::<Vec<_>>(), expected);
    assert_eq!(
        list.samples.iter().map(|sample| sample.tokens).collect::<Vec<_>>(),
        [Some(2), Some(2), Some(2), Some(1), None]
    );
}

#[test]
fn embeddings_of_samples_and_items() {
    let file = common::Handmade::new().f32("samples", &[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).f32(
        "items",
        &[1, 3],
        &[7.0, 8.0, 9.0],
    );
    let FileKind::Embeddings(found) =
        open_bytes("embeddings.safetensors", file.bytes()).expect("embeddings").what
    else {
        panic!("not embeddings")
    };
    assert_eq!(found.samples, [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]);
    assert_eq!(found.items, [[7.0, 8.0, 9.0]]);
}
