//! Very long files, and names with unusual characters or lengths.

use std::{cell::Cell, rc::Rc};

use futures::executor::block_on;
use serde_json::json;
use trace::FileKind;

use crate::common::{self, Handmade, Vast, good, open_bytes, with_header};

#[test]
fn names_are_kept_as_text() {
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
    // 786,432 samples of 16 layers of 64 experts in f32, served as zeros from a source that refuses
    // large reads.
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
    // Zeros are not gates, and the message names the sample.
    let error = block_on(trace.gates(700_000..700_100)).expect_err("zeros").to_string();
    assert!(error.contains("sample 700000"), "{error}");
    assert!(read.get() < 1 << 20);
    let error = block_on(trace.gates(0..700_000)).expect_err("too much at once").to_string();
    assert!(error.contains("at most 1073741824"), "{error}");
}

#[test]
fn three_gigabytes_of_other_content_are_rejected_by_their_first_bytes() {
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
        let opened = block_on(trace::open(Rc::new(source))).expect("unrelated, not an error");
        assert!(matches!(opened.what, FileKind::Unrelated { .. }), "{name}: {opened:?}");
        assert!(read.get() <= 8 << 10, "{name}: {} bytes", read.get());
    }
}
