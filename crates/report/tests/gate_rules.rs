//! Router logits and the rule that makes gates of them: stated by their file, by a `config.json` beside them, or by
//! nothing. Gates of different rules are not mixed, and the report names the rule.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod support;

use futures::executor::block_on;
use report::{Analysis, GateKind, InlineDistances, NoProgress, Part, Settings, assemble};
use support::{analyse, parts};
use trace::GateKind::{SigmoidNormalizedMean as Sigmoid, SoftmaxMean as Softmax};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const SAMPLES: usize = 4;
const TOKENS: usize = 3;
const LAYERS: usize = 3;
const EXPERTS: usize = 4;

fn logit(step: usize, layer: usize, row: usize, expert: usize) -> f32 {
    ((step * 7 + layer * 5 + row * 3 + expert * 11) % 17) as f32 / 4.0 - 2.0
}

/// A dump without padding, with these lines of metadata.
fn dump(name: &str, step: usize, metadata: &[(&str, &str)]) -> (String, Vec<u8>) {
    dump_of(name, step, metadata, 0..LAYERS)
}

/// A dump of one layer.
fn layer_dump(name: &str, step: usize, layer: usize) -> (String, Vec<u8>) {
    dump_of(name, step, &[], layer..layer + 1)
}

fn dump_of(
    name: &str,
    step: usize,
    metadata: &[(&str, &str)],
    layers: std::ops::Range<usize>,
) -> (String, Vec<u8>) {
    let lines: serde_json::Map<String, serde_json::Value> =
        metadata.iter().map(|&(key, value)| (key.to_owned(), value.into())).collect();
    let mut header = serde_json::json!({ "__metadata__": lines });
    let mut data = Vec::new();
    let mut tensor = |name: String, dtype: &str, shape: [usize; 2], bytes: Vec<u8>| {
        let start = data.len();
        data.extend(bytes);
        header[name] =
            serde_json::json!({ "dtype": dtype, "shape": shape, "data_offsets": [start, data.len()] });
    };
    let mask = [1_i64; SAMPLES * TOKENS].iter().flat_map(|one| one.to_le_bytes()).collect();
    tensor("attention_mask".to_owned(), "I64", [SAMPLES, TOKENS], mask);
    for layer in layers {
        let rows = (0..SAMPLES * TOKENS).flat_map(|row| {
            (0..EXPERTS).flat_map(move |expert| logit(step, layer, row, expert).to_le_bytes())
        });
        tensor(format!("router_logits.{layer}"), "F32", [SAMPLES * TOKENS, EXPERTS], rows.collect());
    }
    let header = header.to_string().into_bytes();
    (name.to_owned(), [(header.len() as u64).to_le_bytes().to_vec(), header, data].concat())
}

fn config(name: &str, model_type: &str) -> (String, Vec<u8>) {
    let text = serde_json::json!({ "architectures": ["X"], "model_type": model_type }).to_string();
    (name.to_owned(), text.into_bytes())
}

/// Mean gates of a dump's first sample and layer.
fn first_gates(step: usize, kind: trace::GateKind) -> Vec<f64> {
    let mut sums = vec![0.0; EXPERTS];
    for row in 0..TOKENS {
        let scores: Vec<f64> = (0..EXPERTS)
            .map(|expert| {
                let power = f64::from(trace::exp(logit(step, 0, row, expert)));
                if kind == Sigmoid { power / (1.0 + power) } else { power }
            })
            .collect();
        let sum: f64 = scores.iter().sum();
        sums.iter_mut().zip(scores).for_each(|(to, score)| *to += score / sum / TOKENS as f64);
    }
    sums
}

#[track_caller]
fn holds_gates(run: &report::TraceRun, at: usize, step: usize, kind: trace::GateKind) {
    let trace = &run.checkpoints[at].trace;
    assert_eq!(trace.info.gate_kind, kind);
    let gates = block_on(trace.gates(0..1)).unwrap();
    for (gate, right) in gates.iter().zip(first_gates(step, kind)) {
        assert!((f64::from(*gate) - right).abs() < 1e-6, "{gate} for {right}");
    }
}

fn said(run: &report::TraceRun, id: usize) -> (bool, String) {
    let verdict = run.verdicts.iter().find(|verdict| verdict.id == id).unwrap();
    (verdict.used, verdict.text.clone().unwrap_or_default())
}

