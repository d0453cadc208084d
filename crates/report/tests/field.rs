//! Files of the kinds that people have, one folder each in `tests/fixtures/field`: each is read rightly, or refused with
//! the reason and what to do. `00-truth` was computed independently.

#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    rc::Rc,
};

use futures::executor::block_on;
use report::Part;
use trace::{FileKind, FileSource, OpenTrace};

/// What a folder should become.
enum Outcome {
    /// The figures of a folder of `00-truth`, within a tolerance, and sentences that say these words.
    Read(&'static str, f32, &'static [&'static str]),
    /// No figures, and sentences that say these words.
    Refused(&'static [&'static str]),
    /// A question about these tensors, and sentences that say these words.
    Question(&'static [&'static str]),
}

use Outcome::{Question, Read, Refused};

/// Half precision of logits and gates.
const HALF: f32 = 2e-3;
const EXACT: f32 = 2e-6;

const KINDS: &[(&str, Outcome)] = &[
    ("01-npz-object-arrays", Refused(&["object array", "pickle"])),
    ("02a-tokens-first-safetensors", Read("gates", HALF, &[])),
    ("02d-samples-first", Question(&["axes"])),
    ("03-file-a-sample", Read("gates", HALF, &[])),
    ("04-sglang-choice-ext", Read("freq-drop-last", EXACT, &[])),
    ("05-sglang-batch-list", Read("freq-drop-last", EXACT, &[])),
    ("05c-sglang-list-in-jsonl", Read("freq-drop-last", EXACT, &[])),
    ("06a-nemo-rl-envelope", Read("freq", EXACT, &[])),
    ("06b-prime-rl-no-dtype", Read("freq", EXACT, &[])),
    ("07-appledouble", Read("gates", EXACT, &[])),
    ("08-utf16", Read("freq", EXACT, &[])),
    ("09a-csv-pandas-float-step", Read("gates", EXACT, &[])),
    ("09c-csv-title-task", Read("gates", EXACT, &["Task", "Global Step"])),
    ("10-wandb-export", Read("gates", EXACT, &[])),
    ("11-lm-eval-harness", Read("gates", EXACT, &[])),
    ("12a-parquet-float16-scores", Read("freq", EXACT, &[])),
    ("12b-parquet-delta", Read("freq", EXACT, &[])),
    ("12c-parquet-duckdb", Read("freq", EXACT, &[])),
    ("13a-npz-fortran", Read("hf", HALF, &[])),
    ("13c-npz-big-endian", Read("hf", HALF, &[])),
    ("17-peft-adapter", Refused(&["adapter", "merge"])),
    ("18-npy-a-layer", Read("gates", HALF, &[])),
    ("19a-csv-steps-in-one-table", Read("freq", EXACT, &[])),
    ("19c-csv-list-cells", Read("freq", EXACT, &[])),
    ("20a-nan-loss-jsonl", Read("freq", EXACT, &[])),
    ("24-lfs-pointers", Refused(&["git lfs pull"])),
    ("25a-tp-ranks-jsonl", Read("freq", EXACT, &["same"])),
    ("32-jsonl-steps-in-one-file", Read("freq", EXACT, &[])),
    ("33-parquet-layer-column", Read("freq", EXACT, &[])),
    ("37-jsonl-record-a-token", Read("freq", EXACT, &[])),
    ("38-numpy-not-contiguous", Read("gates", EXACT, &["ascontiguousarray"])),
];

