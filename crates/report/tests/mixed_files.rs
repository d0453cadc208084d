//! Inconsistent input: different shapes, duplicate steps, two runs at once, missing samples,
//! unrelated files. Each gets a verdict, and the rest is analyzed.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod support;

use futures::executor::block_on;
use report::{Analysis, Error, InlineDistances, NoProgress, Settings, TraceRun};
use support::parts;
use trace::{GateDtype, GateKind, RouterTrace, SampleMeta, write_trace};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// A trace of a range of samples; the gates of each sample favor one expert.
fn trace(step: Option<u64>, run: &str, samples: std::ops::Range<usize>, layers: usize) -> RouterTrace {
    let experts = 4;
    let gates = samples.clone().flat_map(|sample| {
        (0..layers * experts).map(move |at| if at % experts == sample % experts { 0.7 } else { 0.1 })
    });
    RouterTrace {
        model: None,
        step,
        tokens: None,
        layers,
        experts,
        gate_kind: GateKind::SoftmaxMean,
        gates: gates.collect(),
        loss: Some(samples.clone().map(|sample| 0.5 + sample as f32 / 100.0).collect()),
        n_tokens: None,
        router: None,
        topk: None,
        topk_ordered: false,
        samples: Some(
            samples.map(|sample| SampleMeta { id: format!("{run}{sample}"), domain: "d".into() }).collect(),
        ),
    }
}

fn file(name: &str, trace: &RouterTrace) -> (String, Vec<u8>) {
    (name.into(), write_trace(trace, GateDtype::F32).unwrap())
}

fn steps(run: &TraceRun) -> Vec<u64> {
    run.checkpoints.iter().map(|checkpoint| checkpoint.step).collect()
}

/// Asserts the verdict on a file.
#[track_caller]
fn verdict(run: &TraceRun, id: usize, used: bool, says: &[&str]) {
    let verdict = run.verdicts.iter().find(|verdict| verdict.id == id).unwrap();
    assert_eq!(verdict.used, used, "{verdict:?}");
    let text = verdict.text.clone().unwrap_or_default();
    for part in says {
        assert!(text.contains(part), "{text:?} does not contain {part:?}");
    }
}

#[test]
fn a_checkpoint_of_another_shape_is_left_out() {
    let files = [
        file("step-1.safetensors", &trace(Some(1), "a", 0..6, 3)),
        file("step-2.safetensors", &trace(Some(2), "a", 0..6, 5)),
        file("step-3.safetensors", &trace(Some(3), "a", 0..6, 3)),
    ];
    let run = report::assemble(&parts(&files)).unwrap();
    assert_eq!(steps(&run), [1, 3]);
    verdict(&run, 1, false, &["step-2.safetensors", "5 layers", "3 layers", "One run has one shape"]);
    verdict(&run, 0, true, &[]);
}

#[test]
fn a_step_that_comes_twice_counts_once() {
    let files = [
        file("x/step-1.safetensors", &trace(Some(1), "a", 0..6, 3)),
        file("y/step-1.safetensors", &trace(Some(1), "a", 0..6, 3)),
        file("step-3.safetensors", &trace(Some(3), "a", 0..6, 3)),
    ];
    let run = report::assemble(&parts(&files)).unwrap();
    assert_eq!(steps(&run), [1, 3]);
    verdict(&run, 1, false, &["already has step 1", "Correct the step"]);
}

#[test]
fn two_runs_mixed_are_told_apart() {
    let mut files: Vec<_> = (1..=3)
        .map(|step| file(&format!("a/step-{step}.safetensors"), &trace(Some(step), "a", 0..6, 3)))
        .collect();
    files.push(file("b/step-9.safetensors", &trace(Some(9), "b", 0..6, 3)));
    let run = report::assemble(&parts(&files)).unwrap();
    assert_eq!(steps(&run), [1, 2, 3]);
    verdict(&run, 3, false, &["b/step-9.safetensors", "another run"]);
}

#[test]
fn samples_that_one_checkpoint_lacks_are_not_counted() {
    let files = [
        file("step-1.safetensors", &trace(Some(1), "a", 0..6, 3)),
        file("step-2.safetensors", &trace(Some(2), "a", 2..6, 3)),
    ];
    let run = report::assemble(&parts(&files)).unwrap();
    assert_eq!(run.samples.iter().map(|sample| &sample.id[..]).collect::<Vec<_>>(), ["a2", "a3", "a4", "a5"]);
    verdict(&run, 0, true, &["2 of its 6 samples", "are ignored"]);
    // Rows of the same sample differ between the files; its loss must follow.
    assert_eq!(run.checkpoints[0].loss, run.checkpoints[1].loss);
}

