//! Routers from checkpoints' shards: the names of all families, the bytes that are read, and
//! errors.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::expect_used, reason = "a test may fail where it stands")]

mod common;

use std::{cell::Cell, rc::Rc};

use common::{Handmade, Vast};
use futures::executor::block_on;
use serde_json::json;
use trace::{
    CheckpointFiles, CheckpointRouters, Error, MemorySource, Router, Source, open_tensors, read_routers,
};

fn file(name: &str, bytes: impl Into<Vec<u8>>) -> Source {
    Rc::new(MemorySource::new(format!("step7-tokens3B/{name}"), bytes.into()))
}

fn read(files: &[Source]) -> Result<CheckpointRouters, Error> {
    block_on(read_routers("step7-tokens3B", files))
}

fn refused(files: &[Source], words: &[&str]) {
    let message = read(files).expect_err("a refusal").to_string();
    for word in words {
        assert!(message.contains(word), "`{word}` is not in: {message}");
    }
}

fn whole(shard: &Handmade) -> Vec<Source> {
    vec![file("model.safetensors", shard.bytes())]
}

const LAYER: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];

fn index(map: &serde_json::Value) -> Source {
    file("model.safetensors.index.json", json!({ "metadata": {}, "weight_map": map }).to_string())
}

#[test]
fn every_family_is_found_by_its_names() {
    for router in [
        "mlp.gate.weight",
        "block_sparse_moe.gate.weight",
        "mlp.router.weight",
        "block_sparse_moe.router.layer.weight",
        "feed_forward.router.weight",
    ] {
        // The first layer is dense; layers are ordered as numbers, not as text.
        let shard = Handmade::new()
            .f32(&format!("model.layers.10.{router}"), &[3, 2], &LAYER.map(|value| -value))
            .f32(&format!("model.layers.2.{router}"), &[3, 2], &LAYER)
            .f32("model.layers.0.mlp.gate_proj.weight", &[1, 2], &[0.0, 0.0])
            .f32("mtp.layers.0.mlp.gate.weight", &[1, 2], &[0.0, 0.0]);
        let routers = read(&whole(&shard)).expect("routers");
        assert_eq!((routers.step, routers.tokens), (Some(7), Some(3_000_000_000)));
        assert_eq!((routers.layers.as_slice(), routers.experts, routers.width), (&[2, 10][..], 3, 2));
        assert_eq!(routers.layer(0), LAYER);
        assert_eq!(routers.layer(1), LAYER.map(|value| -value));
        assert!(routers.layer(2).is_empty());
        let Router::Weights { layers: 2, experts: 3, width: 2, values } = routers.into_router() else {
            unreachable!("weights");
        };
        assert_eq!(values.len(), 12);
    }
}

#[test]
fn shards_without_routers_are_not_opened() {
    let shard = Handmade::new().f32("model.layers.0.mlp.gate.weight", &[3, 2], &LAYER);
    let map = json!({ "model.layers.0.mlp.gate.weight": "model-2.safetensors", "lm_head.weight": "model-1.safetensors" });
    let with = |other: &[Source]| {
        let mut files = vec![index(&map), file("model-2.safetensors", shard.bytes())];
        files.extend_from_slice(other);
        read(&files).expect("routers")
    };
    assert_eq!(with(&[]).values, LAYER);
    assert_eq!(with(&[file("model-1.safetensors", b"nonsense")]).values, LAYER);
}

/// Transformers takes the single file too. The reader says which of the two it took.
#[test]
fn the_single_file_counts_where_an_index_is_there_too() {
    let name = "model.layers.0.mlp.gate.weight";
    let single = Handmade::new().f32(name, &[3, 2], &LAYER);
    let other = Handmade::new().f32(name, &[3, 2], &LAYER.map(|value| -value));
    let files = [
        index(&json!({ name: "model-00001-of-00001.safetensors" })),
        file("model-00001-of-00001.safetensors", other.bytes()),
        file("model.safetensors", single.bytes()),
    ];
    assert_eq!(read(&files).expect("routers").layer(0), LAYER);
    let note = CheckpointFiles::new("step7-tokens3B", &files).note().expect("a note");
    let parts =
        ["step7-tokens3B", "model.safetensors.index.json is there too", "read from model.safetensors,"];
    for part in parts {
        assert!(note.contains(part), "{part}: {note}");
    }
    // The index alone counts, and there is nothing to say.
    assert_eq!(read(&files[..2]).expect("routers").layer(0), LAYER.map(|value| -value));
    assert_eq!(CheckpointFiles::new("step7-tokens3B", &files[..2]).note(), None);
}

