//! Several files of benchmark results in one run: they complete each other, or the later one is left out with the reason.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod support;

use report::{Settings, TraceRun};
use support::parts;
use trace::{GateDtype, GateKind, RouterTrace, SampleMeta, write_trace};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn trace(step: u64) -> (String, Vec<u8>) {
    let sample = |id: &str| SampleMeta { id: id.to_owned(), domain: "math".to_owned() };
    let trace = RouterTrace {
        model: None,
        step: Some(step),
        tokens: None,
        samples: Some(vec![sample("a"), sample("b")]),
        layers: 2,
        experts: 2,
        gate_kind: GateKind::SoftmaxMean,
        gates: [0.75, 0.25].repeat(4),
        loss: None,
        n_tokens: None,
        router: None,
        topk: None,
        topk_ordered: false,
    };
    (format!("step-{step}.safetensors"), write_trace(&trace, GateDtype::F32).unwrap())
}

/// Two checkpoints, with these files beside them.
fn all(files: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
    let mut all = vec![trace(1000), trace(2000)];
    all.extend(files.iter().map(|&(name, text)| (name.to_owned(), text.as_bytes().to_vec())));
    all
}

fn run(files: &[(&str, &str)]) -> TraceRun {
    report::assemble(&parts(&all(files))).unwrap()
}

fn accuracies(run: &TraceRun) -> Vec<(&str, u64, f64)> {
    let results = run.results.as_ref().unwrap();
    results.accuracy.iter().map(|row| (row.domain.as_str(), row.step, row.accuracy)).collect()
}

/// The verdict of a file: whether it is used, and the message. Files are numbered after the two traces.
fn verdict(run: &TraceRun, file: usize) -> (bool, String) {
    let verdict = run.verdicts.iter().find(|verdict| verdict.id == file + 2).unwrap();
    (verdict.used, verdict.text.clone().unwrap_or_default())
}

const FILES: [(&str, &str); 5] = [
    ("late.csv", "domain,step,accuracy,validation_loss\nmath,2000,0.5,\nmath,1000,0.25,2.5\n"),
    ("early.csv", "domain,step,accuracy,validation_loss\nmath,500,0,3.5\nmath,1000,0.25,2.5\n"),
    ("math.csv", "item,domain,step,correct\na,math,1000,1\nb,math,1000,0\n"),
    ("more.csv", "item,domain,step,correct\nb,math,2000,1\nb,math,1000,0\nc,math,2000,1\n"),
    ("run.json", r#"{"samples": [{"id": "a", "domain": "math", "tokens": 3}], "items": []}"#),
];

#[test]
fn other_steps_and_tasks_complete_each_other() {
    let run = run(&FILES);
    assert_eq!(accuracies(&run), [("math", 500, 0.0), ("math", 1000, 0.25), ("math", 2000, 0.5)]);
    let results = run.results.as_ref().unwrap();
    assert_eq!(results.steps, [500, 1000, 2000]);
    assert_eq!(results.validation_loss.len(), 2);
    assert_eq!(results.samples.len(), 1);
    let items: Vec<_> = results.items.iter().map(|item| (item.id.as_str(), item.correct.clone())).collect();
    assert_eq!(
        items,
        [
            ("a", vec![None, Some(true), None]),
            ("b", vec![None, Some(false), Some(true)]),
            ("c", vec![None, None, Some(true)]),
        ]
    );
    for file in 0..5 {
        assert!(verdict(&run, file).0, "{:?}", run.verdicts);
    }
    // Items count more than accuracies: one of two is right, then two of two.
    let report = support::analyse(&all(&FILES), &Settings::default());
    let course = report.courses.iter().find(|course| course.metric == "accuracy").unwrap();
    assert_eq!(course.values, [Some(0.5), Some(1.0)]);
}

#[test]
fn one_file_stays_as_it_is() {
    // Two items share an id; the accuracies come in the order of the file.
    let text = r#"{"steps": [2000, 1000], "items": [{"id": "x", "domain": "math", "correct": [1, 0]},
        {"id": "x", "domain": "math", "correct": [0, 0]}], "accuracy": {"math": [0.5, 0.25]}}"#;
    let alone = run(&[("run.json", text)]);
    let twice = run(&[("run.json", text), ("again.json", text)]);
    let items = |run: &TraceRun| run.results.as_ref().unwrap().items.clone();
    assert_eq!(items(&alone).len(), 2);
    assert_eq!(items(&alone), items(&twice));
    assert_eq!(accuracies(&alone), [("math", 2000, 0.5), ("math", 1000, 0.25)]);
    assert!(verdict(&twice, 1).0);
}

#[test]
fn domains_and_steps_that_the_run_has_not_are_named() {
    let run = run(&[
        ("a.csv", "domain,step,accuracy\nmath,1000,0.25\ngsm8k,1000,0.5\nmath,1500,0.5\n"),
        ("b.csv", "item,domain,step,correct\nx,Math ,2000,1\n"),
        ("c.csv", "item,domain,step,correct\nx,math,2000,1\n"),
    ]);
    let (used, text) = verdict(&run, 0);
    assert!(used && text.contains("domain `gsm8k`") && text.contains("of `math`"), "{text}");
    assert!(text.contains("step 1500."), "{text}");
    let (used, text) = verdict(&run, 1);
    assert!(used && text.contains("`Math`"), "{text}");
    assert_eq!(verdict(&run, 2), (true, String::new()));
}