fn field() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/field")
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut inside: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    inside.sort();
    for path in inside {
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

/// What a folder came to.
#[derive(Default)]
struct Seen {
    parts: Vec<Part>,
    /// All sentences.
    said: Vec<String>,
}

fn open(folder: &Path) -> Seen {
    let mut paths = Vec::new();
    files(folder, &mut paths);
    let mut seen = Seen::default();
    for path in paths {
        let source = match FileSource::open(&path) {
            Ok(source) => source,
            Err(error) => {
                seen.said.push(error.to_string());
                continue;
            }
        };
        match block_on(trace::open(Rc::new(source))) {
            Ok(opened) => {
                seen.said.extend(opened.warnings);
                match &opened.what {
                    FileKind::Config(config) => seen.said.push(config.reason.clone()),
                    FileKind::Unrelated { reason } => seen.said.push(reason.clone()),
                    FileKind::Mappable(proposal) => seen.said.push(proposal.sentence()),
                    _ => {}
                }
                let id = seen.parts.len();
                seen.parts.push(Part { id, path: path.display().to_string(), what: opened.what });
            }
            Err(error) => seen.said.push(error.to_string()),
        }
    }
    seen
}

/// Gates of each sample by its id, `[L * E]` each.
fn gates(trace: &OpenTrace) -> BTreeMap<String, Vec<f32>> {
    let whole = block_on(trace.read_all()).unwrap();
    let width = whole.layers * whole.experts;
    let ids = trace.info.samples.iter().map(|sample| sample.id.clone());
    ids.zip(whole.gates.chunks_exact(width).map(<[f32]>::to_vec)).collect()
}

fn truth(kind: &str) -> BTreeMap<u64, BTreeMap<String, Vec<f32>>> {
    let seen = open(&field().join("00-truth").join(kind));
    let run = report::assemble(&seen.parts).unwrap();
    run.checkpoints.iter().map(|checkpoint| (checkpoint.step, gates(&checkpoint.trace))).collect()
}

/// Why a folder did not come to what it should; `None` if it did.
fn fault(name: &str, outcome: &Outcome) -> Option<String> {
    let mut seen = open(&field().join(name));
    let run = report::assemble(&seen.parts);
    if let Ok(run) = &run {
        seen.said.extend(run.verdicts.iter().filter_map(|verdict| verdict.text.clone()));
    }
    let said = seen.said.join("\n");
    let silent = |words: &[&str]| {
        words.iter().find(|word| !said.contains(*word)).map(|word| format!("does not say {word:?}: {said}"))
    };
    match outcome {
        Read(kind, tolerance, words) => {
            let run = match run {
                Ok(run) => run,
                Err(error) => return Some(format!("{error}\n{said}")),
            };
            let expected = truth(kind);
            let steps: Vec<u64> = run.checkpoints.iter().map(|checkpoint| checkpoint.step).collect();
            if !steps.iter().eq(expected.keys()) {
                return Some(format!("steps {steps:?}\n{said}"));
            }
            for checkpoint in &run.checkpoints {
                let (found, right) = (gates(&checkpoint.trace), &expected[&checkpoint.step]);
                if found.len() != right.len() {
                    return Some(format!("{} samples\n{said}", found.len()));
                }
                // Samples without names are in the order of the truth's.
                for ((id, found), (_, right)) in found.iter().zip(right) {
                    if found.len() != right.len() {
                        return Some(format!("{} gates a sample\n{said}", found.len()));
                    }
                    let far = found.iter().zip(right).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
                    if far > *tolerance {
                        return Some(format!("step {} sample {id}: {far} off\n{said}", checkpoint.step));
                    }
                }
            }
            silent(words)
        }
        Refused(words) => {
            if let Ok(run) = run {
                return Some(format!("was read as {} checkpoints\n{said}", run.checkpoints.len()));
            }
            silent(words)
        }
        Question(words) => {
            if !seen.parts.iter().any(|part| matches!(part.what, FileKind::Mappable(_))) {
                return Some(format!("nothing is asked\n{said}"));
            }
            if run.is_ok() {
                return Some(format!("was read without an answer\n{said}"));
            }
            silent(words)
        }
    }
}

#[test]
fn every_kind_is_read_rightly_or_refused_with_the_reason() {
    let faults: Vec<String> = KINDS
        .iter()
        .filter_map(|(name, outcome)| Some(format!("## {name}\n{}", fault(name, outcome)?)))
        .collect();
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), KINDS.len(), faults.join("\n\n"));
}
