//! Reference checkpoints with their samples and expected outputs.

use std::{fs, path::PathBuf, rc::Rc};

use futures::executor::block_on;
use olmoe::{Checkpoint, InputRecords, Inputs};
use trace::{FileSource, Source, TensorFile, open_safetensors};

/// Names of all reference checkpoints.
pub const CASES: [&str; 3] = ["base-bf16", "gqa-f32", "wide-f16"];

/// A reference checkpoint.
pub struct Case {
    pub checkpoint: Checkpoint,
    pub inputs: Inputs,
    expected: TensorFile,
}

impl Case {
    pub fn open(name: &str) -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/olmoe").join(name);
        let source = |path: PathBuf| -> Source { Rc::new(FileSource::open(&path).unwrap()) };
        let mut paths: Vec<PathBuf> =
            fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let files: Vec<Source> = paths.into_iter().map(source).collect();
        let mut records = InputRecords::default();
        records.read("samples.jsonl", &fs::read_to_string(folder.join("samples.jsonl")).unwrap()).unwrap();
        Self {
            checkpoint: block_on(Checkpoint::open(name, &files)).unwrap(),
            inputs: records.tokenize(name, None).unwrap(),
            expected: block_on(open_safetensors(source(folder.join("expected.safetensors")))).unwrap(),
        }
    }

    /// Expected floats.
    pub fn expected(&self, name: &str) -> Vec<f32> {
        let info = self.expected.get(name).unwrap();
        block_on(self.expected.floats(info, 0..info.values())).unwrap()
    }

    /// Expected integers.
    pub fn expected_ids(&self, name: &str) -> Vec<i64> {
        let info = self.expected.get(name).unwrap();
        block_on(self.expected.integers(info, 0..info.values())).unwrap()
    }
}

/// Asserts that each value differs by at most `tolerance`; NaN must be NaN.
pub fn assert_close(case: &str, what: &str, found: &[f32], expected: &[f32], tolerance: f32) {
    assert_eq!(found.len(), expected.len(), "{case} {what}");
    for (at, (found, expected)) in found.iter().zip(expected).enumerate() {
        let near = (found - expected).abs() <= tolerance || (found.is_nan() && expected.is_nan());
        assert!(near, "{case} {what}[{at}]: {found} for {expected}");
    }
}