#[test]
fn only_header_and_routers_of_a_large_shard_are_read() {
    let bytes = Handmade::new().f32("model.layers.0.mlp.gate.weight", &[3, 2], &LAYER).bytes();
    let (head, count) = (bytes.clone(), Rc::new(Cell::new(0)));
    let vast =
        Vast { name: "step7/model.safetensors".to_owned(), head, len: 5 << 30, read: Rc::clone(&count) };
    assert_eq!(read(&[Rc::new(vast)]).expect("routers").values, LAYER);
    assert_eq!(count.get(), bytes.len() as u64);
}

#[test]
fn the_step_can_be_in_the_state_of_the_trainer() {
    let shard = Handmade::new().f32("model.layers.0.mlp.gate.weight", &[3, 2], &LAYER);
    let mut files = whole(&shard);
    let step = |files: &[Source]| block_on(read_routers("run", files)).expect("routers").step;
    assert_eq!(step(&files), None);
    files.push(file("trainer_state.json", *b"{\"global_step\": 4500}"));
    assert_eq!(step(&files), Some(4500));
}

#[test]
fn malformed_checkpoints_are_explained() {
    let gate = |layer: usize| format!("model.layers.{layer}.mlp.gate.weight");
    refused(&[], &["step7-tokens3B", "model.safetensors", "save_pretrained"]);
    refused(&[file("pytorch_model.bin", b"PK")], &["pickled", "never read"]);
    refused(
        &whole(&Handmade::new().f32("lm_head.weight", &[1, 1], &[1.0])),
        &["no router", "mixture-of-experts"],
    );
    refused(&whole(&Handmade::new().f32(&gate(0), &[1, 6], &LAYER)), &["F32 [1,6]", "at least two experts"]);
    refused(&whole(&Handmade::new().f32(&gate(0), &[6], &LAYER)), &["F32 [6]"]);
    let other = Handmade::new().f32(&gate(0), &[3, 2], &LAYER).f32(&gate(1), &[2, 3], &LAYER);
    refused(&whole(&other), &[&gate(1), "[2,3]", "[3,2]"]);
    refused(&whole(&Handmade::new().raw(&gate(0), "I8", &[3, 2], &[0; 6])), &["I8", "unquantised"]);
    let mut spoiled = LAYER;
    spoiled[4] = f32::NAN;
    refused(&whole(&Handmade::new().f32(&gate(0), &[3, 2], &spoiled)), &[&gate(0), "expert 2", "NaN"]);
    let twice = Handmade::new().f32(&gate(0), &[3, 2], &LAYER).f32(
        "model.layers.0.block_sparse_moe.gate.weight",
        &[3, 2],
        &LAYER,
    );
    refused(&whole(&twice), &["one such tensor in layer 0", "one model only"]);
    refused(&[file("model.safetensors.index.json", b"{}")], &["index.json", "weight_map"]);
    let map = json!({ gate(0): "model-1.safetensors" });
    refused(&[index(&map)], &["shard model-1.safetensors", "Download"]);
    let empty = file("model-1.safetensors", Handmade::new().bytes());
    refused(&[index(&map), empty], &["model-1.safetensors", &gate(0), "not in this shard"]);
}

#[test]
fn files_of_any_tensors_open() {
    let file = block_on(open_tensors(file("x.safetensors", Handmade::new().f32("a", &[1], &[1.0]).bytes())));
    assert_eq!(file.expect("tensors").names().collect::<Vec<_>>(), ["a"]);
    let text = block_on(open_tensors(Rc::new(MemorySource::new("x.txt", *b"hello")))).expect_err("text");
    assert!(text.to_string().contains("safetensors or npz"), "{text}");
    assert!(block_on(open_tensors(Rc::new(MemorySource::new("x.npz", Vec::new())))).is_err());
}