#[test]
fn a_file_that_contradicts_is_left_out() {
    let run = run(&[
        ("a.csv", "domain,step,accuracy\nmath,1000,0.25\n"),
        ("b.csv", "domain,step,accuracy\nmath,1000,0.5\nmath,2000,0.75\n"),
        ("c.csv", "item,domain,step,correct\nx,math,1000,1\n"),
        ("d.csv", "item,domain,step,correct\nx,math,2000,1\nx,math,1000,0\n"),
        ("e.csv", "domain,step,validation_loss\nmath,1000,1.5\n"),
        ("f.csv", "domain,step,validation_loss\nmath,1000,1.75\n"),
    ]);
    assert_eq!(accuracies(&run), [("math", 1000, 0.25)]);
    let says = |file: usize, words: &[&str]| {
        let (used, text) = verdict(&run, file);
        assert!(!used, "{text}");
        for word in words {
            assert!(text.contains(word), "{text:?} does not say {word:?}");
        }
    };
    says(1, &["b.csv", "accuracy of `math` at step 1000 is 0.5", "a.csv gives 0.25", "left out"]);
    says(3, &["d.csv", "item `x` is wrong at step 1000", "c.csv says right"]);
    says(5, &["f.csv", "validation loss of `math` at step 1000 is 1.75", "e.csv gives 1.5"]);
    assert!([0, 2, 4].iter().all(|&file| verdict(&run, file).0));
}

const RESULTS: &str = r#"{"results": {"math": {"acc,none": 0.5, "acc_stderr,none": 0.1}},
    "config": {"model_args": "pretrained=org/model,revision=step1000-tokens4B"}}"#;
const ANSWERS: &str = "{\"doc_id\": 0, \"doc\": {}, \"resps\": [], \"acc\": 1.0}\n\
                       {\"doc_id\": 1, \"doc\": {}, \"resps\": [], \"acc\": 0.0}\n";

#[test]
fn answers_have_the_step_of_their_evaluation() {
    let later = RESULTS.replace("step1000", "step2000");
    let run = run(&[
        ("e/org__model/samples_math_2026-01-05T10-11-12.000000.jsonl", ANSWERS),
        ("e/org__model/results_2026-01-05T10-11-12.000000.json", RESULTS),
        ("e/org__model/results_2026-01-06T10-11-12.000000.json", &later),
        ("e/org__model/samples_math_2026-01-07T10-11-12.000000.jsonl", ANSWERS),
    ]);
    let results = run.results.as_ref().unwrap();
    assert_eq!(results.steps, [1000, 2000]);
    assert_eq!(results.items.len(), 2);
    assert_eq!(results.items[0].correct, [Some(true), None]);
    let (used, text) = verdict(&run, 3);
    assert!(!used && text.contains("training step") && text.contains("`results_*.json`"), "{text}");
    assert!((0..3).all(|file| verdict(&run, file).0));
}

/// Accuracies beside the items of the same domain and step.
#[test]
fn accuracies_that_items_contradict_are_named() {
    let items = "item,domain,step,correct\na,math,1000,1\nb,math,1000,0\nc,math,1000,0\na,math,2000,1\n";
    // One of three is right at step 1000; .33 is that share, rounded.
    let stated =
        |first: &str, second: &str| format!("domain,step,accuracy\nmath,1000,{first}\nmath,2000,{second}\n");
    let right = stated("0.33", "1");
    let agreeing = all(&[("items.csv", items), ("accuracy.csv", &right)]);
    let notes = |report: &report::Report| -> Vec<String> {
        let all = report.notes.iter().map(|note| note.text.clone());
        all.filter(|text| text.contains("contradict")).collect()
    };
    assert_eq!(notes(&support::analyse(&agreeing, &Settings::default())), [""; 0]);
    let wrong = stated("0.5", "0.25");
    let files = all(&[("items.csv", items), ("accuracy.csv", &wrong)]);
    let report = support::analyse(&files, &Settings::default());
    let said = notes(&report);
    assert_eq!(said.len(), 1, "{said:?}");
    for part in
        ["`math`", "step 1000", "stated as 0.5", "1 of its 3 items", "0.3333", "1 more", "items are used"]
    {
        assert!(said[0].contains(part), "{part}: {said:?}");
    }
    let course = report.course("math", "accuracy", report::Group::All).unwrap();
    assert_eq!(course.values, [Some(1.0 / 3.0), Some(1.0)]);
    let run = run(&[("items.csv", items), ("accuracy.csv", &wrong)]);
    let (used, text) = verdict(&run, 1);
    assert!(used && text.contains("accuracy.csv") && text.contains("0.3333"), "{text}");
    assert_eq!(verdict(&run, 0), (true, String::new()));
}