#[test]
fn a_configuration_beside_dumps_states_their_rule_whatever_comes_first() {
    let files = [
        dump("run/step-1.safetensors", 1, &[]),
        config("run/config.json", "deepseek_v3"),
        dump("run/step-2.safetensors", 2, &[]),
    ];
    let run = assemble(&parts(&files)).unwrap();
    assert_eq!(run.checkpoints.len(), 2);
    for at in 0..2 {
        holds_gates(&run, at, at + 1, Sigmoid);
    }
    let (used, text) = said(&run, 1);
    assert!(used, "{text}");
    for words in ["run/config.json", "`deepseek_v3`", "normalized sigmoid", "2 files of router logits"] {
        assert!(text.contains(words), "{words:?} is not in {text:?}");
    }
    assert_eq!(said(&run, 0), (true, String::new()));
}

#[test]
fn a_configuration_around_folders_of_steps_states_their_rule() {
    let files = [
        dump("run/step1000/router_logits.safetensors", 1, &[]),
        config("run/config.json", "deepseek_v3"),
        dump("run/deep/er/step2000/router_logits.safetensors", 2, &[]),
        // The name of this folder only begins like that of the configuration.
        dump("run-2/step3000/router_logits.safetensors", 3, &[]),
        // Nearer to the last dump than the other one.
        config("run/step4000/config.json", "olmoe"),
        dump("run/step4000/router_logits.safetensors", 4, &[]),
    ];
    let all = parts(&files);
    let (traces, _) = report::traces(&all);
    let kinds: Vec<_> = traces.iter().map(|(id, trace)| (*id, trace.info.gate_kind)).collect();
    assert_eq!(kinds, [(0, Sigmoid), (2, Sigmoid), (3, Softmax), (5, Softmax)]);
    let run = assemble(&all).unwrap();
    let (used, text) = said(&run, 1);
    assert!(used && text.contains("2 files of router logits"), "{text}");
    assert!(said(&run, 4).1.contains("run/step4000/config.json"));
}

#[test]
fn two_configurations_of_one_folder_must_agree() {
    // The page gives files that were dropped alone no folder.
    let files = [
        config("config.json", "deepseek_v3"),
        config("config.json", "olmoe"),
        dump("step-1.safetensors", 1, &[]),
        dump("run/step-2.safetensors", 2, &[("gate_kind", "softmax-mean")]),
    ];
    let run = assemble(&parts(&files)).unwrap();
    assert_eq!(run.checkpoints.iter().map(|at| at.step).collect::<Vec<_>>(), [2]);
    let (used, text) = said(&run, 2);
    assert!(!used);
    for words in ["step-1.safetensors", "`deepseek_v3`", "`olmoe`", "Remove", "gate_kind"] {
        assert!(text.contains(words), "{words:?} is not in {text:?}");
    }
    // Two of one rule agree.
    let files = [
        config("config.json", "mixtral"),
        config("config.json", "olmoe"),
        dump("step-1.safetensors", 1, &[]),
    ];
    holds_gates(&assemble(&parts(&files)).unwrap(), 0, 1, Softmax);
}

#[test]
fn without_a_word_dumps_are_read_by_softmax_and_one_note_tells() {
    let files = [
        dump("run/step-1.safetensors", 1, &[]),
        dump("run/step-2.safetensors", 2, &[]),
        config("elsewhere/config.json", "deepseek_v3"),
    ];
    let run = assemble(&parts(&files)).unwrap();
    for at in 0..2 {
        holds_gates(&run, at, at + 1, Softmax);
    }
    let (used, text) = said(&run, 0);
    assert!(used);
    for words in
        ["step-1.safetensors and 1 more", "read as softmax router logits", "DeepSeek-V3", "`gate_kind`"]
    {
        assert!(text.contains(words), "{words:?} is not in {text:?}");
    }
    assert_eq!(said(&run, 1), (true, String::new()));
    let (used, text) = said(&run, 2);
    assert!(!used && text.contains("a model's configuration without its weights"), "{text}");
}

#[test]
fn layers_in_files_of_their_own_follow_the_configuration() {
    let whole =
        assemble(&parts(&[config("step-1/config.json", "dots1"), dump("step-1/all.safetensors", 1, &[])]));
    let mut files = vec![config("step-1/config.json", "dots1")];
    files.extend((0..LAYERS).map(|layer| layer_dump(&format!("step-1/layer_{layer}.safetensors"), 1, layer)));
    let run = assemble(&parts(&files)).unwrap();
    holds_gates(&run, 0, 1, Sigmoid);
    let all = |run: &report::TraceRun| block_on(run.checkpoints[0].trace.gates(0..SAMPLES)).unwrap();
    assert_eq!(all(&run), all(&whole.unwrap()));
}

