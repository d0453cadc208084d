//! Gates of items and tokens that cannot be used: the items leave the pairing, the samples of the
//! tokens leave the run, and both are named. The figures are those of `tests/reference/unusable_rows.py`.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

#[expect(dead_code, reason = "only some of the helpers are needed")]
mod golden;
mod support;

use std::rc::Rc;

use futures::executor::block_on;
use golden::{close, run_a, run_a_without};
use report::{Group, NoteLevel, OnsetRule, Report, Settings};
use serde_json::Value;
use support::{analyse, parts};
use trace::MemorySource;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const FIGURES: &str = include_str!("../../../tests/reference/unusable_rows.json");
const ITEMS: &str = "run-a/items-last.safetensors";
const TOKENS: &str = "run-a/tokens-7000.safetensors";
const LAYERS: usize = 4;
const EXPERTS: usize = 16;

fn figures() -> Value {
    serde_json::from_str(FIGURES).unwrap()
}

fn numbers(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|n| n.as_u64().unwrap() as usize).collect()
}

fn paper() -> Settings {
    Settings { onset_rule: OnsetRule::Paper, ..Settings::default() }
}

/// Overwrites one value of each of some rows in the file of this name.
fn spoil(files: &mut [(String, Vec<u8>)], name: &str, rows: &[usize], value: f32) {
    let (_, bytes) = files.iter_mut().find(|(file, _)| file == name).unwrap();
    let header = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    for row in rows {
        let at = 8 + header + 4 * ((row * LAYERS + 2) * EXPERTS + 3);
        bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
    }
}

fn warnings(report: &Report) -> String {
    let warnings = report.notes.iter().filter(|note| note.level == NoteLevel::Warning);
    warnings.map(|note| note.text.as_str()).collect::<Vec<_>>().join("\n")
}

/// What the run says of a file, and whether it is used.
fn verdict(files: &[(String, Vec<u8>)], name: &str) -> (bool, String) {
    let run = report::assemble(&parts(files)).unwrap();
    let id = files.iter().position(|(file, _)| file == name).unwrap();
    let verdict = run.verdicts.iter().find(|verdict| verdict.id == id).unwrap();
    (verdict.used, verdict.text.clone().unwrap_or_default())
}

#[test]
fn unusable_items_leave_the_pairing() {
    let figures = figures();
    let mut files = run_a_without("embedding");
    let items = numbers(&figures["items"]);
    spoil(&mut files, ITEMS, &items[..1], f32::NAN);
    spoil(&mut files, ITEMS, &items[1..2], f32::INFINITY);
    spoil(&mut files, ITEMS, &items[2..], -0.25);
    let report = analyse(&files, &paper());
    let before = analyse(&run_a_without("embedding"), &paper());
    for domain in &report.domains {
        let expected = &figures["pairing"][&domain.name];
        let found = domain.delays.as_ref().unwrap();
        let step = |at: usize| report.checkpoints[at].step as usize;
        let train: Vec<usize> = found.train.iter().map(|group| step(group.checkpoint)).collect();
        let test: Vec<usize> = found.test.iter().map(|group| step(group.checkpoint)).collect();
        assert_eq!(train, numbers(&expected["train_steps"]));
        assert_eq!(test, numbers(&expected["test_steps"]));
        let counts: Vec<usize> = found.test.iter().map(|group| group.count).collect();
        assert_eq!(counts, numbers(&expected["test_items"]));
        for (row, expected) in found.scores.iter().zip(expected["scores"].as_array().unwrap()) {
            for (score, expected) in row.iter().zip(expected.as_array().unwrap()) {
                close(Some(*score), expected.as_f64(), 1e-9, &domain.name);
            }
        }
        close(Some(found.total), expected["total"].as_f64(), 1e-9, "total");
        // Their answers count.
        let whole = before.domains.iter().find(|other| other.name == domain.name).unwrap();
        assert_eq!(domain.items, whole.items);
        assert_eq!(domain.generalization, whole.generalization);
    }
    let said = warnings(&report);
    for part in [
        "items-last.safetensors: gates of item 0, layer 2: expert 3 has the weight NaN",
        "`math-t0`, `math-t11`, `code-t5` take no part in the pairing",
    ] {
        assert!(said.contains(part), "{part}: {said}");
        let (used, text) = verdict(&files, ITEMS);
        assert!(used && text.contains(part), "{part}: {text}");
    }
}

/// Embeddings need no gates, so that all items are paired.
#[test]
fn items_with_embeddings_are_paired_without_gates() {
    let mut files = run_a();
    spoil(&mut files, ITEMS, &[0, 11, 35], f32::NAN);
    let found = analyse(&files, &paper());
    assert_eq!(found, analyse(&run_a(), &paper()));
    assert!(verdict(&files, ITEMS).1.contains("`math-t0`"));
}

