//! Errors of checkpoints and inputs that cannot be run.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::{collections::BTreeMap, fs, path::PathBuf, rc::Rc};

use futures::executor::block_on;
use olmoe::{Checkpoint, Config, Error, InputRecords, Inputs, ModelOutput, NoObserver, Processor, run};
use trace::{MemorySource, Source};

/// Files of a reference checkpoint, to be edited.
struct Folder(BTreeMap<String, Vec<u8>>);

impl Folder {
    fn base() -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/olmoe/base-bf16");
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        Self(
            entries
                .filter(|path| !path.ends_with("expected.safetensors"))
                .map(|path| {
                    (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(path).unwrap())
                })
                .collect(),
        )
    }

    fn edit(mut self, file: &str, change: impl FnOnce(String) -> String) -> Self {
        let text = String::from_utf8(self.0.remove(file).unwrap()).unwrap();
        self.0.insert(file.to_owned(), change(text).into_bytes());
        self
    }

    fn config(self, from: &str, to: &str) -> Self {
        self.edit("config.json", |text| {
            assert!(text.contains(from), "{from}");
            text.replace(from, to)
        })
    }

    fn open(&self) -> Result<Checkpoint, Error> {
        let files: Vec<Source> = self
            .0
            .iter()
            .map(|(name, bytes)| Rc::new(MemorySource::new(format!("step7/{name}"), bytes.clone())) as Source)
            .collect();
        block_on(Checkpoint::open("step7", &files))
    }

    /// Error message of opening the folder.
    fn open_error(&self) -> String {
        self.open().unwrap_err().to_string()
    }

    fn run(&self, inputs: &Inputs) -> Result<ModelOutput, Error> {
        block_on(run(&self.open()?, inputs, &Processor::cpu(), &NoObserver))
    }
}

fn inputs(lines: &str) -> Result<Inputs, Error> {
    let mut records = InputRecords::default();
    records.read("samples.jsonl", lines)?;
    records.tokenize("step7", None)
}

/// Asserts that a message contains all `words`.
#[track_caller]
fn assert_contains(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "`{word}` is not in: {message}");
    }
}

/// First byte of a tensor in a shard, and the byte after its last.
fn span(shard: &[u8], tensor: &str) -> (usize, usize) {
    let size = u64::from_le_bytes(shard[..8].try_into().unwrap()) as usize;
    let header: serde_json::Value = serde_json::from_slice(&shard[8..8 + size]).unwrap();
    let at = |place: usize| 8 + size + header[tensor]["data_offsets"][place].as_u64().unwrap() as usize;
    (at(0), at(1))
}

const INDEX: &str = "model.safetensors.index.json";
const SHARD: &str = "model-00002-of-00003.safetensors";

#[test]
fn missing_files() {
    let mut folder = Folder::base();
    folder.0.remove("config.json");
    assert_contains(&folder.open_error(), &["step7", "config.json", "save_pretrained"]);

    let mut folder = Folder::base();
    folder.0.remove(SHARD);
    assert_contains(&folder.open_error(), &["step7", SHARD, "Download"]);

    let mut folder = Folder::base();
    folder.0.retain(|name, _| name == "config.json");
    assert_contains(&folder.open_error(), &["model.safetensors"]);
    folder.0.insert("pytorch_model.bin".to_owned(), b"PK".to_vec());
    assert_contains(&folder.open_error(), &["pickled", "save_pretrained"]);
}

#[test]
fn invalid_shards_and_indices() {
    let mut folder = Folder::base();
    folder.0.get_mut(SHARD).unwrap().truncate(100_000);
    assert_contains(&folder.open_error(), &[SHARD, "cut off"]);

    let mut folder = Folder::base();
    folder.0.get_mut(SHARD).unwrap()[..8].copy_from_slice(&200_000_000_u64.to_le_bytes());
    assert_contains(&folder.open_error(), &[SHARD, "200000000"]);

    let folder = Folder::base().edit(INDEX, |text| text.replace("model.norm.weight", "model.norm.wait"));
    assert_contains(&folder.open_error(), &["model.norm.weight", "not in the checkpoint"]);

    let folder =
        Folder::base().edit(INDEX, |text| text.replacen(SHARD, "model-00001-of-00003.safetensors", 1));
    assert_contains(&folder.open_error(), &["to which the index assigns it"]);

    let folder = Folder::base().edit(INDEX, |_| "{}".to_owned());
    assert_contains(&folder.open_error(), &[INDEX, "weight_map"]);
}

