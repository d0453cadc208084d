//! Malformed files of expert ids, each with one error. The expected messages are in
//! `tests/fixtures/malformed/ids/messages.json` beside the files. After a change of either, run
//! this once with `UPDATE_EXPECT=1` and review the difference.
#![cfg(not(target_arch = "wasm32"))]

mod common;

use std::{cell::Cell, collections::BTreeMap, rc::Rc};

use common::{fixture, open_bytes};
use futures::executor::block_on;
use trace::{ByteSource, Error, FileKind, Opened, Pending};

/// Three gigabytes whose second line has no end.
struct Endless {
    head: Vec<u8>,
    read: Rc<Cell<usize>>,
}

impl ByteSource for Endless {
    fn name(&self) -> &'static str {
        "answers.jsonl"
    }

    fn len(&self) -> u64 {
        3 << 30
    }

    fn read(&self, offset: u64, len: usize) -> Pending<'_, Result<Vec<u8>, Error>> {
        assert!(len < 16 << 20, "{len} bytes at once are no reading by ranges");
        self.read.set(self.read.get() + len);
        let mut bytes = vec![b'1'; len];
        if offset == 0 {
            let known = self.head.len().min(len);
            bytes[..known].copy_from_slice(&self.head[..known]);
        }
        Box::pin(std::future::ready(Ok(bytes)))
    }
}

/// A file, its text, and words that its messages must contain.
type Case = (&'static str, &'static str, &'static [&'static str]);

