//! Gating layers on recorded router inputs: results against plain f64 code, and errors.
#![expect(clippy::unwrap_used, reason = "a test may fail by panicking")]

use std::{cell::Cell, fs, path::PathBuf, rc::Rc};

use futures::executor::block_on;
use olmoe::{Config, Error, GateInputs, Processor, gates_only};
use serde_json::{Map, Value, json};
use trace::{CheckpointRouters, Counted, MemorySource, Router, RouterTrace, Source, read_routers};

/// Files of a reference checkpoint. `read` counts the bytes read.
fn checkpoint(read: &Rc<Cell<u64>>) -> Vec<Source> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/olmoe/base-bf16");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let paths = paths.filter(|path| !path.ends_with("expected.safetensors"));
    paths
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let file = MemorySource::new(name, fs::read(path).unwrap());
            Rc::new(Counted::new(file, Rc::clone(read))) as Source
        })
        .collect()
}

fn config() -> Config {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/olmoe/base-bf16/config.json");
    Config::parse("config.json", &fs::read(path).unwrap()).unwrap()
}

/// Builder of a safetensors file of router inputs.
#[derive(Clone, Default)]
struct FileBuilder {
    header: Map<String, Value>,
    data: Vec<u8>,
}

impl FileBuilder {
    fn raw(mut self, name: &str, dtype: &str, shape: &[usize], bytes: &[u8]) -> Self {
        let start = self.data.len();
        self.data.extend(bytes);
        let entry = json!({ "dtype": dtype, "shape": shape, "data_offsets": [start, self.data.len()] });
        self.header.insert(name.to_owned(), entry);
        self
    }

    fn floats(self, name: &str, shape: &[usize], values: &[f32]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.raw(name, "F32", shape, &bytes)
    }

    fn offsets(self, values: &[i64]) -> Self {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.raw("offsets", "I64", &[values.len()], &bytes)
    }

    fn metadata(mut self, entries: &Value) -> Self {
        self.header.insert("__metadata__".to_owned(), entries.clone());
        self
    }

    fn open(&self, name: &str) -> Result<GateInputs, Error> {
        let header = Value::Object(self.header.clone()).to_string();
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.extend(&self.data);
        block_on(GateInputs::open(Rc::new(MemorySource::new(name, bytes))))
    }

    fn run(&self) -> Result<RouterTrace, Error> {
        let inputs = self.open("inputs.safetensors")?;
        block_on(gates_only("step7", &checkpoint(&Rc::default()), &inputs, &Processor::cpu()))
    }

    /// Asserts that running fails with a message that contains all `words`.
    #[track_caller]
    fn assert_error(&self, words: &[&str]) {
        let message = self.run().unwrap_err().to_string();
        for word in words {
            assert!(message.contains(word), "`{word}` is not in: {message}");
        }
    }
}

/// Deterministic numbers from -1 to 1.
fn numbers(count: usize, seed: u32) -> Vec<f32> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f32::from((state >> 16) as u16) / 32_768.0 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// A file with inputs of every layer, and their values by layer.
fn inputs(tokens: usize) -> (FileBuilder, Vec<Vec<f32>>) {
    let Config { layers, hidden, .. } = config();
    let values: Vec<Vec<f32>> = (0..layers).map(|layer| numbers(tokens * hidden, layer as u32 + 1)).collect();
    let file = values.iter().enumerate().fold(FileBuilder::default(), |file, (layer, values)| {
        file.floats(&format!("gate_inputs.{layer}"), &[tokens, hidden], values)
    });
    (file, values)
}

/// Gates of a row in f64, and the ids of the `k` experts with the highest gates.
fn plain(row: &[f32], router: &[f32], k: usize) -> (Vec<f64>, Vec<u16>) {
    let product =
        |expert: &[f32]| row.iter().zip(expert).map(|(&x, &w)| f64::from(x) * f64::from(w)).sum::<f64>();
    let logits: Vec<f64> = router.chunks_exact(row.len()).map(product).collect();
    let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let powers: Vec<f64> = logits.iter().map(|logit| libm::exp(logit - most)).collect();
    let sum: f64 = powers.iter().sum();
    let mut order: Vec<u16> = (0..logits.len() as u16).collect();
    order.sort_by(|&a, &b| logits[b as usize].total_cmp(&logits[a as usize]));
    order.truncate(k);
    (powers.into_iter().map(|power| power / sum).collect(), order)
}