#[test]
fn configs_that_do_not_match_or_are_unsupported() {
    assert_contains(
        &Folder::base().config("\"hidden_size\": 64", "\"hidden_size\": 32").open_error(),
        &["expected floats [128,32]"],
    );
    assert_contains(
        &Folder::base().config("\"num_experts\": 8", "\"num_experts\": 9").open_error(),
        &["mlp.gate.weight", "[9,64]"],
    );
    assert_contains(
        &Folder::base().config("\"olmoe\"", "\"mixtral\"").open_error(),
        &["model_type", "mixtral", "`olmoe`"],
    );
    assert_contains(&Folder::base().config("\"silu\"", "\"gelu\"").open_error(), &["hidden_act", "gelu"]);
    let scaled = r#""rope_scaling": {"type": "linear", "factor": 2.0}"#;
    assert_contains(
        &Folder::base().config("\"rope_scaling\": null", scaled).open_error(),
        &["rope_scaling", "linear"],
    );
    assert_contains(
        &Folder::base().config("\"num_hidden_layers\": 4", "\"num_hidden_layers\": 0").open_error(),
        &["num_hidden_layers"],
    );
    assert_contains(
        &Folder::base().config("\"hidden_size\": 64,", "").open_error(),
        &["hidden_size", "nothing"],
    );
    assert_contains(&Folder::base().config("{", "[").open_error(), &["config.json"]);
    assert_contains(
        &Folder::base().config("\"num_key_value_heads\": 4", "\"num_key_value_heads\": 3").open_error(),
        &["num_key_value_heads", "divisor"],
    );
    // A missing bias is an error when it is read.
    let folder = Folder::base().config("\"attention_bias\": false", "\"attention_bias\": true");
    let error = folder.run(&inputs(r#"{"id": "a", "input_ids": [1, 2]}"#).unwrap()).unwrap_err();
    assert_contains(&error.to_string(), &["q_proj.bias", "not in the checkpoint"]);
}

#[test]
fn inputs_that_do_not_fit() {
    let folder = Folder::base();
    let run_error = |lines: &str| folder.run(&inputs(lines).unwrap()).unwrap_err().to_string();
    assert_contains(
        &run_error(r#"{"id": "a", "input_ids": [1, 128]}"#),
        &["sample `a`", "token 128", "below 128"],
    );
    let long = format!(r#"{{"id": "a", "input_ids": [{}]}}"#, vec!["1"; 257].join(","));
    assert_contains(&run_error(&long), &["257 tokens", "at most 256"]);
    assert_contains(&run_error(""), &["sample"]);

    let parse_error = |lines: &str| inputs(lines).unwrap_err().to_string();
    assert_contains(
        &parse_error(r#"{"id": "a", "text": "x"}"#),
        &["step7", "no tokenizer.json", "sample `a`", "`input_ids`"],
    );
    assert_contains(
        &parse_error(r#"{"id": "a", "text": ""}"#),
        &["samples.jsonl", "line 1", "`input_ids` nor `text`"],
    );
    assert_contains(&parse_error("{\"id\": \"a\", \"input_ids\": [1]}\nnonsense"), &["line 2"]);
    assert_contains(
        &parse_error(r#"{"id": "a", "input_ids": [1, 2], "targets": [1]}"#),
        &["1 targets for 2 tokens"],
    );
    assert_contains(
        &parse_error(r#"{"id": "a", "input_ids": [1], "choices_ids": [[1]], "gold": 1}"#),
        &["gold"],
    );
    assert_contains(&parse_error(r#"{"id": "a", "input_ids": [1], "answer_ids": []}"#), &["without tokens"]);
}

#[test]
fn weights_with_nan() {
    let mut folder = Folder::base();
    let name = "model.layers.2.input_layernorm.weight";
    let shard = folder
        .0
        .values_mut()
        .find(|bytes| bytes.windows(name.len()).any(|part| part == name.as_bytes()) && bytes.len() > 50_000);
    let shard = shard.unwrap();
    let (start, _) = span(shard, name);
    shard[start..start + 2].copy_from_slice(&[0xC0, 0x7F]);
    let error = folder.run(&inputs(r#"{"id": "a", "input_ids": [1, 2]}"#).unwrap()).unwrap_err();
    assert_contains(&error.to_string(), &["step7", "layer 2", "not finite"]);
}

#[test]
fn configs_of_both_styles() {
    let checkpoint = Folder::base().open().unwrap();
    assert_eq!(
        (checkpoint.step, checkpoint.config.norm_eps, checkpoint.config.rope_theta),
        (Some(7), 1e-5, 10_000.0)
    );
    let with_rope_parameters = br#"{"model_type": "olmoe", "hidden_size": 48, "intermediate_size": 24, "num_hidden_layers": 3, "num_attention_heads": 4,
        "num_key_value_heads": 2, "num_experts": 6, "num_experts_per_tok": 3, "vocab_size": 96, "clip_qkv": 0.8, "norm_topk_prob": true,
        "rope_parameters": {"rope_theta": 50000.0, "rope_type": "default"}, "tie_word_embeddings": true, "rms_norm_eps": 1e-6}"#;
    let config = Config::parse("config.json", with_rope_parameters).unwrap();
    assert_eq!((config.rope_theta, config.head_width, config.max_positions), (50_000.0, 12, 4096));
    assert!(config.tied && config.norm_topk && config.clip_qkv == Some(0.8));
}

/// Fused tensors of all experts, as transformers has them in memory and newer versions may save
/// them.
#[test]
fn fused_experts_match_separate_experts() {
    let folder = Folder::base();
    let plain = folder.run(&inputs(r#"{"id": "a", "input_ids": [5, 9, 77, 3]}"#).unwrap()).unwrap();
    let index: serde_json::Value = serde_json::from_slice(&folder.0[INDEX]).unwrap();
    let map = index["weight_map"].as_object().unwrap();
    let bytes_of = |tensor: &str| {
        let shard = &folder.0[map[tensor].as_str().unwrap()];
        let (start, end) = span(shard, tensor);
        shard[start..end].to_vec()
    };
    let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
    for name in map.keys().filter(|name| !name.contains(".experts.")) {
        let shard = &folder.0[map[name].as_str().unwrap()];
        let size = u64::from_le_bytes(shard[..8].try_into().unwrap()) as usize;
        let header: serde_json::Value = serde_json::from_slice(&shard[8..8 + size]).unwrap();
        let shape = header[name]["shape"].as_array().unwrap();
        let shape = shape.iter().map(|size| size.as_u64().unwrap() as usize).collect();
        tensors.push((name.clone(), shape, bytes_of(name)));
    }
    for layer in 0..4 {
        let part = |expert: usize, part: &str| {
            bytes_of(&format!("model.layers.{layer}.mlp.experts.{expert}.{part}.weight"))
        };
        let fused: Vec<u8> =
            (0..8).flat_map(|e| [part(e, "gate_proj"), part(e, "up_proj")].concat()).collect();
        tensors.push((format!("model.layers.{layer}.mlp.experts.gate_up_proj"), vec![8, 64, 64], fused));
        let down: Vec<u8> = (0..8).flat_map(|e| part(e, "down_proj")).collect();
        tensors.push((format!("model.layers.{layer}.mlp.experts.down_proj"), vec![8, 64, 32], down));
    }
    let mut header = serde_json::Map::new();
    let mut data = Vec::new();
    for (name, shape, bytes) in tensors {
        let start = data.len();
        data.extend(bytes);
        header.insert(
            name,
            serde_json::json!({ "dtype": "BF16", "shape": shape, "data_offsets": [start, data.len()] }),
        );
    }
    let header = serde_json::to_vec(&header).unwrap();
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header);
    file.extend(data);
    let mut single = Folder::base();
    single.0.retain(|name, _| name == "config.json");
    single.0.insert("model.safetensors".to_owned(), file);
    let fused = single.run(&inputs(r#"{"id": "a", "input_ids": [5, 9, 77, 3]}"#).unwrap()).unwrap();
    assert_eq!(fused.trace.gates, plain.trace.gates);
    assert_eq!(fused.trace.loss, plain.trace.loss);
}