const CASES: [Case; 40] = [
    (
        "rank0.jsonl",
        "{\"iter\": 100, \"block\": \"decoder\", \"layer\": 3, \"tpe\": [[128, 64], [96, 80]]}\n\
         {\"iter\": 100, \"block\": \"mtp\", \"mtp_idx\": 0, \"layer\": 1, \"tpe\": [[50, 50]]}\n",
        &["unrelated", "tokens per expert", "--moe-routing-trace-path", "router_trace_rank0.jsonl"],
    ),
    (
        "cut-off.jsonl",
        "{\"routed_experts\":[[[1,2]]]}\n{\"routed_experts\":[[[1,2",
        &["error", "line 2, column 25", "end of the line"],
    ),
    ("no-json.jsonl", "{\"routed_experts\":[[[1,2]]]}\n<html>\n", &["error", "line 2", "an object"]),
    (
        "two-in-a-line.jsonl",
        "{\"routed_experts\":[[[1,2]]]} {\"routed_experts\":[[[1,2]]]}\n",
        &["error", "line 1", "one JSON object per line"],
    ),
    (
        "ragged-layers.jsonl",
        "{\"routed_experts\":[[[1,2],[3,4]],[[1,2]]]}\n",
        &["error", "token 1", "a list of 1", "2 entries, one for each layer"],
    ),
    (
        "ragged-experts.jsonl",
        "{\"routed_experts\":[[[1,2],[3]]]}\n",
        &["error", "token 0, layer 1", "2 entries, one for each expert"],
    ),
    ("two-axes.jsonl", "{\"routed_experts\":[[1,2],[3,4]]}\n", &["error", "a list", "token 0, layer 0"]),
    ("text-for-an-id.jsonl", "{\"routed_experts\":[[[1,\"two\"]]]}\n", &["error", "whole number"]),
    ("fraction.jsonl", "{\"routed_experts\":[[[1,2.5]]]}\n", &["error", "whole number"]),
    (
        "too-large-an-id.jsonl",
        "{\"routed_experts\":[[[1,70000]]]}\n",
        &["error", "expert 70000", "ids from 0 to 65534"],
    ),
    (
        "very-large-an-id.jsonl",
        "{\"routed_experts\":[[[1,99999999999]]]}\n",
        &["error", "at most nine digits"],
    ),
    ("negative-id.jsonl", "{\"routed_experts\":[[[1,-2]]]}\n", &["error", "expert -2"]),
    (
        "twice-the-same.jsonl",
        "{\"routed_experts\":[[[1,2],[5,5]]]}\n",
        &["error", "token 0, layer 1", "expert 5 twice"],
    ),
    (
        "half-missing.jsonl",
        "{\"routed_experts\":[[[1,2],[3,4]],[[1,2],[-1,-1]]]}\n",
        &["error", "layer 1", "no expert (-1)"],
    ),
    (
        "beyond-the-experts.jsonl",
        "{\"num_experts\":4,\"routed_experts\":[[[1,4]]]}\n",
        &["error", "num_experts", "5 to 65535"],
    ),
    (
        "another-model.jsonl",
        "{\"routed_experts\":[[[1,2]]]}\n{\"routed_experts\":[[[1,2],[3,4]]]}\n",
        &["error", "line 2", "2 layers", "as line 1 has"],
    ),
    ("all-zero.jsonl", "{\"routed_experts\":[[[0,0],[0,0]]]}\n", &["error", "no record with expert ids"]),
    (
        "nothing-recorded.jsonl",
        "{\"routed_experts\":[[[-1,-1]]]}\n{\"routed_experts\":null}\n",
        &["error", "--enable-return-routed-experts"],
    ),
    (
        "answers-without-ids.jsonl",
        "{\"id\":\"a\",\"routed_experts\":[[[1,2]]]}\n{\"id\":\"b\",\"error\":\"too long\"}\n",
        &["warning", "1 records have no expert ids", "line 2"],
    ),
    (
        "deep.jsonl",
        concat!(
            "{\"routed_experts\":[[[1,2]]],\"x\":",
            "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
            "}\n"
        ),
        &["error", "nested at most 128 deep"],
    ),
    (
        "base64-cut-off.jsonl",
        "{\"meta_info\":{\"prompt_tokens\":2,\"completion_tokens\":1,\"routed_experts\":\"AwAAAAUAA\"}}\n",
        &["error", "base64 of 9 characters"],
    ),
    (
        "base64-broken.jsonl",
        "{\"meta_info\":{\"prompt_tokens\":2,\"completion_tokens\":1,\"routed_experts\":\"AwAAAAUAAAA*AAAA\"}}\n",
        &["error", "`*` as character 11", "base64"],
    ),
    (
        "base64-no-shape.jsonl",
        "{\"meta_info\":{\"routed_experts\":\"AwAAAAUAAAA=\"}}\n",
        &["error", "2 ids without a shape", "--top-k"],
    ),
    (
        "base64-length.jsonl",
        "{\"num_hidden_layers\":3,\"num_experts_per_tok\":2,\"meta_info\":{\"routed_experts\":\"AwAAAAUAAAA=\"}}\n",
        &["error", "2 ids", "a multiple of 6"],
    ),
    (
        "object-huge-shape.jsonl",
        "{\"routed_experts\":{\"encoding\":\"base64\",\"dtype\":\"int16\",\"shape\":[18446744073709551615,4,2],\"data\":\"BwAC\"}}\n",
        &["error", "base64 of 3 bytes", "int16 [18446744073709551615,4,2]"],
    ),
    (
        "object-shape.jsonl",
        "{\"routed_experts\":{\"encoding\":\"base64\",\"dtype\":\"int16\",\"shape\":[1,2],\"data\":\"BwACAA==\"}}\n",
        &["error", "shape [1,2]", "three axes"],
    ),
    (
        "object-type.jsonl",
        "{\"routed_experts\":{\"encoding\":\"base64\",\"dtype\":\"float32\",\"shape\":[1,1,1],\"data\":\"BwACAA==\"}}\n",
        &["error", "type float32", "integers"],
    ),
    (
        "object-encoding.jsonl",
        "{\"routed_experts\":{\"encoding\":\"zstd\",\"dtype\":\"int16\",\"shape\":[1,1,2],\"data\":\"BwACAA==\"}}\n",
        &["error", "encoding `zstd`"],
    ),
    (
        "npy-broken.jsonl",
        "{\"routed_experts\":\"k05VTVBZAQB2AHsnZGVz\"}\n",
        &["error", "npy file without a readable header"],
    ),
    (
        "layers-as-usual.jsonl",
        "{\"exp_ids\":[[[1,2,3],[1,2]]]}\n",
        &["error", "`exp_ids`", "rank 1", "3 entries, one for each layer"],
    ),
    (
        "megatron-counts.jsonl",
        "{\"step\":0,\"layer\":0,\"num_tokens\":2,\"top_indices\":[[1,2]]}\n",
        &["error", "`num_tokens` is 2"],
    ),
    (
        "megatron-logits.jsonl",
        "{\"step\":0,\"layer\":0,\"top_indices\":[[1,2]],\"logit_offset\":0,\"logit_bytes\":7,\"logit_shape\":[1,4]}\n",
        &["error", "`logit_shape`", "[1,4] in 7 bytes"],
    ),
    (
        "megatron-layers.jsonl",
        "{\"step\":0,\"layer\":0,\"top_indices\":[[1,2]]}\n{\"step\":0,\"layer\":1,\"top_indices\":[[1,2],[0,1]]}\n",
        &["error", "same tokens in every layer"],
    ),
    ("table-id.csv", "sample,token,layer,expert\na,0,0,x\n", &["error", "line 2, column `expert`", "\"x\""]),
    (
        "table-k.csv",
        "sample,token,layer,expert\na,0,0,1\na,0,0,2\na,1,0,1\n",
        &["error", "1 experts of token 1", "2, as above line 3"],
    ),
    (
        "table-layers.csv",
        "sample,token,layer,expert\na,0,0,1\na,0,1,2\nb,0,0,1\n",
        &["error", "sample `b`", "rows of 1 layers"],
    ),
    (
        "table-sparse.csv",
        "sample,token,layer,expert\na,0,0,65534\na,0,1,65534\na,0,2,65534\na,0,3,65534\na,0,4,65534\n",
        &["error", "counts of 1 samples", "bytes; at most", "largest token and expert"],
    ),
    (
        "one-of-many.jsonl",
        "{\"routed_experts\":[[[65000],[65000],[65000],[65000],[65000]]]}\n",
        &["error", "line 1", "65536 experts per layer", "a file of this size"],
    ),
    (
        "many-claimed.jsonl",
        "{\"num_experts\":65535}\n{\"routed_experts\":[[[1],[2],[3],[4],[5]]]}\n",
        &["error", "5 layers and 65535 experts", "Correct the number of experts"],
    ),
    (
        "table-huge.csv",
        "sample,token,layer,expert\na,999999999999,0,1\n",
        &["error", "line 2, column `token`"],
    ),
];