#[test]
fn a_family_that_is_not_known_is_named() {
    let files = [config("config.json", "new_moe"), dump("step-1.safetensors", 1, &[])];
    let run = assemble(&parts(&files)).unwrap();
    holds_gates(&run, 0, 1, Softmax);
    let (_, text) = said(&run, 1);
    assert!(text.contains("The routing of `new_moe` in config.json is not known"), "{text}");
    assert!(!said(&run, 0).0);
}

#[test]
fn the_dump_itself_goes_before_the_configuration() {
    let files = [
        config("config.json", "deepseek_v3"),
        dump("step-1.safetensors", 1, &[("model_type", "olmoe")]),
        dump("step-2.safetensors", 2, &[("gate_kind", "softmax-mean")]),
    ];
    let run = assemble(&parts(&files)).unwrap();
    for at in 0..2 {
        holds_gates(&run, at, at + 1, Softmax);
    }
    assert!(!said(&run, 0).0, "a configuration that nothing used is no part of the run");
    let (_, text) = said(&run, 1);
    assert!(text.is_empty(), "{text}");
}

#[test]
fn gates_of_two_rules_are_not_one_run() {
    let sigmoid = [("gate_kind", "sigmoid-normalized-mean")];
    let files = [
        dump("step-1.safetensors", 1, &sigmoid),
        dump("step-2.safetensors", 2, &[]),
        dump("step-3.safetensors", 3, &sigmoid),
    ];
    let run = assemble(&parts(&files)).unwrap();
    assert_eq!(run.checkpoints.iter().map(|at| at.step).collect::<Vec<_>>(), [1, 3]);
    let (used, text) = said(&run, 1);
    assert!(!used);
    for words in ["by softmax", "by normalized sigmoid", "one kind of gates"] {
        assert!(text.contains(words), "{words:?} is not in {text:?}");
    }
}

#[test]
fn batches_of_one_dump_take_the_rule() {
    let files = [
        config("step-1/config.json", "deepseek_v3"),
        dump("step-1/batch_0.safetensors", 1, &[]),
        dump("step-1/batch_1.safetensors", 2, &[]),
    ];
    let run = assemble(&parts(&files)).unwrap();
    let trace = &run.checkpoints[0].trace;
    assert_eq!((run.checkpoints.len(), trace.info.samples.len()), (1, 2 * SAMPLES));
    holds_gates(&run, 0, 1, Sigmoid);
    let second = block_on(trace.gates(SAMPLES..SAMPLES + 1)).unwrap();
    for (gate, right) in second.iter().zip(first_gates(2, Sigmoid)) {
        assert!((f64::from(*gate) - right).abs() < 1e-6, "{gate} for {right}");
    }
}

#[test]
fn the_report_names_the_rule() {
    let sigmoid = [("gate_kind", "sigmoid-normalized-mean")];
    let files: Vec<_> =
        (1..4).map(|step| dump(&format!("step-{step}.safetensors"), step, &sigmoid)).collect();
    let report = analyse(&files, &Settings::default());
    assert_eq!(report.run.gate_kind, GateKind::SigmoidNormalizedMean);
    assert!(report.notes.iter().any(|note| note.text.contains("score by sigmoid")));
    assert!(report::json(&report).contains("\"gate_kind\": \"sigmoid-normalized-mean\""));
    let tables = report::csv_tables(&report);
    let (_, courses) = tables.iter().find(|(name, _)| name == "courses.csv").unwrap();
    assert!(courses.lines().skip(1).all(|line| line.ends_with(",normalized sigmoid")), "{courses}");
}

#[test]
fn a_configuration_that_comes_later_changes_the_report() {
    let dumps: Vec<_> = (1..4).map(|step| dump(&format!("step-{step}.safetensors"), step, &[])).collect();
    let mut parts: Vec<Part> = parts(&dumps);
    let analysis = Analysis::new();
    let report = |parts: &[Part]| {
        let run = assemble(parts).unwrap();
        block_on(analysis.analyse(&run, &Settings::default(), "", &InlineDistances, &NoProgress)).unwrap()
    };
    let entropy =
        |report: &report::Report| report.course("all", "entropy", report::Group::All).unwrap().values.clone();
    let before = report(&parts);
    parts.extend(
        self::parts(&[config("config.json", "dots1")]).into_iter().map(|part| Part { id: 9, ..part }),
    );
    let after = report(&parts);
    assert_eq!(after.run.gate_kind, GateKind::SigmoidNormalizedMean);
    assert_ne!(entropy(&before), entropy(&after));
    let stated: Vec<_> = (1..4)
        .map(|step| dump(&format!("step-{step}.safetensors"), step, &[("model_type", "dots1")]))
        .collect();
    assert_eq!(entropy(&after), entropy(&analyse(&stated, &Settings::default())));
}