#[test]
fn samples_of_unusable_tokens_leave_the_run() {
    let figures = figures();
    let mut files = run_a();
    let tokens = numbers(&figures["tokens"]);
    spoil(&mut files, TOKENS, &tokens[..2], f32::NAN);
    spoil(&mut files, TOKENS, &tokens[2..], f32::INFINITY);
    let report = analyse(&files, &paper());
    assert_eq!(report.run.samples, 46);
    for domain in &report.domains {
        let found = report.course(&domain.name, "token_entropy", Group::All).unwrap();
        let expected = figures["token_entropy"][&domain.name].as_f64();
        close(*found.values.last().unwrap(), expected, 1e-9, &domain.name);
    }
    let said = warnings(&report);
    for part in [
        "tokens-7000.safetensors: gates of token 40, layer 2: expert 3 has the weight NaN",
        "Because of step 7000, samples `math-03`, `code-35` are left out at all checkpoints",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let (used, text) = verdict(&files, TOKENS);
    assert!(used && text.contains("token 40") && text.contains("left out at all checkpoints"), "{text}");

    // All other figures are those of a run whose trace has no such samples.
    let mut without = run_a();
    without.retain(|(name, _)| name != TOKENS);
    let at = without.iter().position(|(name, _)| name.ends_with("step-7000.safetensors")).unwrap();
    for (sample, place) in [(3, 0), (35, 1)] {
        let name = without[at].0.clone();
        spoil_gates(&mut without, &name, sample, place);
    }
    let expected = analyse_without_bad(&without);
    assert_eq!(expected.run.samples, 46);
    let courses = |report: &Report| {
        let all = report.courses.iter().filter(|course| course.metric != "token_entropy");
        all.cloned().collect::<Vec<_>>()
    };
    assert_eq!(courses(&report), courses(&expected));
}

/// Makes a gate of a sample NaN in a trace, whose `gates` are not its first tensor.
fn spoil_gates(files: &mut [(String, Vec<u8>)], name: &str, sample: usize, place: usize) {
    let (_, bytes) = files.iter_mut().find(|(file, _)| file == name).unwrap();
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
    let start = header["gates"]["data_offsets"][0].as_u64().unwrap() as usize;
    let at = 8 + length + start + 4 * (sample * LAYERS * EXPERTS + place);
    bytes[at..at + 4].copy_from_slice(&f32::NAN.to_le_bytes());
}

/// Analyzes again without the samples that an analysis found unusable.
fn analyse_without_bad(files: &[(String, Vec<u8>)]) -> Report {
    let (analysis, parts) = (report::Analysis::new(), parts(files));
    loop {
        let run = analysis.assemble(&parts).unwrap();
        let (host, watch) = (report::InlineDistances, report::NoProgress);
        match block_on(analysis.analyse(&run, &paper(), "", &host, &watch)) {
            Err(report::Error::BadSamples { .. }) => {}
            other => break other.unwrap(),
        }
    }
}

fn refusal(name: &str, rows: &[usize]) -> String {
    let mut files = run_a();
    spoil(&mut files, name, rows, f32::NAN);
    let (name, bytes) = files.into_iter().find(|(file, _)| file == name).unwrap();
    block_on(trace::open(Rc::new(MemorySource::new(name, bytes)))).unwrap_err().to_string()
}

#[test]
fn files_of_mostly_unusable_rows_are_refused() {
    let text = refusal(ITEMS, &(0..31).collect::<Vec<_>>());
    assert!(text.contains("31 of its 60 items cannot be used, which is more than half"), "{text}");
    let text = refusal(TOKENS, &(100..448).collect::<Vec<_>>());
    assert!(text.contains("gates of token 100, layer 2"), "{text}");
    assert!(text.contains("348 of its 694 tokens cannot be used"), "{text}");

    // A token of each of 25 of the 48 samples, that is most samples but few tokens.
    let counts = analyse_counts();
    let starts: Vec<usize> = counts
        .iter()
        .scan(0, |end, &count| {
            *end += count;
            Some(*end - count)
        })
        .collect();
    let mut files = run_a();
    spoil(&mut files, TOKENS, &starts[..25], f32::NAN);
    let (used, text) = verdict(&files, TOKENS);
    assert!(!used && text.contains("25 of 48 samples have a token"), "{text}");
    let report = analyse(&files, &paper());
    assert_eq!(report.run.samples, 48);
    assert!(
        report
            .course("math", "token_entropy", Group::All)
            .is_none_or(|course| { course.values.iter().all(Option::is_none) })
    );
}

fn analyse_counts() -> Vec<usize> {
    let run = report::assemble(&parts(&run_a())).unwrap();
    let counts = run.checkpoints[6].trace.info.n_tokens.clone().unwrap();
    counts.into_iter().map(|count| count as usize).collect()
}

#[test]
fn tokens_that_do_not_fit_the_trace_are_named() {
    let mut files = run_a();
    let (_, bytes) = files.iter_mut().find(|(name, _)| name == TOKENS).unwrap();
    let row = 4 * LAYERS * EXPERTS;
    let rows: Vec<u8> = bytes[bytes.len() - 600 * row..].to_vec();
    let header = serde_json::json!({
        "gates": { "dtype": "F32", "shape": [600, LAYERS, EXPERTS], "data_offsets": [0, rows.len()] },
    });
    let header = header.to_string().into_bytes();
    *bytes = [(header.len() as u64).to_le_bytes().to_vec(), header, rows].concat();
    let (used, text) = verdict(&files, TOKENS);
    assert!(!used && text.contains("gates of 600 tokens, but the samples of"), "{text}");
    assert!(text.contains("have 694"), "{text}");
    // Twice the same step.
    let mut files = run_a();
    let (name, bytes) = files.iter().find(|(name, _)| name == TOKENS).unwrap().clone();
    files.push((name.replace("run-a", "copy"), bytes));
    let (used, text) = verdict(&files, "copy/tokens-7000.safetensors");
    assert!(!used && text.contains("another file already has"), "{text}");
}