/// All messages about a file when everything in it is read.
fn all_messages(name: &str, bytes: &[u8]) -> Vec<String> {
    let Opened { what, warnings } = match open_bytes(name, bytes) {
        Ok(opened) => opened,
        Err(error) => return vec![format!("error: {error}")],
    };
    let mut found: Vec<String> = warnings.into_iter().map(|text| format!("warning: {text}")).collect();
    match what {
        FileKind::Trace(trace) => {
            let all = 0..trace.info.samples.len();
            let errors = [
                block_on(trace.gates(all.clone())).err(),
                block_on(trace.topk(all.clone())).err(),
                block_on(trace.counts(all)).err(),
            ];
            found.extend(errors.into_iter().flatten().map(|error| format!("error: {error}")));
        }
        FileKind::Config(config) => found.push(format!("unrelated: {}", config.reason)),
        FileKind::Unrelated { reason, looked_for } => {
            let list = looked_for.map_or_else(String::new, |list| format!(" {list}"));
            found.push(format!("unrelated: {reason}{list}"));
        }
        _ => {}
    }
    found
}

#[test]
fn every_malformed_file_is_explained() {
    let mut messages: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut wrong = Vec::new();
    for (name, text, words) in CASES {
        let found = all_messages(name, text.as_bytes());
        let text = found.join("\n");
        let missing = words.iter().filter(|word| !text.contains(**word));
        wrong.extend(missing.map(|word| format!("{name}: \"{word}\" is not in\n{text}")));
        assert!(found.iter().all(|line| line.contains(name)), "{name} is not named in\n{text}");
        assert!(messages.insert(name.to_owned(), found).is_none(), "{name} twice");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let folder = fixture("malformed/ids");
    let written = serde_json::to_string_pretty(&messages).expect("JSON") + "\n";
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::create_dir_all(&folder).expect("a folder");
        for (name, text, _) in CASES {
            std::fs::write(folder.join(name), text).expect("a file");
        }
        std::fs::write(folder.join("messages.json"), &written).expect("a file");
    }
    for (name, text, _) in CASES {
        assert_eq!(
            std::fs::read_to_string(folder.join(name)).expect("the file is kept"),
            text,
            "{name} is another"
        );
    }
    assert_eq!(std::fs::read_to_string(folder.join("messages.json")).expect("kept"), written);
}

#[test]
fn a_line_of_gigabytes_is_rejected_before_it_is_in_memory() {
    let mut head = b"{\"id\": \"a\", \"routed_experts\": [[[1,2]]]}\n{\"routed_experts\": [[[".to_vec();
    head.resize(8192, b'1');
    let read = Rc::new(Cell::new(0));
    let source = Endless { head, read: Rc::clone(&read) };
    let error = block_on(trace::open(Rc::new(source))).expect_err("too long").to_string();
    assert!(error.contains("answers.jsonl: line 2") && error.contains("at most 268435456"), "{error}");
    // The line's end is searched once to infer the shape of arrays, which stops at the first
    // record, and once to read.
    assert!(read.get() < 300 << 20, "{} bytes", read.get());
}

#[test]
fn every_truncated_file_is_explained_or_shorter() {
    for file in [
        "vllm-lists.jsonl",
        "vllm-npy.jsonl",
        "vllm-encoded.jsonl",
        "sglang-generate.jsonl",
        "sglang-openai.jsonl",
        "olmoe-c4_results_1000.jsonl",
        "megatron/router_trace_rank0.jsonl",
    ] {
        let bytes = std::fs::read(fixture(&format!("traces/{file}"))).expect("fixture");
        for end in (1..bytes.len()).step_by(37) {
            let text = all_messages("cut.jsonl", &bytes[..end]).join("\n");
            assert!(!text.is_empty(), "{file} cut at {end}: nothing is found");
        }
    }
}
