//! Files that are wrong, each in its own way. What is said of each is kept in `tests/fixtures/malformed/messages.json`
//! beside the files; after a change of either, run this once with `UPDATE_FIXTURES=1` and read what changed.
#![cfg(not(target_arch = "wasm32"))]

mod common;
mod packed;

use std::{cell::Cell, collections::BTreeMap, rc::Rc};

use common::{Handmade, Vast, fixture, good, open_bytes, with_header};
use futures::executor::block_on;
use serde_json::json;
use trace::{MemorySource, Opened, Recognised, Source, open, unpack};

/// A file, its bytes, and words that must be in what is said of it.
type Case = (&'static str, Vec<u8>, &'static [&'static str]);

const LABELS: &str = r#"[{"id":"a","domain":"x"},{"id":"b","domain":"y"}]"#;

fn containers() -> Vec<Case> {
    let whole = good().bytes();
    let mut huge = u64::MAX.to_le_bytes().to_vec();
    huge.extend(b"{}");
    vec![
        ("empty.safetensors", Vec::new(), &["error", "empty"]),
        ("five-bytes.safetensors", vec![1, 0, 0, 0, 0], &["error", "cut off", "byte 8", "byte 5"]),
        ("truncated.safetensors", whole[..whole.len() - 7].to_vec(), &["error", "tensor `gates`", "cut off"]),
        ("truncated-header.safetensors", whole[..40].to_vec(), &["error", "header", "cut off"]),
        ("header-too-long.safetensors", huge, &["error", "18446744073709551615", "at most 100000000"]),
        ("header-not-json.safetensors", with_header(b"{\"gates\": [1,2,", &[0; 64]), &["error", "header", "JSON"]),
        (
            "header-other-json.safetensors",
            with_header(b"{\"gates\": {\"dtype\": \"F32\"}}", &[]),
            &["error", "missing field `shape`"],
        ),
        (
            "twice-the-same-tensor.safetensors",
            with_header(
                br#"{"gates":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"gates":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
                &[0; 8],
            ),
            &["error", "two tensors called `gates`"],
        ),
        (
            "offsets-out-of-range.safetensors",
            good().entry("gates", "data_offsets", json!([0, 640])).bytes(),
            &["error", "tensor `gates`", "cut off"],
        ),
        (
            "offsets-backwards.safetensors",
            good().entry("gates", "data_offsets", json!([64, 0])).bytes(),
            &["error", "data_offsets 64 to 0"],
        ),
        (
            "offsets-overlap.safetensors",
            good().f32("loss", &[2], &[1.0, 2.0]).entry("loss", "data_offsets", json!([60, 68])).bytes(),
            &["error", "tensor `loss`", "overlap those of `gates`"],
        ),
        (
            "shape-and-bytes.safetensors",
            good().entry("gates", "shape", json!([2, 2, 5])).bytes(),
            &["error", "F32 [2,2,5] in 64 bytes"],
        ),
        (
            "shape-overflow.safetensors",
            good().entry("gates", "shape", json!([u64::MAX, u64::MAX, 2])).bytes(),
            &["error", "in 64 bytes"],
        ),
        (
            "lfs-pointer.safetensors",
            b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n".to_vec(),
            &["unrelated", "git lfs pull"],
        ),
        (
            "web-page.safetensors",
            b"<!DOCTYPE html><html><body>Sign in</body></html>".to_vec(),
            &["unrelated", "web page"],
        ),
        ("no-archive.npz", b"not a zip".to_vec(), &["error", "no zip archive"]),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn our_files() -> Vec<Case> {
    let ours = [("format", "grokscope.trace"), ("version", "1")];
    vec![
        (
            "gates-integers.safetensors",
            Handmade::new().i32("gates", &[1, 1, 2], &[0, 1]).bytes(),
            &["error", "I32", "F32 or F16"],
        ),
        (
            "gates-two-axes.safetensors",
            Handmade::new().f32("gates", &[2, 2], &[0.5; 4]).bytes(),
            &["error", "F32 [2,2]", "three axes"],
        ),
        (
            "gates-no-samples.safetensors",
            Handmade::new().f32("gates", &[0, 2, 2], &[]).bytes(),
            &["error", "at least one sample"],
        ),
        (
            "gates-missing.safetensors",
            Handmade::new().metadata(&ours).f32("loss", &[1], &[1.0]).bytes(),
            &["error", "no tensor `gates`"],
        ),
        (
            "gates-nan.safetensors",
            Handmade::new().f32("gates", &[1, 2, 2], &[0.5, 0.5, f32::NAN, 1.0]).bytes(),
            &["error", "sample 0 (`0`), layer 1", "expert 0 has the weight NaN"],
        ),
        (
            "gates-infinite.safetensors",
            Handmade::new().f32("gates", &[1, 1, 2], &[0.5, f32::INFINITY]).bytes(),
            &["error", "expert 1 has the weight inf"],
        ),
        (
            "gates-negative.safetensors",
            Handmade::new().f32("gates", &[2, 1, 2], &[0.5, 0.5, -0.25, 1.25]).bytes(),
            &["error", "sample 1", "weight -0.25", "softmax"],
        ),
        (
            "gates-top-k-only.safetensors",
            Handmade::new().f32("gates", &[1, 1, 4], &[0.3, 0.2, 0.0, 0.0]).bytes(),
            &["error", "sum to 0.50000", "selected experts"],
        ),
        (
            "gates-sums.safetensors",
            Handmade::new().f32("gates", &[1, 1, 2], &[7.0, 5.0]).bytes(),
            &["error", "sum to 12.00000", "mean over tokens"],
        ),
        (
            "gates-rough.safetensors",
            Handmade::new().f32("gates", &[2, 1, 2], &[0.5, 0.5, 0.5, 0.502]).bytes(),
            &["warning", "1 rows", "sample 1", "1.00200"],
        ),
        (
            "loss-too-short.safetensors",
            good().f32("loss", &[1], &[1.0]).bytes(),
            &["error", "tensor `loss`", "F32 [1]", "F32 [2]"],
        ),
        (
            "loss-nan.safetensors",
            good().f32("loss", &[2], &[1.0, f32::NAN]).bytes(),
            &["warning", "1 of 2 samples"],
        ),
        (
            "n-tokens-negative.safetensors",
            good().i32("n_tokens", &[2], &[3, -1]).bytes(),
            &["error", "-1 tokens for sample 1"],
        ),
        (
            "router-other-layers.safetensors",
            good().f32("router_weight", &[1, 4, 1], &[0.0; 4]).bytes(),
            &["error", "router_weight", "[2,4,hidden size]"],
        ),
        (
            "router-nan.safetensors",
            good().f32("router_weight", &[2, 4, 1], &[f32::NAN; 8]).bytes(),
            &["error", "router_weight", "NaN or infinite"],
        ),
        (
            "router-gram-shape.safetensors",
            good().f32("router_gram", &[2, 4, 4], &[0.0; 32]).bytes(),
            &["error", "router_gram", "[3,4,4]"],
        ),
        (
            "topk-beyond.safetensors",
            good().i32("topk_ids", &[2, 2, 1], &[0, 1, 2, 4]).i64("offsets", &[3], &[0, 1, 2]).bytes(),
            &["error", "token 1, layer 1", "expert 4", "from 0 to 3"],
        ),
        (
            "topk-minus-one.safetensors",
            good().i32("topk_ids", &[2, 2, 1], &[0, 1, -1, 2]).i64("offsets", &[3], &[0, 1, 2]).bytes(),
            &["error", "token 1, layer 0", "expert -1"],
        ),
        (
            "topk-twice.safetensors",
            good()
                .i32("topk_ids", &[2, 2, 2], &[0, 1, 2, 3, 0, 1, 3, 3])
                .i64("offsets", &[3], &[0, 1, 2])
                .bytes(),
            &["error", "token 1, layer 1", "expert 3 twice", "2 different"],
        ),
        (
            "topk-layers.safetensors",
            good().i32("topk_ids", &[2, 1, 2], &[0, 1, 2, 3]).bytes(),
            &["error", "topk_ids", "[tokens of all samples, 2, k]"],
        ),
        (
            "offsets-falling.safetensors",
            good().i32("topk_ids", &[2, 2, 1], &[0; 4]).i64("offsets", &[3], &[0, 2, 1]).bytes(),
            &["error", "tensor `offsets`", "1 at place 2, after 2"],
        ),
        (
            "offsets-short-of-the-end.safetensors",
            good().i32("topk_ids", &[2, 2, 1], &[0; 4]).i64("offsets", &[3], &[0, 1, 1]).bytes(),
            &["error", "a last offset of 1"],
        ),
        (
            "tokens-do-not-add-up.safetensors",
            good().i32("topk_ids", &[2, 2, 1], &[0; 4]).i32("n_tokens", &[2], &[2, 2]).bytes(),
            &["warning", "2 tokens", "sums to 4"],
        ),
        (
            "samples-not-json.safetensors",
            good().metadata(&[("samples", "[{\"id\": \"a\",")]).bytes(),
            &["error", "metadata `samples`", "EOF"],
        ),
        (
            "samples-too-few.safetensors",
            good().metadata(&[("samples", r#"[{"id":"a","domain":"x"}]"#)]).bytes(),
            &["error", "a list of 1", "a list of 2"],
        ),
        (
            "samples-no-id.safetensors",
            good().metadata(&[("samples", r#"[{"domain":"x"},{"domain":"y"}]"#)]).bytes(),
            &["error", "missing field `id`"],
        ),
        (
            "samples-twice.safetensors",
            good().metadata(&[("samples", r#"[{"id":"a","domain":"x"},{"id":"a","domain":"y"}]"#)]).bytes(),
            &["warning", "`a`", "`a (2)`"],
        ),
        (
            "later-version.safetensors",
            good().metadata(&[("format", "grokscope.trace"), ("version", "2")]).bytes(),
            &["error", "version 2", "Reload the page"],
        ),
        (
            "version-nonsense.safetensors",
            good().metadata(&[("format", "grokscope.trace"), ("version", "one")]).bytes(),
            &["error", "metadata `version`", "\"one\""],
        ),
        (
            "step-nonsense.safetensors",
            good().metadata(&[("step", "5k"), ("samples", LABELS)]).bytes(),
            &["warning", "\"5k\""],
        ),
        (
            "gate-kind-nonsense.safetensors",
            good().metadata(&[("gate_kind", "logits")]).bytes(),
            &["error", "gate_kind", "\"logits\""],
        ),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table of cases")]
fn dumps_and_tables() -> Vec<Case> {
    let logits = [1.0, 2.0, 3.0, -1.0, 0.0, 0.5, 4.0, 2.0];
    let dump = || Handmade::new().f32("router_logits.0", &[4, 2], &logits);
    let mask = |values: &[i64]| dump().i64("attention_mask", &[2, 2], values);
    vec![
        (
            "hf-layers-differ.safetensors",
            dump().f32("router_logits.1", &[2, 2], &[0.0; 4]).bytes(),
            &["error", "router_logits.1", "F32 [2,2]", "[4,2]"],
        ),
        (
            "hf-mask-of-another-batch.safetensors",
            dump().i64("attention_mask", &[3, 2], &[1; 6]).bytes(),
            &["error", "router_logits.0", "6 rows"],
        ),
        (
            "hf-mask-nonsense.safetensors",
            mask(&[1, 1, 7, 1]).bytes(),
            &["error", "attention_mask", "7 in sample 1, position 0"],
        ),
        ("hf-no-mask.safetensors", dump().bytes(), &["warning", "all 4 rows are taken as one sample"]),
        (
            "hf-ids-only.safetensors",
            dump().i64("input_ids", &[2, 2], &[5, 6, 7, 8]).bytes(),
            &["warning", "no `attention_mask`", "padding included"],
        ),
        (
            "hf-sample-of-padding.safetensors",
            mask(&[1, 1, 0, 0]).bytes(),
            &["warning", "1 of 2 samples have no real token"],
        ),
        ("hf-all-padding.safetensors", mask(&[0; 4]).bytes(), &["error", "no real token in any sample"]),
        (
            "hf-loss-of-the-batch.safetensors",
            mask(&[1; 4]).f32("loss", &[], &[2.5]).bytes(),
            &["warning", "one number"],
        ),
        (
            "hf-losses-too-many.safetensors",
            mask(&[1; 4]).f32("losses", &[3], &[2.5; 3]).bytes(),
            &["error", "tensor `losses`", "F32 [2]"],
        ),
        (
            "hf-nan.safetensors",
            Handmade::new()
                .f32("router_logits.0", &[2, 2], &[1.0, 2.0, f32::NAN, 1.0])
                .i64("attention_mask", &[1, 2], &[1, 1])
                .bytes(),
            &["error", "NaN for expert 0 at sample 0, position 1"],
        ),
        (
            "hf-half-probabilities.safetensors",
            dump().f32("router_logits.1", &[4, 2], &[0.5; 8]).i64("attention_mask", &[2, 2], &[1; 4]).bytes(),
            &["error", "router_logits.0", "while other layers hold probabilities"],
        ),
        (
            "embeddings-widths.safetensors",
            Handmade::new().f32("samples", &[1, 2], &[1.0, 2.0]).f32("items", &[1, 3], &[1.0; 3]).bytes(),
            &["error", "tensor `items`", "[rows,2]"],
        ),
        (
            "run-broken.json",
            b"{\"steps\": [1, 2], \"items\": [{\"id\": \"a\", \"correct\": [0, 5]}]}".to_vec(),
            &["error", "line 1", "integer `5`", "0, 1, true, false or null"],
        ),
        ("run-cut.json", b"{\"steps\": [1, 2], \"items\": [{\"id\"".to_vec(), &["error", "EOF"]),
        (
            "run-short-correct.json",
            b"{\"steps\": [1, 2], \"items\": [{\"id\": \"a\", \"correct\": [1]}]}".to_vec(),
            &["error", "item 0 (`a`)", "1 entries", "2, one for each"],
        ),
        (
            "run-turned.json",
            b"{\"steps\": [1, 2], \"items\": [{\"id\": \"a\"}], \"correct\": [[1, 0]]}".to_vec(),
            &["error", "1 rows", "[checkpoint][item]"],
        ),
        (
            "run-step-twice.json",
            b"{\"steps\": [7, 7], \"accuracy\": []}".to_vec(),
            &["error", "step 7 twice"],
        ),
        (
            "run-percent.json",
            b"{\"accuracy\": [{\"domain\": \"x\", \"step\": 1, \"accuracy\": 45.5}]}".to_vec(),
            &["error", "45.5", "Divide percentages"],
        ),
        ("run-nothing.json", b"{\"steps\": [1, 2]}".to_vec(), &["error", "no samples, items, accuracy"]),
        (
            "table-step.csv",
            b"item,domain,step,correct\na,x,1k,1\n".to_vec(),
            &["error", "line 2, column `step`", "\"1k\""],
        ),
        (
            "table-correct.csv",
            b"item,domain,step,correct\na,x,1,1\na,x,2,yes\n".to_vec(),
            &["error", "line 3, column `correct`", "\"yes\""],
        ),
        (
            "table-contradiction.csv",
            b"item,domain,step,correct\na,x,1,1\na,x,1,0\n".to_vec(),
            &["warning", "line 3"],
        ),
        ("table-no-rows.csv", b"domain,step,accuracy\n".to_vec(), &["error", "no rows"]),
        (
            "table-latin-1.csv",
            b"item,domain,step,correct\na,x,1,1\n\xe9,x,1,0\n".to_vec(),
            &["error", "line 3", "UTF-8"],
        ),
        ("samples-broken.jsonl", b"{\"id\": \"a\"}\n{\"id\": }\n".to_vec(), &["error", "line 2"]),
        (
            "samples-no-id.jsonl",
            b"{\"id\": \"a\"}\n{\"domain\": \"x\"}\n".to_vec(),
            &["error", "line 2", "missing field `id`"],
        ),
    ]
}

fn strangers() -> Vec<Case> {
    let shard = Handmade::new().raw("model.embed_tokens.weight", "BF16", &[1, 1], &[0, 0]);
    vec![
        (
            "model-00001-of-00003.safetensors",
            shard.bytes(),
            &["unrelated", "shard of a checkpoint", "whole folder"],
        ),
        (
            "other-tensors.safetensors",
            Handmade::new().f32("weights", &[1], &[0.0]).bytes(),
            &["unrelated", "Looked for", "`gates`", "router logits"],
        ),
        (
            "config.json",
            b"{\"architectures\": [\"OlmoeForCausalLM\"], \"model_type\": \"olmoe\"}".to_vec(),
            &["unrelated", "configuration"],
        ),
        (
            "tokenizer.json",
            b"{\"version\": \"1.0\", \"added_tokens\": []}".to_vec(),
            &["unrelated", "tokenizer"],
        ),
        (
            "model.safetensors.index.json",
            b"{\"metadata\": {}, \"weight_map\": {}}".to_vec(),
            &["unrelated", "index"],
        ),
        ("other.json", b"{\"name\": \"x\", \"items\": [1, 2]}".to_vec(), &["unrelated", "benchmark results"]),
        ("trace.pkl", b"\x80\x04\x95\x00".to_vec(), &["unrelated", "pickle", "never read"]),
        (
            "trace.pt",
            b"PK\x03\x04xxxxxxxxxxxxxxxxxxxxxxxxxxarchive/data.pkl".to_vec(),
            &["unrelated", "pickle", "safetensors.torch.save_file"],
        ),
        (
            "layer_00.parquet",
            b"PAR1xxxxPAR1".to_vec(),
            &["error", "footer of 2021161080 bytes", "inside the file"],
        ),
        ("readme.md", b"# Notes\n\nNothing, to see; here\n".to_vec(), &["unrelated", "no part of a run"]),
        ("picture.png", b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0d".to_vec(), &["unrelated", "no part of a run"]),
    ]
}

fn cases() -> Vec<Case> {
    [containers(), our_files(), dumps_and_tables(), strangers(), packed::cases()].concat()
}

/// All that is said of a file when everything in it is asked for.
fn said(name: &str, bytes: &[u8]) -> Vec<String> {
    match block_on(unpack(Rc::new(MemorySource::new(name, bytes)))) {
        Err(error) => vec![format!("error: {error}")],
        Ok(unpacked) => {
            let mut said: Vec<String> =
                unpacked.notes.into_iter().map(|text| format!("note: {text}")).collect();
            said.extend(unpacked.files.into_iter().flat_map(said_of));
            said
        }
    }
}

fn said_of(file: Source) -> Vec<String> {
    let Opened { what, warnings } = match block_on(open(file)) {
        Ok(opened) => opened,
        Err(error) => return vec![format!("error: {error}")],
    };
    let mut said: Vec<String> = warnings.into_iter().map(|text| format!("warning: {text}")).collect();
    match what {
        Recognised::Trace(trace) => {
            let all = 0..trace.info.samples.len();
            let errors = [
                block_on(trace.gates(all.clone())).err(),
                block_on(trace.topk(all.clone())).err(),
                block_on(trace.router()).err(),
            ];
            said.extend(trace.take_notices().into_iter().map(|text| format!("warning: {text}")));
            said.extend(errors.into_iter().flatten().map(|error| format!("error: {error}")));
        }
        Recognised::Mappable(proposal) => said.push(format!("mappable: {}", proposal.sentence())),
        Recognised::Unrelated { looked_for } => said.push(format!("unrelated: {looked_for}")),
        _ => {}
    }
    said
}

#[test]
fn every_malformed_file_is_explained() {
    let mut messages: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, bytes, words) in cases() {
        let said = said(name, &bytes);
        let text = said.join("\n");
        assert!(!text.is_empty(), "{name}: nothing is said");
        for word in words {
            assert!(text.contains(word), "{name}: \"{word}\" is not in\n{text}");
        }
        assert!(text.contains(name), "{name} is not named in\n{text}");
        assert!(messages.insert(name.to_owned(), said).is_none(), "{name} twice");
    }
    let folder = fixture("malformed");
    let written = serde_json::to_string_pretty(&messages).expect("JSON") + "\n";
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        std::fs::create_dir_all(&folder).expect("a folder");
        for (name, bytes, _) in cases() {
            std::fs::write(folder.join(name), bytes).expect("a file");
        }
        std::fs::write(folder.join("messages.json"), &written).expect("a file");
    }
    for (name, bytes, _) in cases() {
        assert_eq!(std::fs::read(folder.join(name)).expect("the file is kept"), bytes, "{name} is another");
    }
    assert_eq!(std::fs::read_to_string(folder.join("messages.json")).expect("kept"), written);
}

#[test]
fn damaged_archives_are_explained() {
    let good = std::fs::read(fixture("traces/hf-batch-probs.npz")).expect("fixture");
    let find = |needle: &[u8]| good.windows(needle.len()).rposition(|w| w == needle).expect("a place");
    let spoil = |at: usize, bytes: &[u8]| {
        let mut spoiled = good.clone();
        spoiled[at..at + bytes.len()].copy_from_slice(bytes);
        said("dump.npz", &spoiled).join("\n")
    };
    let cut = said("dump.npz", &good[..good.len() / 2]).join("\n");
    assert!(cut.contains("no end record") && cut.contains("cut off"), "{cut}");
    // In the directory: packed size at 20, unpacked size at 24, checksum at 16, method at 10, flags at 8.
    let entry = good.windows(4).position(|w| w == b"PK\x01\x02").expect("a directory");
    let bomb = spoil(entry + 24, &0x3fff_ffff_u32.to_le_bytes());
    assert!(bomb.contains("claim to unpack to 1073741823"), "{bomb}");
    let longer = spoil(entry + 24, &9_999_u32.to_le_bytes());
    assert!(longer.contains("9999 bytes with the header"), "{longer}");
    let checksum = spoil(entry + 16, &[1, 2, 3, 4]);
    assert!(checksum.contains("another checksum"), "{checksum}");
    let method = spoil(entry + 10, &[93, 0]);
    assert!(method.contains("packing method 93"), "{method}");
    let encrypted = spoil(entry + 8, &[1, 0]);
    assert!(encrypted.contains("encrypted"), "{encrypted}");
    let directory = spoil(find(b"PK\x05\x06") + 16, &u32::MAX.to_le_bytes());
    assert!(directory.contains("one inside the file"), "{directory}");
    // The first member's packed bytes begin behind its local header.
    let member = good.windows(4).position(|w| w == b"PK\x03\x04").expect("a member") + 3000;
    let packed = spoil(member, &[0xff; 400]);
    assert!(packed.contains("archive entry `router_logits.0.npy`"), "{packed}");
}

#[test]
fn an_archive_that_inflates_without_end_costs_nothing() {
    // 20 KB of deflate that claim, truthfully, to be 20 MB of zeros.
    let mut header = b"\x93NUMPY\x01\x00".to_vec();
    let text = b"{'descr': '<f4', 'fortran_order': False, 'shape': (5000000, 1), }\n";
    header.extend((text.len() as u16).to_le_bytes());
    header.extend(text);
    let mut data = header;
    data.resize(data.len() + 20_000_000, 0);
    let packed = miniz_oxide::deflate::compress_to_vec(&data, 1);
    let mut crc = crc32fast::Hasher::new();
    crc.update(&data);
    let (crc, size) = (crc.finalize(), data.len() as u32);
    drop(data);
    let name = b"router_logits.0.npy";
    let fields = |claimed: u32| {
        let mut fields = vec![20, 0, 0, 0, 8, 0, 0, 0, 0, 0];
        fields.extend(crc.to_le_bytes());
        fields.extend((packed.len() as u32).to_le_bytes());
        fields.extend(claimed.to_le_bytes());
        fields.extend((name.len() as u16).to_le_bytes());
        fields.extend([0, 0]);
        fields
    };
    let archive = |claimed: u32| {
        let mut bytes = b"PK\x03\x04".to_vec();
        bytes.extend(fields(claimed));
        bytes.extend(name);
        bytes.extend(&packed);
        let directory = bytes.len() as u32;
        bytes.extend(b"PK\x01\x02\x14\x00");
        bytes.extend(fields(claimed));
        bytes.extend([0; 10]);
        bytes.extend(0_u32.to_le_bytes());
        bytes.extend(name);
        let length = bytes.len() as u32 - directory;
        bytes.extend(b"PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00");
        bytes.extend(length.to_le_bytes());
        bytes.extend(directory.to_le_bytes());
        bytes.extend([0, 0]);
        bytes
    };
    // Honest: it is read, and found to be all zeros, one expert a row.
    let honest = said("dump.npz", &archive(size)).join("\n");
    assert!(!honest.contains("error"), "{honest}");
    // It claims less than it inflates to: stopped at the claim.
    let liar = said("dump.npz", &archive(1_000_000)).join("\n");
    assert!(liar.contains("error"), "{liar}");
}

#[test]
fn names_are_text_and_nothing_else() {
    let evil = "<script>alert(1)</script>";
    let samples = json!([{"id": evil, "domain": evil}, {"id": "b", "domain": "y"}]).to_string();
    let name = format!("{evil}/step-3.safetensors");
    let opened = open_bytes(&name, good().metadata(&[("samples", &samples), ("model", evil)]).bytes())
        .expect("a trace");
    let trace = common::as_trace(opened);
    assert_eq!(trace.info.samples[0].id, evil);
    assert_eq!(trace.info.samples[0].domain, evil);
    assert_eq!(trace.info.model.as_deref(), Some(evil));
    assert_eq!((trace.info.name, trace.info.step), (name, Some(3)));
}

#[test]
fn long_names_do_not_flood_messages() {
    let long = "x".repeat(100_000);
    let bytes = Handmade::new().f32(&long, &[2], &[0.0; 2]).entry(&long, "shape", json!([3])).bytes();
    let error = open_bytes("a.safetensors", bytes).expect_err("wrong").to_string();
    assert!(error.len() < 1000, "{}", error.len());
    let samples = json!([{"id": long, "domain": long}, {"id": [long], "domain": ""}]).to_string();
    let error =
        open_bytes("a.safetensors", good().metadata(&[("samples", &samples)]).bytes()).expect_err("wrong");
    assert!(error.to_string().len() < 1000, "{}", error.to_string().len());
}

#[test]
fn three_gigabytes_are_read_by_ranges() {
    // 786,432 samples of 16 layers of 64 experts in f32, served as zeros from a source that refuses large reads.
    let samples = 786_432_u64;
    let values = samples * 16 * 64;
    let header =
        json!({"gates": {"dtype": "F32", "shape": [samples, 16, 64], "data_offsets": [0, values * 4]}})
            .to_string();
    let head = with_header(header.as_bytes(), &[]);
    let read = Rc::new(Cell::new(0));
    let len = head.len() as u64 + values * 4;
    assert!(len > 3 << 30);
    let source = Vast { name: "step-1.safetensors".to_owned(), head, len, read: Rc::clone(&read) };
    let trace = common::as_trace(block_on(trace::open(Rc::new(source))).expect("a trace"));
    assert_eq!(trace.info.samples.len() as u64, samples);
    assert!(read.get() < 16 << 10, "{} bytes to open it", read.get());
    // Zeros are no gates, and the message names the very sample.
    let error = block_on(trace.gates(700_000..700_100)).expect_err("zeros").to_string();
    assert!(error.contains("sample 700000"), "{error}");
    assert!(read.get() < 1 << 20);
    let error = block_on(trace.gates(0..700_000)).expect_err("too much at once").to_string();
    assert!(error.contains("at most 1073741824"), "{error}");
}

#[test]
fn three_gigabytes_of_anything_else_are_declined_at_a_glance() {
    for (name, head) in [
        ("video.mp4", b"\x00\x00\x00\x20ftypisom".to_vec()),
        ("huge.json", b"{\"data\": [".to_vec()),
        ("huge.jsonl", b"{\"text\": \"a\"}\n{\"text\": \"b\"}\n".to_vec()),
        ("huge.csv", b"a,b,c\n1,2,3\n".to_vec()),
        ("zeros.bin", Vec::new()),
        ("model.gguf", b"GGUF\x03\x00".to_vec()),
    ] {
        let read = Rc::new(Cell::new(0));
        let source = Vast { name: name.to_owned(), head, len: 3 << 30, read: Rc::clone(&read) };
        let opened = block_on(trace::open(Rc::new(source))).expect("declined, not an error");
        assert!(matches!(opened.what, Recognised::Unrelated { .. }), "{name}: {opened:?}");
        assert!(read.get() <= 8 << 10, "{name}: {} bytes", read.get());
    }
}
