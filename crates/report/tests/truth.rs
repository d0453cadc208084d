//! Runs with gaps and ambiguous names: figures are right where they can be, and every gap is named.
//!
//! `tests/reference/truth.py` computed the expected figures.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod support;

use report::{Course, Error, Group, Report, Settings, TraceRun};
use serde_json::Value;
use support::{analyse, parts};
use trace::{GateDtype, GateKind, Router, RouterTrace, SampleMeta, TopK, write_trace};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

type File = (String, Vec<u8>);

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../tests/fixtures/truth/run.json")).unwrap()
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

fn size(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

/// A trace of samples with these names, domains and gates of few experts.
fn trace(step: u64, names: &[(&str, &str)], layers: usize) -> RouterTrace {
    let experts = 4;
    // Gates depend on the name, so that a sample keeps its own whatever its row.
    let gates = names.iter().flat_map(|&(id, domain)| {
        let own = id.bytes().chain(domain.bytes()).map(usize::from).sum::<usize>();
        (0..layers * experts)
            .map(move |at| if at % experts == (own + at / experts) % experts { 0.7 } else { 0.1 })
    });
    RouterTrace {
        model: None,
        step: Some(step),
        tokens: None,
        samples: Some(
            names.iter().map(|&(id, domain)| SampleMeta { id: id.into(), domain: domain.into() }).collect(),
        ),
        layers,
        experts,
        gate_kind: GateKind::SoftmaxMean,
        gates: gates.collect(),
        loss: Some(vec![1.0; names.len()]),
        n_tokens: None,
        router: None,
        topk: None,
        topk_ordered: false,
    }
}

fn file(trace: &RouterTrace) -> File {
    let name = format!("step-{}.safetensors", trace.step.unwrap());
    (name, write_trace(trace, GateDtype::F32).unwrap())
}

const NAMES: [(&str, &str); 4] = [("a", "math"), ("b", "math"), ("c", "code"), ("d", "code")];

fn run(files: &[File]) -> TraceRun {
    report::assemble(&parts(files)).unwrap()
}

fn said(run: &TraceRun) -> String {
    run.verdicts.iter().filter_map(|verdict| verdict.text.clone()).collect::<Vec<_>>().join("\n")
}

fn notes(report: &Report) -> String {
    report.notes.iter().map(|note| note.text.clone()).collect::<Vec<_>>().join("\n")
}

#[track_caller]
fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "{text:?} does not contain {word:?}");
    }
}

fn course<'a>(report: &'a Report, domain: &str, metric: &str) -> &'a Course {
    report.course(domain, metric, Group::All).unwrap()
}

#[track_caller]
fn assert_close(found: Option<f64>, expected: f64) {
    assert!(found.is_some_and(|found| (found - expected).abs() < 1e-9), "{found:?}, not {expected}");
}

/// The traces of the reference run, with ids of tokens.
fn reference(golden: &Value) -> Vec<File> {
    let domains: Vec<&str> = list(&golden["domains"]).iter().map(|domain| domain.as_str().unwrap()).collect();
    let experts = size(&golden["experts"]);
    let steps = list(&golden["steps"]).iter().zip(list(&golden["ids"]));
    let files = steps.map(|(step, samples)| {
        let mut ids = Vec::new();
        let mut offsets = vec![0];
        for tokens in list(samples) {
            offsets.push(offsets.last().unwrap() + list(tokens).len());
            let selected = list(tokens).iter().flat_map(list).flat_map(list);
            ids.extend(selected.map(|id| u16::try_from(size(id)).unwrap()));
        }
        let topk = TopK { k: 2, layers: 3, ids, offsets };
        let names: Vec<SampleMeta> = domains
            .iter()
            .enumerate()
            .map(|(i, &domain)| SampleMeta { id: format!("s{i}"), domain: domain.to_owned() })
            .collect();
        let n_tokens = topk.offsets.windows(2).map(|span| (span[1] - span[0]) as u32).collect();
        file(&RouterTrace {
            samples: Some(names),
            experts,
            gate_kind: GateKind::SelectionFrequency,
            gates: topk.frequencies(experts),
            loss: Some(vec![1.0; domains.len()]),
            n_tokens: Some(n_tokens),
            topk: Some(topk),
            ..trace(step.as_u64().unwrap(), &[], 3)
        })
    });
    files.collect()
}

#[test]
fn samples_with_other_numbers_of_tokens_are_left_out_of_saturation() {
    let golden = golden();
    let report = analyse(&reference(&golden), &Settings::default());
    for domain in ["math", "code"] {
        let values = &course(&report, domain, "saturation_k").values;
        for (found, expected) in values.iter().zip(list(&golden["expected"][domain]["saturation_k"])) {
            assert_close(*found, expected.as_f64().unwrap());
        }
    }
    says(
        &notes(&report),
        &["2 samples", "at step 300", "`s2` has 7 at step 300 and 8 at step 800", "saturation"],
    );
}

