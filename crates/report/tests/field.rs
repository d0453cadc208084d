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
use report::{Analysis, Group, InlineDistances, NoProgress, Part, Settings};
use trace::{FileKind, FileSource, OpenTrace};

/// What a folder should become.
enum Outcome {
    /// The figures of a folder of `00-truth`, within a tolerance, and sentences that say these words.
    Read(&'static str, f32, &'static [&'static str]),
    /// So many layers and samples at the three steps: the files do not tell where samples end.
    Shape(usize, usize),
    /// No figures, and sentences that say these words.
    Refused(&'static [&'static str]),
    /// A question about these tensors, and sentences that say these words.
    Question(&'static [&'static str]),
}

use Outcome::{Question, Read, Refused, Shape};

/// Half precision of logits and gates.
const HALF: f32 = 2e-3;
const EXACT: f32 = 2e-6;

const KINDS: &[(&str, Outcome)] = &[
    ("01-npz-object-arrays", Refused(&["object array", "pickle"])),
    ("02a-tokens-first-safetensors", Question(&["which axis"])),
    ("02d-samples-first", Question(&["which axis"])),
    ("03-file-a-sample", Question(&["which axis"])),
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
    ("18-npy-a-layer", Shape(4, 1)),
    ("19a-csv-steps-in-one-table", Read("freq", EXACT, &[])),
    ("19c-csv-list-cells", Shape(4, 1)),
    ("20a-nan-loss-jsonl", Read("freq", EXACT, &[])),
    ("24-lfs-pointers", Refused(&["git lfs pull"])),
    ("25a-tp-ranks-jsonl", Read("freq", EXACT, &["same"])),
    ("32-jsonl-steps-in-one-file", Read("freq", EXACT, &[])),
    ("33-parquet-layer-column", Read("freq", EXACT, &[])),
    ("34-two-numbers-in-name", Read("gates", EXACT, &[])),
    ("37-jsonl-record-a-token", Read("freq", EXACT, &[])),
    ("38-numpy-not-contiguous", Read("gates", EXACT, &["ascontiguousarray"])),
];

/// What the results of a folder say of `math` and `code`, as shares of eight items at each step.
struct Expected {
    folder: &'static str,
    math: [f64; 3],
    code: [f64; 3],
    /// Items of each domain, where there are any.
    items: usize,
    /// Whether `math` has the validation losses 3, 2.5 and 2.
    losses: bool,
}

const STEPS: [u64; 3] = [1000, 2000, 5000];
const MATH: [f64; 3] = [0.25, 0.5, 0.875];
const CODE: [f64; 3] = [0.125, 0.375, 0.75];

const RESULTS: &[Expected] = &[
    Expected {
        folder: "08-utf16",
        math: [0.2, 0.300_000_000_000_000_04, 0.4],
        code: [0.2, 0.300_000_000_000_000_04, 0.4],
        items: 0,
        losses: false,
    },
    Expected { folder: "09a-csv-pandas-float-step", math: MATH, code: CODE, items: 0, losses: true },
    Expected { folder: "09c-csv-title-task", math: MATH, code: CODE, items: 0, losses: false },
    Expected { folder: "10-wandb-export", math: MATH, code: CODE, items: 0, losses: false },
    Expected { folder: "11-lm-eval-harness", math: MATH, code: CODE, items: 8, losses: false },
];