#[test]
fn a_trace_without_a_step_asks_for_it() {
    let files = [
        file("first.safetensors", &trace(None, "a", 0..6, 3)),
        file("step-2.safetensors", &trace(Some(2), "a", 0..6, 3)),
    ];
    let run = report::assemble(&parts(&files)).unwrap();
    assert_eq!(steps(&run), [2]);
    verdict(&run, 0, false, &["training step is unknown", "Enter the step"]);
}

#[test]
fn unrelated_files_are_named_and_left() {
    let files = [
        ("notes.txt".into(), b"buy milk".to_vec()),
        ("photo.jpg".into(), vec![0xff, 0xd8, 0xff, 0xe0, 0, 16]),
        file("step-2.safetensors", &trace(Some(2), "a", 0..6, 3)),
    ];
    let run = report::assemble(&parts(&files)).unwrap();
    assert_eq!(steps(&run), [2]);
    verdict(&run, 0, false, &["notes.txt"]);
    verdict(&run, 1, false, &["photo.jpg"]);
    let nothing = report::assemble(&parts(&files[..2]));
    assert!(
        matches!(nothing, Err(Error::NothingToAnalyse { files: 2, without_step: 0, others: 0 })),
        "{nothing:?}"
    );
}

#[test]
fn checkpoints_without_a_common_sample_are_refused() {
    // A chain: each shares most samples with the next, none is in all.
    let files = [
        file("step-1.safetensors", &trace(Some(1), "a", 0..6, 3)),
        file("step-2.safetensors", &trace(Some(2), "a", 2..8, 3)),
        file("step-3.safetensors", &trace(Some(3), "a", 6..12, 3)),
    ];
    let run = report::assemble(&parts(&files)).unwrap();
    assert_eq!(steps(&run), [1, 2], "the third shares too little with the others");
    verdict(&run, 2, false, &["another run"]);
}

#[test]
fn tags_in_names_stay_text() {
    let mut one = trace(Some(1), "<script>alert(1)</script>", 0..6, 3);
    for sample in one.samples.iter_mut().flatten() {
        sample.domain = "<img src=x onerror=alert(1)>".into();
    }
    let mut two = one.clone();
    two.step = Some(2);
    let report = support::analyse(
        &[file("step-1.safetensors", &one), file("step-2.safetensors", &two)],
        &Settings::default(),
    );
    assert_eq!(report.domains[0].name, "<img src=x onerror=alert(1)>");
    let again = report::export::parse_json(&report::export::json(&report)).unwrap();
    assert_eq!(again, report);
}

/// A FLAME-MoE layer of the fixtures, with a path in this folder.
fn layer(folder: &str, layer: usize) -> (String, Vec<u8>) {
    let bytes: &[u8] = match layer {
        0 => include_bytes!("../../../tests/fixtures/traces/flame-moe/layer_00.parquet"),
        1 => include_bytes!("../../../tests/fixtures/traces/flame-moe/layer_01.parquet"),
        _ => include_bytes!("../../../tests/fixtures/traces/flame-moe/layer_02.parquet"),
    };
    (format!("flame/{folder}/layer_0{layer}.parquet"), bytes.into())
}

#[test]
fn layers_of_a_folder_are_one_checkpoint() {
    let list = "{\"id\": \"a\", \"domain\": \"d\", \"tokens\": 60}\n{\"id\": \"b\", \"domain\": \"d\", \"tokens\": 61}\n\
                {\"id\": \"c\", \"domain\": \"d\", \"tokens\": 1}\n";
    let mut files =
        vec![layer("880", 0), layer("880", 1), layer("1760", 1), layer("1760", 0), layer("2640", 0)];
    files.push(("flame/samples.jsonl".into(), list.as_bytes().to_vec()));
    let parts_then = parts(&files);
    let run = report::assemble(&parts_then).unwrap();
    assert_eq!(steps(&run), [880, 1760]);
    assert_eq!((run.layers, run.samples.len(), run.samples[1].id.as_str()), (2, 3, "b"));
    assert_eq!(run.checkpoints[0].file, 1);
    for id in 0..4 {
        verdict(&run, id, true, &[]);
    }
    verdict(&run, 4, false, &["1 layers", "2 layers"]);
    // Results of two layers are not used for three layers.
    let analysis = Analysis::new();
    let settings = Settings::default();
    block_on(analysis.analyse(&run, &settings, "", &InlineDistances, &NoProgress)).unwrap();
    files.extend([layer("880", 2), layer("1760", 2)]);
    let run = report::assemble(&parts(&files)).unwrap();
    assert_eq!((steps(&run), run.layers, run.checkpoints[0].file), (vec![880, 1760], 3, 6));
    let again = block_on(analysis.analyse(&run, &settings, "", &InlineDistances, &NoProgress)).unwrap();
    let fresh =
        block_on(Analysis::new().analyse(&run, &settings, "", &InlineDistances, &NoProgress)).unwrap();
    assert_eq!(report::export::json(&again), report::export::json(&fresh));
    // Results of three layers are not used for two.
    let fewer: Vec<_> = parts(&files).into_iter().filter(|part| ![1, 2].contains(&part.id)).collect();
    let run = report::assemble(&fewer).unwrap();
    assert_eq!(run.layers, 2);
    let again = block_on(analysis.analyse(&run, &settings, "", &InlineDistances, &NoProgress)).unwrap();
    let fresh =
        block_on(Analysis::new().analyse(&run, &settings, "", &InlineDistances, &NoProgress)).unwrap();
    assert_eq!(report::export::json(&again), report::export::json(&fresh));
}

