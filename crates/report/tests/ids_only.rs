//! Runs of traces with only expert ids: missing inputs are noted, everything else is computed.
#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod support;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use report::{Analysis, GateKind, Group, InlineDistances, NoProgress, Settings, assemble};
use support::{analyse, parts};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const LAYERS: usize = 3;

const TOKENS: usize = 20;

/// The experts of a token in a layer; the selections of later steps depend less on the sample.
fn selected(step: usize, sample: usize, token: usize, layer: usize, largest: usize) -> [usize; 2] {
    let first = if token < 4 * step { layer } else { (sample * 5 + layer * 3 + token) % largest };
    [first, (first + 1 + token % 2) % largest]
}

/// One record per sample.
fn records(step: usize, samples: std::ops::Range<usize>, largest: usize, more: &str) -> String {
    let mut text = String::new();
    for sample in samples {
        let tokens = (0..TOKENS).map(|token| {
            let layers = (0..LAYERS).map(|layer| {
                let [first, second] = selected(step, sample, token, layer, largest);
                format!("[{first},{second}]")
            });
            format!("[{}]", layers.collect::<Vec<_>>().join(","))
        });
        let ids = tokens.collect::<Vec<_>>().join(",");
        text += &format!(
            "{{\"sample_id\": \"s{sample}\", \"domain\": \"math\"{more}, \"routed_experts\": [{ids}]}}\n"
        );
    }
    text
}

/// The records as SGLang returns them: 32-bit integers in base64, without a shape.
fn sglang(step: usize) -> String {
    let record = |sample: usize| {
        let ids = (0..TOKENS * LAYERS)
            .flat_map(|at| selected(step, sample, at / LAYERS, at % LAYERS, 8))
            .flat_map(|id| (id as i32).to_le_bytes());
        let ids = STANDARD.encode(ids.collect::<Vec<u8>>());
        format!(
            "{{\"sample_id\": \"s{sample}\", \"domain\": \"math\", \"meta_info\": {{\"prompt_tokens\": {TOKENS}, \
             \"completion_tokens\": 1, \"routed_experts\": \"{ids}\"}}}}\n"
        )
    };
    (0..12).map(record).collect()
}

/// The records as the OLMoE scripts write them: layers as last axis.
fn olmoe(step: usize) -> String {
    let record = |sample: usize| {
        let tokens = (0..TOKENS).map(|token| {
            let ranks = (0..2).map(|rank| {
                let layers =
                    (0..LAYERS).map(|layer| selected(step, sample, token, layer, 8)[rank].to_string());
                format!("[{}]", layers.collect::<Vec<_>>().join(","))
            });
            format!("[{}]", ranks.collect::<Vec<_>>().join(","))
        });
        let ids = tokens.collect::<Vec<_>>().join(",");
        format!("{{\"sample_id\": \"s{sample}\", \"domain\": \"math\", \"exp_ids\": [{ids}]}}\n")
    };
    (0..12).map(record).collect()
}

/// The records as a table.
fn table(step: usize) -> String {
    let mut text = "sample,token,layer,expert\n".to_owned();
    for sample in 0..12 {
        for at in 0..TOKENS * LAYERS {
            for expert in selected(step, sample, at / LAYERS, at % LAYERS, 8) {
                text += &format!("s{sample},{},{},{expert}\n", at / LAYERS, at % LAYERS);
            }
        }
    }
    text
}

fn file(name: &str, text: String) -> (String, Vec<u8>) {
    (name.to_owned(), text.into_bytes())
}

fn run() -> Vec<(String, Vec<u8>)> {
    (1..=4).map(|step| file(&format!("step-{step}/answers.jsonl"), records(step, 0..12, 8, ""))).collect()
}

