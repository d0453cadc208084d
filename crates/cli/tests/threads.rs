//! `grokscope report` writes the same bytes whatever the number of threads.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use trace::{GateDtype, GateKind, Router, RouterTrace, SampleMeta, write_trace};

/// So many gates per sample that a checkpoint is read in two ranges.
const LAYERS: usize = 256;
const EXPERTS: usize = 16;
const SAMPLES: usize = 530;

/// Width of the routing embeddings.
const WIDTH: usize = 4;

/// Pseudorandom numbers below 1 (Knuth's multiplier for 64 bits).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1_u64 << 24) as f32
    }
}

fn checkpoint(number: u64) -> RouterTrace {
    let mut numbers = Numbers(number);
    let mut gates = Vec::with_capacity(SAMPLES * LAYERS * EXPERTS);
    for _ in 0..SAMPLES * LAYERS {
        let row: Vec<f32> = (0..EXPERTS).map(|_| numbers.next().powi(4)).collect();
        let sum: f32 = row.iter().sum();
        gates.extend(row.iter().map(|weight| weight / sum));
    }
    let sample = |index: usize| SampleMeta {
        id: index.to_string(),
        domain: ["algebra", "law", "prose"][index % 3].to_owned(),
    };
    let values = (0..LAYERS * EXPERTS * WIDTH).map(|_| numbers.next() - 0.5).collect();
    RouterTrace {
        model: None,
        step: Some(1000 * number),
        tokens: None,
        samples: Some((0..SAMPLES).map(sample).collect()),
        layers: LAYERS,
        experts: EXPERTS,
        gate_kind: GateKind::SoftmaxMean,
        gates,
        // Some samples are memorized at the second of four checkpoints, the others never.
        loss: Some((0..SAMPLES).map(|i| if number > 1 && i % 5 < 3 { 0.2 } else { 3.0 }).collect()),
        n_tokens: None,
        router: Some(Router::Weights { layers: LAYERS, experts: EXPERTS, width: WIDTH, values }),
        topk: None,
        topk_ordered: false,
    }
}

/// A folder that is removed with everything in it.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}

fn report(run: &Path, threads: u32) -> String {
    let output = run.with_extension(format!("{threads}.json"));
    let ran = Command::new(env!("CARGO_BIN_EXE_grokscope"))
        .env("RAYON_NUM_THREADS", threads.to_string())
        .arg("report")
        .arg(run)
        .args(["--pairs", "20000", "-o"])
        .arg(&output)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    fs::read_to_string(output).unwrap()
}

#[test]
fn reports_do_not_depend_on_the_number_of_threads() {
    let folder = Folder(std::env::temp_dir().join(format!("grokscope-threads-{}", std::process::id())));
    let run = folder.0.join("run");
    fs::create_dir_all(&run).unwrap();
    for number in 1..=4 {
        let bytes = write_trace(&checkpoint(number), GateDtype::F16).unwrap();
        fs::write(run.join(format!("{number}.safetensors")), bytes).unwrap();
    }
    let one = report(&run, 1);
    let parsed = report::parse_json(&one).unwrap();
    for metric in ["distance", "null_distance", "layer_distance", "effective_dimension", "smoothness"] {
        assert!(parsed.courses.iter().any(|course| course.metric == metric), "there is no {metric}");
    }
    for threads in [2, 3, 8] {
        assert!(report(&run, threads) == one, "another report with {threads} threads");
    }
}
