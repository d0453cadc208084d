//! Helpers of the tests: fixtures by path, and handmade safetensors files, which can have any
//! error.

#![expect(dead_code, reason = "every test file uses only some of them")]
#![expect(clippy::expect_used, reason = "a helper that fails fails its test")]

use std::{cell::Cell, path::PathBuf, rc::Rc};

use futures::executor::block_on;
use serde_json::{Value, json};
use trace::{ByteSource, Error, FileKind, FileSource, MemorySource, OpenTrace, Opened, Pending};

pub fn fixture(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures").join(path)
}

pub fn open_fixture(path: &str) -> Result<Opened, Error> {
    let source = FileSource::open(fixture(path)).expect("the fixture is there");
    block_on(trace::open(Rc::new(source)))
}

pub fn open_bytes(name: &str, bytes: impl Into<Vec<u8>>) -> Result<Opened, Error> {
    block_on(trace::open(Rc::new(MemorySource::new(name, bytes.into()))))
}

pub fn as_trace(opened: Opened) -> OpenTrace {
    match opened.what {
        FileKind::Trace(trace) => trace,
        other => panic!("not a trace: {other:?}"),
    }
}

pub fn json_fixture(path: &str) -> Value {
    serde_json::from_slice(&std::fs::read(fixture(path)).expect("the fixture is there")).expect("JSON")
}

/// A tensor of a fixture as f32, by code that is independent of the crate.
pub fn tensor(path: &str, name: &str) -> Vec<f32> {
    let bytes = std::fs::read(fixture(path)).expect("the fixture is there");
    let header_len = u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes")) as usize;
    let header: Value = serde_json::from_slice(&bytes[8..8 + header_len]).expect("JSON");
    let entry = &header[name];
    assert_eq!(entry["dtype"], "F32", "{name}");
    let offset = |i: usize| 8 + header_len + entry["data_offsets"][i].as_u64().expect("an offset") as usize;
    bytes[offset(0)..offset(1)]
        .chunks_exact(4)
        .map(|b| f32::from_le_bytes(b.try_into().expect("four bytes")))
        .collect()
}

/// A handmade safetensors file with the given names, types, shapes and bytes.
#[derive(Default)]
pub struct Handmade {
    header: serde_json::Map<String, Value>,
    data: Vec<u8>,
}

impl Handmade {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn metadata(mut self, lines: &[(&str, &str)]) -> Self {
        let lines: serde_json::Map<String, Value> =
            lines.iter().map(|&(key, value)| (key.to_owned(), json!(value))).collect();
        self.header.insert("__metadata__".to_owned(), Value::Object(lines));
        self
    }

    pub fn raw(mut self, name: &str, dtype: &str, shape: &[u64], bytes: &[u8]) -> Self {
        let start = self.data.len();
        self.data.extend(bytes);
        let offsets = [start, self.data.len()];
        self.header.insert(name.to_owned(), json!({"dtype": dtype, "shape": shape, "data_offsets": offsets}));
        self
    }

    pub fn f32(self, name: &str, shape: &[u64], values: &[f32]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.raw(name, "F32", shape, &bytes)
    }

    pub fn i64(self, name: &str, shape: &[u64], values: &[i64]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.raw(name, "I64", shape, &bytes)
    }

    pub fn i32(self, name: &str, shape: &[u64], values: &[i32]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.raw(name, "I32", shape, &bytes)
    }

    /// Changes one entry of the header.
    pub fn entry(mut self, name: &str, field: &str, value: Value) -> Self {
        self.header[name][field] = value;
        self
    }

    pub fn bytes(&self) -> Vec<u8> {
        let header = Value::Object(self.header.clone()).to_string().into_bytes();
        with_header(&header, &self.data)
    }
}

pub fn with_header(header: &[u8], data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header);
    bytes.extend(data);
    bytes
}

/// A valid trace of two samples, two layers and four experts.
pub fn good() -> Handmade {
    let rows = [0.1, 0.2, 0.3, 0.4, 0.25, 0.25, 0.25, 0.25, 0.4, 0.3, 0.2, 0.1, 0.7, 0.1, 0.1, 0.1];
    Handmade::new().f32("gates", &[2, 2, 4], &rows)
}

/// A source of a given length that serves `head` and then zeros, and counts the bytes read.
pub struct Vast {
    pub name: String,
    pub head: Vec<u8>,
    pub len: u64,
    pub read: Rc<Cell<u64>>,
}

impl ByteSource for Vast {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, offset: u64, len: usize) -> Pending<'_, Result<Vec<u8>, Error>> {
        assert!(len < 16 << 20, "{len} bytes at once are no reading by ranges");
        assert!(offset + len as u64 <= self.len);
        self.read.set(self.read.get() + len as u64);
        let mut bytes = vec![0; len];
        for (at, byte) in bytes.iter_mut().enumerate() {
            if let Some(&known) = usize::try_from(offset).ok().and_then(|o| self.head.get(o + at)) {
                *byte = known;
            }
        }
        Box::pin(std::future::ready(Ok(bytes)))
    }
}