#[test]
fn layers_that_do_not_fit_together_are_told() {
    let mut files = vec![layer("880", 0), layer("880", 0)];
    files.push(file("step-1.safetensors", &trace(Some(1), "s", 0..4, 2)));
    let run = report::assemble(&parts(&files)).unwrap();
    verdict(&run, 0, false, &["layer 0", "already"]);
    verdict(&run, 1, false, &["layer 0", "already"]);
    verdict(&run, 2, true, &[]);
}

#[test]
fn traces_alone_need_no_step_and_take_names_along() {
    let mut files = vec![file("a.safetensors", &RouterTrace { samples: None, ..trace(None, "s", 0..2, 2) })];
    files.push((
        "list.jsonl".into(),
        b"{\"id\": \"x\", \"domain\": \"d\"}\n{\"id\": \"y\", \"domain\": \"d\"}\n".to_vec(),
    ));
    files.extend([layer("880", 1), layer("880", 0)]);
    let (traces, verdicts) = report::traces(&parts(&files));
    assert_eq!(traces.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [0, 3]);
    assert_eq!(traces[0].1.info.samples[1].id, "y");
    assert_eq!((traces[1].1.info.layers, traces[1].1.info.step), (2, Some(880)));
    assert!(verdicts.iter().all(|verdict| verdict.used));
    assert!(
        verdicts
            .iter()
            .any(|verdict| verdict.text.as_ref().is_some_and(|text| text.contains("every 2048 rows")))
    );
}

#[test]
fn files_without_a_run_have_reasons() {
    let files = [file("gates.safetensors", &trace(None, "a", 0..6, 3)), ("notes.md".into(), b"x".to_vec())];
    let parts = parts(&files);
    let error = report::assemble(&parts).unwrap_err().to_string();
    assert!(error.contains("1 of 2 files") && error.contains("Enter the step"), "{error}");
    let said: Vec<String> = report::explain(&parts).into_iter().filter_map(|verdict| verdict.text).collect();
    assert!(said.iter().any(|text| text.contains("gates.safetensors: the training step")), "{said:?}");
    assert!(said.iter().any(|text| text.contains("notes.md: not a known part of a run")), "{said:?}");
}

#[test]
fn ids_of_two_domains_are_matched_in_any_order() {
    let whole = |step: u64, order: [usize; 4]| {
        let all = trace(Some(step), "x", 0..4, 3);
        let width = all.layers * all.experts;
        let names = [("a", "math"), ("b", "math"), ("c", "code"), ("d", "code")];
        let samples = order.map(|i| SampleMeta { id: names[i].0.into(), domain: names[i].1.into() });
        let gates = order.iter().flat_map(|&i| all.gates[i * width..(i + 1) * width].to_vec()).collect();
        let (name, mut bytes) = file(
            &format!("step-{step}.safetensors"),
            &RouterTrace { samples: Some(samples.into()), gates, ..all },
        );
        // The writer refuses an id that comes twice; other writers do not.
        for (id, of) in [("c", "a"), ("d", "b")] {
            let (found, put) = (format!("\\\"{id}\\\""), format!("\\\"{of}\\\""));
            let at = bytes.windows(found.len()).position(|bytes| bytes == found.as_bytes()).unwrap();
            bytes[at..at + found.len()].copy_from_slice(put.as_bytes());
        }
        (name, bytes)
    };
    let files = [whole(1, [0, 1, 2, 3]), whole(2, [2, 3, 1, 0])];
    let run = report::assemble(&parts(&files)).unwrap();
    assert_eq!(run.samples.len(), 4);
    let gates = |at: usize| {
        let checkpoint = &run.checkpoints[at];
        let row = |row: &u32| {
            let row = *row as usize;
            block_on(checkpoint.trace.gates(row..row + 1)).unwrap()
        };
        checkpoint.row_of.iter().map(row).collect::<Vec<_>>()
    };
    assert_eq!(gates(0), gates(1));
}
