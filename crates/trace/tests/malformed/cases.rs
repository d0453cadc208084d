//! Malformed files, each with one error.

use serde_json::json;

use crate::{
    common::{Handmade, good, with_header},
    packed,
};

/// A file, its bytes, and words that its messages must contain.
pub type Case = (&'static str, Vec<u8>, &'static [&'static str]);

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
fn grokscope_files() -> Vec<Case> {
    let metadata = [("format", "grokscope.trace"), ("version", "1")];
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
            Handmade::new().metadata(&metadata).f32("loss", &[1], &[1.0]).bytes(),
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
            good().metadata(&[("samples", r#"[{"id":"a","domain":"x"},{"id":"a","domain":"x"}]"#)]).bytes(),
            &["warning", "`a`", "`a (2)`"],
        ),
        (
            "samples-of-two-domains.safetensors",
            good().metadata(&[("samples", r#"[{"id":"a","domain":"x"},{"id":"a","domain":"y"}]"#)]).bytes(),
            &["warning", "`a`", "several domains", "`a (x)`"],
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

fn unsupported() -> Vec<Case> {
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
        (
            "readme.md",
            b"# Notes\n\nNothing, to see; here\n".to_vec(),
            &["unrelated", "not a known part of a run"],
        ),
        (
            "picture.png",
            b"\x89PNG\r\n\x1a\n\x00\x00\x00\x0d".to_vec(),
            &["unrelated", "not a known part of a run"],
        ),
    ]
}

/// All cases.
pub fn cases() -> Vec<Case> {
    [containers(), grokscope_files(), dumps_and_tables(), unsupported(), packed::cases()].concat()
}