#[test]
fn generalization_counts_checkpoints_with_a_result() {
    let golden = golden();
    let mut files = reference(&golden);
    let results = &golden["results"];
    files.push(("run.json".into(), results.to_string().into_bytes()));
    let report = analyse(&files, &Settings::default());
    for domain in ["math", "code"] {
        let expected = &golden["expected"][domain];
        let found = report.domain(domain).unwrap().generalization.clone().unwrap();
        let steps: Vec<usize> = list(&expected["t_sharp"]).iter().map(size).collect();
        assert_eq!((found.t_sharp, found.never), (steps, size(&expected["never"])), "{domain}");
    }
    says(
        &notes(&report),
        &["6 of 8 checkpoints", "none at steps 300, 600", "count only checkpoints with a result"],
    );
}

#[test]
fn frequencies_without_counts_do_not_exceed_a_threshold_that_they_equal() {
    let golden = golden();
    let frequencies = list(&golden["frequencies"]).iter().flat_map(list).flat_map(list);
    #[expect(clippy::cast_possible_truncation, reason = "files store f32")]
    let gates: Vec<f32> = frequencies.map(|value| value.as_f64().unwrap() as f32).collect();
    let domains = list(&golden["domains"]);
    let names: Vec<(String, &str)> =
        domains.iter().enumerate().map(|(i, domain)| (format!("s{i}"), domain.as_str().unwrap())).collect();
    let names: Vec<(&str, &str)> = names.iter().map(|(id, domain)| (id.as_str(), *domain)).collect();
    let files = [1, 2].map(|step| {
        file(&RouterTrace {
            experts: size(&golden["experts"]),
            gate_kind: GateKind::SelectionFrequency,
            gates: gates.clone(),
            ..trace(step, &names, 3)
        })
    });
    let report = analyse(&files, &Settings::default());
    for domain in ["math", "code"] {
        let expected = golden["expected"][domain]["pathway_length"].as_f64().unwrap();
        assert_close(course(&report, domain, "pathway_length").values[0], expected);
    }
    says(&notes(&report), &["steps 1, 2", "without token counts", "count as equal"]);
}

#[test]
fn a_domain_that_differs_between_files_is_named() {
    let changed = [("a", "math"), ("b", "math"), ("c", "math"), ("d", "code")];
    let some = run(&[file(&trace(1, &NAMES, 3)), file(&trace(2, &changed, 3)), file(&trace(3, &NAMES, 3))]);
    assert_eq!((some.checkpoints.len(), some.samples.len()), (3, 3));
    says(
        &said(&some),
        &["step-2.safetensors", "1 sample has another domain", "`c` is of `math` here and of `code` there"],
    );

    let other = NAMES.map(|(id, _)| (id, "Math"));
    let all = run(&[file(&trace(1, &NAMES, 3)), file(&trace(2, &other, 3)), file(&trace(3, &NAMES, 3))]);
    assert_eq!(all.checkpoints.len(), 2);
    says(
        &said(&all),
        &["step-2.safetensors", "4 samples have other domains", "`a` is of `Math` here and of `math` there"],
    );
}

#[test]
fn a_file_without_domains_takes_them_from_the_others() {
    let bare = NAMES.map(|(id, _)| (id, "all"));
    let files = [file(&trace(1, &bare, 3)), file(&trace(2, &NAMES, 3)), file(&trace(3, &bare, 3))];
    let run = run(&files);
    assert_eq!((run.checkpoints.len(), run.samples.len()), (3, 4));
    assert_eq!(run.samples[0].domain, "math");
    assert_eq!(said(&run), "");
}

#[test]
fn one_id_in_two_domains_is_two_samples() {
    // The second file lacks the first of two samples with one id; the other must not stand for it.
    let both = [("x", "math"), ("y", "math"), ("z", "code"), ("w", "code")];
    let mut one = file(&trace(1, &both, 3));
    // The writer refuses an id that comes twice; other writers do not.
    let (found, put) = (b"\\\"z\\\"", b"\\\"x\\\"");
    let at = one.1.windows(found.len()).position(|bytes| bytes == found).unwrap();
    one.1[at..at + put.len()].copy_from_slice(put);
    let two = file(&trace(2, &[("w", "code"), ("y", "math"), ("x", "code")], 3));
    let run = run(&[one, two]);
    let names: Vec<_> = run.samples.iter().map(|s| (s.id.as_str(), s.domain.as_str())).collect();
    assert_eq!(names, [("y", "math"), ("w", "code")]);
    says(&said(&run), &["ignored"]);
}