fn field() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/field")
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut inside: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    inside.sort();
    for path in inside {
        // As the page and the command line do.
        if trace::is_system_file(&path.file_name().unwrap().to_string_lossy()) {
            continue;
        }
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
                    FileKind::Unrelated { reason, .. } => seen.said.push(reason.clone()),
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
        Shape(layers, samples) => match run {
            Err(error) => Some(format!("{error}\n{said}")),
            Ok(run) => {
                let found = (run.layers, run.samples.len(), run.checkpoints.len());
                (found != (*layers, *samples, 3)).then(|| format!("{found:?}\n{said}"))
            }
        },
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
    // Removed, because long paths hide the messages.
    let field = field().display().to_string();
    let faults: Vec<String> = KINDS
        .iter()
        .filter_map(|(name, outcome)| {
            let fault = fault(name, outcome)?.replace(&field, "");
            let lines: Vec<String> =
                fault.lines().take(6).map(|line| line.chars().take(400).collect()).collect();
            Some(format!("## {name}\n{}", lines.join("\n")))
        })
        .collect();
    assert!(faults.is_empty(), "{} of {}:\n{}", faults.len(), KINDS.len(), faults.join("\n\n"));
}

#[test]
fn results_have_the_accuracies_of_every_domain_and_step() {
    for &Expected { folder, math, code, items, losses } in RESULTS {
        let seen = open(&field().join(folder));
        let run = report::assemble(&seen.parts).unwrap();
        let results = run.results.unwrap_or_else(|| panic!("{folder}: no results: {}", seen.said.join("\n")));
        assert_eq!(results.steps, STEPS, "{folder}");
        for (domain, shares) in [("math", math), ("code", code)] {
            let of = |step| {
                let rows = results.accuracy.iter().filter(|row| row.domain == domain && row.step == step);
                rows.map(|row| row.accuracy).collect::<Vec<_>>()
            };
            assert_eq!(STEPS.map(of), shares.map(|share| vec![share]), "{folder}: {domain}");
            let of_domain: Vec<_> = results.items.iter().filter(|item| item.domain == domain).collect();
            assert_eq!(of_domain.len(), items, "{folder}: items of {domain}");
            if items > 0 {
                let right =
                    |at: usize| of_domain.iter().filter(|item| item.correct[at] == Some(true)).count();
                let expected = shares.map(|share| (share * items as f64).round() as usize);
                assert_eq!([0, 1, 2].map(right), expected, "{folder}: items of {domain}");
                assert!(of_domain.iter().all(|item| item.correct.iter().all(Option::is_some)), "{folder}");
                assert_eq!(of_domain[0].id, format!("{domain}/0"));
            }
        }
        let found: Vec<_> =
            results.validation_loss.iter().map(|row| (row.domain.as_str(), row.step, row.loss)).collect();
        let expected = [("math", 1000, 3.0), ("math", 2000, 2.5), ("math", 5000, 2.0)];
        assert_eq!(found, if losses { &expected[..] } else { &[] }, "{folder}");
        assert!(run.verdicts.iter().all(|verdict| verdict.used), "{folder}: {:?}", run.verdicts);
    }
}

/// Names of steps with suffixes, whose run has the results of the same steps.
#[test]
fn steps_with_suffixes_join_traces_and_results() {
    let seen = open(&field().join("14a-step-k"));
    let run = report::assemble(&seen.parts).unwrap();
    let steps: Vec<u64> = run.checkpoints.iter().map(|checkpoint| checkpoint.step).collect();
    assert_eq!(steps, [50_000, 240_000, 1_195_000]);
    for (checkpoint, (_, right)) in run.checkpoints.iter().zip(truth("gates")) {
        let found = gates(&checkpoint.trace);
        assert_eq!(found.len(), right.len(), "step {}", checkpoint.step);
        for (id, gates) in &found {
            let far = gates.iter().zip(&right[id]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(far <= EXACT, "step {} sample {id}: {far} off", checkpoint.step);
        }
    }
    assert!(run.verdicts.iter().all(|verdict| verdict.used && verdict.text.is_none()), "{:?}", run.verdicts);
    let analysis = Analysis::new();
    let settings = Settings::default();
    let report = block_on(analysis.analyse(&run, &settings, "", &InlineDistances, &NoProgress)).unwrap();
    for (domain, accuracies) in [("math", MATH), ("code", CODE)] {
        let course = report.course(domain, "accuracy", Group::All).unwrap();
        assert_eq!(course.values, accuracies.map(Some), "{domain}");
    }
}