#[test]
fn a_run_without_losses_has_distances_of_all_samples_and_says_what_is_missing() {
    let report = analyse(&run(), &Settings::default());
    assert_eq!(report.run.gate_kind, GateKind::SelectionFrequency);
    assert_eq!((report.run.layers, report.run.experts, report.run.top_k), (LAYERS, 8, Some(2)));
    let math = &report.domains[0];
    let course = |metric: &str| report.course("math", metric, Group::All).map(|course| &course.values);
    let distance = course("distance").unwrap();
    assert!(distance.iter().all(Option::is_some), "{distance:?}");
    // Selections come to depend less on the sample, so pathways come closer.
    assert!(distance[3].unwrap() < distance[0].unwrap(), "{distance:?}");
    let saturation = course("saturation_k").unwrap();
    assert!(saturation.iter().all(Option::is_some) && math.expert_selections.iter().all(Option::is_some));
    // The last checkpoint agrees with itself.
    assert!((saturation[3].unwrap() - 1.0).abs() < 1e-12);
    assert_eq!(course("consistency"), None);
    for metric in ["token_entropy", "loss"] {
        assert!(course(metric).unwrap().iter().all(Option::is_none));
    }
    assert_eq!(math.memorization.memorized, 0);
    let notes = report.notes.iter().map(|note| note.text.as_str()).collect::<Vec<_>>().join("\n");
    for words in [
        "selection frequencies",
        "Consistency needs weights",
        "Token entropy needs the weights of tokens",
        "no sample can be classified as memorized",
        "every figure describes all samples",
        "a field `loss`",
    ] {
        assert!(notes.contains(words), "{words:?} is not in\n{notes}");
    }
    let tables = report::export::csv_tables(&report);
    for name in ["courses.csv", "correlations.csv"] {
        let (_, text) = tables.iter().find(|(table, _)| table == name).unwrap();
        let mut lines = text.lines();
        assert!(lines.next().unwrap().ends_with(",gates"), "{name}");
        assert!(lines.all(|line| line.ends_with(",selection frequency")), "{name}");
    }
}

#[test]
fn losses_in_the_records_bring_memorization() {
    let loss = [3.0, 1.0, 0.2, 0.2];
    let files: Vec<_> = (1..=4)
        .map(|step| {
            let more = format!(", \"loss\": {}", loss[step - 1]);
            file(&format!("step-{step}/answers.jsonl"), records(step, 0..12, 8, &more))
        })
        .collect();
    let report = analyse(&files, &Settings::default());
    assert_eq!(report.domains[0].memorization.memorized, 12);
}

#[test]
fn files_of_one_folder_are_one_checkpoint() {
    let whole = analyse(&run(), &Settings::default());
    let mut files = Vec::new();
    for step in 1..=4 {
        // Added in any order; read in the order of their names.
        files.push(file(&format!("step-{step}/answers-1.jsonl"), records(step, 7..12, 8, "")));
        files.push(file(&format!("step-{step}/answers-0.jsonl"), records(step, 0..7, 8, "")));
    }
    let run = assemble(&parts(&files)).unwrap();
    assert_eq!((run.checkpoints.len(), run.samples.len()), (4, 12));
    assert!(run.verdicts.iter().all(|verdict| verdict.used), "{:?}", run.verdicts);
    assert!(
        run.verdicts
            .iter()
            .any(|verdict| verdict.text.as_ref().is_some_and(|text| text.contains("read together")))
    );
    let parted = futures::executor::block_on(Analysis::new().analyse(
        &run,
        &Settings::default(),
        "",
        &InlineDistances,
        &NoProgress,
    ));
    let parted = parted.unwrap();
    assert_eq!((parted.domains, parted.courses), (whole.domains, whole.courses));
}