#[test]
fn results_that_belong_to_nothing_are_named() {
    let results = r#"{"steps": [1, 2, 9], "items": [{"id": "i", "domain": "math", "correct": [0, 1, 1]},
        {"id": "j", "domain": "D ", "correct": [0, 1, 1]}], "accuracy": {}}"#;
    let files = [
        file(&trace(1, &NAMES, 3)),
        file(&trace(2, &NAMES, 3)),
        ("run.json".into(), results.as_bytes().to_vec()),
    ];
    let report = analyse(&files, &Settings::default());
    says(&notes(&report), &["`D ` (1 item)", "results at step 9 are not in the report"]);
    says(&said(&run(&files)), &["domain `D `", "step 9"]);
    assert!(!notes(&report).contains("`math`"), "{}", notes(&report));
}

#[test]
fn a_checkpoint_without_losses_is_named() {
    let without = RouterTrace { loss: None, ..trace(2, &NAMES, 3) };
    let files = [file(&trace(1, &NAMES, 3)), file(&without), file(&trace(3, &NAMES, 3))];
    let report = analyse(&files, &Settings::default());
    says(&notes(&report), &["no losses at step 2"]);
    assert_eq!(report.domains[0].memorization.memorized, 0);
    let whole = [file(&trace(1, &NAMES, 3)), file(&trace(3, &NAMES, 3))];
    assert!(!notes(&analyse(&whole, &Settings::default())).contains("no losses"));
}

#[test]
fn distances_between_domains_need_three_samples_on_each_side_for_an_error() {
    let names = [("a", "math"), ("b", "math"), ("c", "math"), ("d", "code"), ("e", "code"), ("f", "code")];
    let between = |names: &[(&str, &str)]| {
        let report = analyse(&[file(&trace(1, names, 3)), file(&trace(2, names, 3))], &Settings::default());
        let found = report.courses.into_iter().find(|course| course.other_domain.is_some()).unwrap();
        (found.values[0], found.se.unwrap()[0])
    };
    assert!(matches!(between(&names), (Some(_), Some(_))));
    assert!(matches!(between(&names[..5]), (Some(_), None)));
    assert!(matches!(between(&names[1..]), (Some(_), None)));
}

#[test]
fn consistency_needs_three_layers() {
    for (layers, word) in [(1, "one"), (2, "two")] {
        let router = Router::Weights { layers, experts: 4, width: 2, values: vec![0.5; layers * 8] };
        let files = [1, 2]
            .map(|step| file(&RouterTrace { router: Some(router.clone()), ..trace(step, &NAMES, layers) }));
        let report = analyse(&files, &Settings::default());
        says(&notes(&report), &["needs three MoE layers", word]);
        assert!(report.courses.iter().all(|course| !course.metric.starts_with("consistency")));
        // One pair of adjacent layers has a cosine.
        let smooth = report.course("math", "smoothness", Group::All).and_then(|course| course.values[0]);
        assert_eq!(smooth.is_some(), layers == 2);
    }
}

#[test]
fn names_in_tables_are_no_formulas() {
    let names = [("a", "=1+1"), ("b", "=1+1"), ("c", "@x"), ("d", "-2+3"), ("e", "+cmd")];
    let report = analyse(&[file(&trace(1, &names, 3)), file(&trace(2, &names, 3))], &Settings::default());
    let cells = |text: &str| {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
        let rows = reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>());
        rows.flatten().collect::<Vec<String>>()
    };
    let all: Vec<String> = report::csv_tables(&report).iter().flat_map(|(_, text)| cells(text)).collect();
    for domain in ["'=1+1", "'@x", "'-2+3", "'+cmd"] {
        assert!(all.iter().any(|cell| cell == domain), "{domain}");
    }
    let formula = |cell: &&String| cell.starts_with(['=', '+', '-', '@']) && cell.parse::<f64>().is_err();
    assert_eq!(all.iter().find(formula), None);
}

#[test]
fn a_threshold_of_an_unknown_domain_is_refused() {
    let run = run(&[file(&trace(1, &NAMES, 3)), file(&trace(2, &NAMES, 3))]);
    let settings = Settings { eps: [("maths".to_owned(), 0.5)].into(), ..Settings::default() };
    let analysis = report::Analysis::new();
    let done = futures::executor::block_on(analysis.analyse(
        &run,
        &settings,
        "",
        &report::InlineDistances,
        &report::NoProgress,
    ));
    let Err(error @ Error::UnknownDomain { .. }) = done else { panic!("{done:?}") };
    says(&error.to_string(), &["eps", "`maths`", "`math`, `code`"]);
}