#[test]
fn gates_match_plain_code() {
    // More rows than one batch, and samples that do not end at its border.
    let (tokens, offsets) = (5000, [0_i64, 1, 4090, 4100, 5000]);
    let (file, values) = inputs(tokens);
    let labels: Vec<Value> = (0..4).map(|at| json!({ "id": format!("s{at}"), "domain": "math" })).collect();
    let file = file
        .offsets(&offsets)
        .floats("loss", &[4], &[0.5, 1.0, f32::NAN, 2.0])
        .metadata(&json!({ "samples": Value::from(labels).to_string(), "step": "12" }));
    let read = Rc::new(Cell::new(0));
    let opened = file.open("inputs.safetensors").unwrap();
    assert_eq!((opened.len(), opened.tokens(), opened.step), (4, tokens, Some(12)));
    let files = checkpoint(&read);
    let all: u64 = files.iter().map(|file| file.len()).sum();
    let trace = block_on(gates_only("step7", &files, &opened, &Processor::cpu())).unwrap();
    assert!(read.get() < all / 4, "{} of {all} bytes", read.get());
    trace.check("trace").unwrap();
    trace::write_trace(&trace, trace::GateDtype::F32).unwrap();

    let Config { layers, hidden, experts, top_k: k, .. } = config();
    let CheckpointRouters { values: matrices, .. } = block_on(read_routers("x", &checkpoint(&read))).unwrap();
    assert_eq!(
        trace.router,
        Some(Router::Weights { layers, experts, width: hidden, values: matrices.clone() })
    );
    // The step of the checkpoint folder takes precedence over that of the inputs.
    assert_eq!((trace.step, trace.samples.as_ref().unwrap()[3].id.as_str()), (Some(7), "s3"));
    assert_eq!(trace.n_tokens.as_deref(), Some(&[1, 4089, 10, 900][..]));
    assert!(trace.loss.as_ref().unwrap()[2].is_nan());
    let topk = trace.topk.as_ref().unwrap();
    assert_eq!(topk.offsets, offsets.map(|offset| offset as usize));
    for layer in 0..layers {
        let router = &matrices[layer * experts * hidden..][..experts * hidden];
        let mut rows = values[layer].chunks_exact(hidden).enumerate();
        for (sample, ends) in offsets.windows(2).enumerate() {
            let count = (ends[1] - ends[0]) as usize;
            let mut mean = vec![0.0; experts];
            for (row, values) in rows.by_ref().take(count) {
                let (gates, ids) = plain(values, router, k);
                for (sum, gate) in mean.iter_mut().zip(&gates) {
                    *sum += gate / count as f64;
                }
                assert_eq!(topk.ids[(row * layers + layer) * k..][..k], ids, "layer {layer}, row {row}");
            }
            let found = &trace.gates[(sample * layers + layer) * experts..][..experts];
            for (found, expected) in found.iter().zip(mean) {
                assert!((f64::from(*found) - expected).abs() < 2e-6, "{found} for {expected}");
            }
        }
    }
}

#[test]
fn without_offsets_all_rows_are_one_sample() {
    let (file, _) = inputs(3);
    let trace = file.run().unwrap();
    assert_eq!((trace.len(), trace.samples, trace.loss), (1, None, None));
    assert_eq!(file.open("run/step-40.safetensors").unwrap().step, Some(40));
    assert_eq!(file.open("inputs.safetensors").unwrap().step, None);
}

#[test]
fn errors_name_the_problem() {
    let Config { layers, hidden, .. } = config();
    let (valid, values) = inputs(3);
    let last = format!("gate_inputs.{}", layers - 1);

    let mut absent = valid.clone();
    absent.header.remove(&last);
    absent.assert_error(&["inputs.safetensors", &last, "every router"]);

    valid
        .clone()
        .floats(&format!("hidden_states.{layers}"), &[3, hidden], &values[0])
        .assert_error(&["has no router"]);
    valid
        .clone()
        .floats("hidden_states.0", &[3, hidden], &values[0])
        .assert_error(&["one tensor of layer 0"]);

    let narrow = (0..layers).fold(FileBuilder::default(), |file, layer| {
        file.floats(&format!("hidden_states.{layer}"), &[3, hidden / 2], &values[0][..3 * hidden / 2])
    });
    narrow.assert_error(&["hidden_states.0", &format!("[tokens,{hidden}]")]);

    let shorter = valid.clone().floats("gate_inputs.0", &[2, hidden], &values[0][..2 * hidden]);
    shorter.assert_error(&["gate_inputs.1", "as in `gate_inputs.0`"]);

    let mut with_nan = values[0].clone();
    with_nan[2 * hidden + 1] = f32::NAN;
    valid
        .clone()
        .floats("gate_inputs.0", &[3, hidden], &with_nan)
        .assert_error(&["`gate_inputs.0`, row 2", "NaN"]);
    let huge = vec![f32::MAX; 3 * hidden];
    valid.clone().floats("gate_inputs.0", &[3, hidden], &huge).assert_error(&["row 0", "not finite"]);

    for offsets in [&[0, 2][..], &[1, 3], &[0, 2, 2, 3], &[0, 3, 2, 3], &[0]] {
        valid.clone().offsets(offsets).assert_error(&["`offsets`", "3 tokens"]);
    }
    valid.clone().floats("loss", &[2], &[1.0, 2.0]).assert_error(&["`loss`", "[1]"]);
    valid.clone().metadata(&json!({ "samples": "[]" })).assert_error(&["a list of 0 samples", "1 objects"]);
    valid.clone().metadata(&json!({ "samples": "nonsense" })).assert_error(&["`samples`"]);
    FileBuilder::default().floats("gates", &[1], &[1.0]).assert_error(&["no tensor `gate_inputs.0`"]);
    FileBuilder::default().floats("gate_inputs.0", &[0, 8], &[]).assert_error(&["[tokens, hidden size]"]);

    let inputs = valid.open("inputs.safetensors").unwrap();
    let mut files = checkpoint(&Rc::default());
    files.retain(|file| file.name() != "config.json");
    let message = block_on(gates_only("step7", &files, &inputs, &Processor::cpu())).unwrap_err().to_string();
    assert!(message.contains("step7") && message.contains("config.json"), "{message}");
}