#[test]
fn checkpoints_of_different_sources_are_one_run() {
    let whole = analyse(&run(), &Settings::default());
    let mut files = run();
    files[1] = file("step-2/answers.jsonl", sglang(2));
    files[2] = file("step-3/answers.jsonl", olmoe(3));
    // The last one as `grokscope convert` writes it.
    let last = parts(&files[3..]).remove(0);
    let trace::FileKind::Trace(opened) = last.what else { panic!("{} is no trace", last.path) };
    let samples = 0..opened.info.samples.len();
    let gates = futures::executor::block_on(opened.gates(samples.clone())).unwrap();
    let written = trace::RouterTrace {
        model: None,
        step: Some(4),
        tokens: None,
        samples: Some(opened.info.samples.clone()),
        layers: opened.info.layers,
        experts: opened.info.experts,
        gate_kind: opened.info.gate_kind,
        gates,
        loss: None,
        n_tokens: opened.info.n_tokens.clone(),
        router: None,
        topk: futures::executor::block_on(opened.topk(samples)).unwrap(),
        topk_ordered: true,
    };
    files[3] =
        ("step-4.safetensors".to_owned(), trace::write_trace(&written, trace::GateDtype::F32).unwrap());
    let opened = parts(&files);
    let formats: std::collections::BTreeSet<&str> = opened
        .iter()
        .filter_map(|part| match &part.what {
            trace::FileKind::Trace(trace) => Some(trace.info.format),
            _ => None,
        })
        .collect();
    assert_eq!(formats.len(), 4, "{formats:?}");
    let run = assemble(&opened).unwrap();
    assert!(run.verdicts.iter().all(|verdict| verdict.used), "{:?}", run.verdicts);
    assert_eq!((run.checkpoints.len(), run.samples.len()), (4, 12));
    let mixed = analyse(&files, &Settings::default());
    assert_eq!((&mixed.domains, &mixed.courses), (&whole.domains, &whole.courses));
    // A table is counted and not kept, so it has no selections to compare; the distances are the
    // same.
    files[2] = file("step-3/answers.csv", table(3));
    let with_table = analyse(&files, &Settings::default());
    let distance = |report: &report::Report| report.course("math", "distance", Group::All).unwrap().clone();
    assert_eq!(distance(&with_table), distance(&whole));
    let selections = |report: &report::Report| report.domains[0].expert_selections[2].is_some();
    assert!(!selections(&with_table) && selections(&whole));
}

#[test]
fn the_number_of_experts_is_the_same_at_every_checkpoint() {
    // At the first two steps ids go up to 7, later to 12: 16 experts in all.
    let files: Vec<_> = (1..=4)
        .map(|step| {
            file(&format!("step-{step}.jsonl"), records(step, 0..6, if step < 3 { 8 } else { 13 }, ""))
        })
        .collect();
    let run = assemble(&parts(&files)).unwrap();
    assert_eq!((run.checkpoints.len(), run.experts), (4, 16));
    // If one file states the number, it applies to all.
    let mut told = files.clone();
    told.push(file("step-5.jsonl", records(5, 0..6, 13, ", \"num_experts\": 60")));
    let run = assemble(&parts(&told)).unwrap();
    assert_eq!((run.checkpoints.len(), run.experts), (5, 60));
}

#[test]
fn the_logits_of_a_trace_are_found_beside_it() {
    const TRACE: &[u8] = include_bytes!("../../../tests/fixtures/traces/megatron/router_trace_rank0.jsonl");
    const LOGITS: &[u8] = include_bytes!("../../../tests/fixtures/traces/megatron/logits_rank0.bin");
    let trace = |step| (format!("step-{step}/router_trace_rank0.jsonl"), TRACE.to_vec());
    let logits = |step| (format!("step-{step}/logits_rank0.bin"), LOGITS.to_vec());
    let run = assemble(&parts(&[trace(1), trace(2), logits(2), logits(1)])).unwrap();
    assert_eq!(run.checkpoints.len(), 2);
    assert!(run.checkpoints.iter().all(|at| at.trace.info.gate_kind == trace::GateKind::SoftmaxMean));
    assert!(run.verdicts.iter().all(|verdict| verdict.used), "{:?}", run.verdicts);
    // Without ids, logits are unused, and a truncated file is reported.
    let mut cut = logits(1);
    cut.1.truncate(100);
    let run = assemble(&parts(&[trace(1), cut, logits(7)])).unwrap();
    assert_eq!(run.checkpoints[0].trace.info.gate_kind, trace::GateKind::SelectionFrequency);
    let said = |id| run.verdicts.iter().find(|verdict| verdict.id == id).unwrap().text.clone().unwrap();
    assert!(said(1).contains("cut off") && said(2).contains("without the trace"), "{:?}", run.verdicts);
}
