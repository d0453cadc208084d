//! Samples whose gates cannot be used at some checkpoint: they leave the run and are named, and the
//! figures are those of files that never had them. A file with more than half of such samples is
//! left out.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod support;

use futures::executor::block_on;
use report::{Analysis, Error, InlineDistances, NoProgress, Part, Report, Settings, TraceRun};
use support::parts;
use trace::{GateDtype, GateKind, Router, RouterTrace, SampleMeta, TopK, write_trace};

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const SAMPLES: usize = 12;
const LAYERS: usize = 4;
const EXPERTS: usize = 8;
const TOKENS: usize = 5;

/// A number from 0 to 999 that looks random.
fn noise(a: usize, b: usize, c: usize) -> usize {
    let mut state = (a * 7919 + b * 104_729 + c * 1_299_709) as u64 + 1;
    for _ in 0..3 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state ^= state >> 29;
    }
    (state % 1000) as usize
}

/// A trace of these samples with everything that a trace can have.
fn trace(step: u64, samples: &[usize]) -> RouterTrace {
    let time = step as usize;
    let mut gates = Vec::new();
    let mut ids = Vec::new();
    for &sample in samples {
        for layer in 0..LAYERS {
            let raw: Vec<f32> = (0..EXPERTS)
                .map(|expert| 1.0 + noise(time, sample, layer * EXPERTS + expert) as f32)
                .collect();
            let sum: f32 = raw.iter().sum();
            gates.extend(raw.iter().map(|gate| gate / sum));
        }
        for token in 0..TOKENS * LAYERS {
            let first = noise(time, sample, 1000 + token) % EXPERTS;
            ids.extend([first as u16, ((first + 3) % EXPERTS) as u16]);
        }
    }
    let count = samples.len();
    let loss = samples.iter().map(|&sample| 3.0 / (1.0 + step as f32) + noise(9, sample, 0) as f32 / 1e5);
    RouterTrace {
        model: None,
        step: Some(step),
        tokens: None,
        layers: LAYERS,
        experts: EXPERTS,
        gate_kind: GateKind::SoftmaxMean,
        gates,
        loss: Some(loss.collect()),
        n_tokens: Some(vec![TOKENS as u32; count]),
        router: Some(Router::Weights {
            layers: LAYERS,
            experts: EXPERTS,
            width: 6,
            values: (0..LAYERS * EXPERTS * 6).map(|at| noise(time, at, 5) as f32 / 500.0 - 1.0).collect(),
        }),
        topk: Some(TopK {
            k: 2,
            layers: LAYERS,
            ids,
            offsets: (0..=count).map(|sample| sample * TOKENS).collect(),
        }),
        topk_ordered: true,
        samples: Some(
            samples
                .iter()
                .map(|sample| SampleMeta { id: format!("s{sample}"), domain: "d".to_owned() })
                .collect(),
        ),
    }
}

fn file(step: u64, samples: &[usize]) -> (String, Vec<u8>) {
    let bytes = write_trace(&trace(step, samples), GateDtype::F32).unwrap();
    (format!("step-{step}.safetensors"), bytes)
}

/// Overwrites the gates of one layer of a sample in a file, as its writer would not do.
fn spoil((name, mut bytes): (String, Vec<u8>), step: u64, sample: usize, value: f32) -> (String, Vec<u8>) {
    let all: Vec<usize> = (0..SAMPLES).collect();
    let row = (sample * LAYERS + 2) * EXPERTS;
    let gates: Vec<u8> =
        trace(step, &all).gates[row..row + EXPERTS].iter().flat_map(|gate| gate.to_le_bytes()).collect();
    let at = bytes.windows(gates.len()).position(|window| window == gates).unwrap();
    for place in bytes[at..at + gates.len()].chunks_exact_mut(4) {
        place.copy_from_slice(&value.to_le_bytes());
    }
    (name, bytes)
}

/// Analyzes as the page and the command line do; returns the run and its report too.
fn analyse(mut parts: Vec<Part>) -> (TraceRun, Report, Vec<String>) {
    let analysis = Analysis::new();
    let mut unread = Vec::new();
    loop {
        let run = analysis.assemble(&parts).unwrap();
        let settings = Settings::default();
        match block_on(analysis.analyse(&run, &settings, "", &InlineDistances, &NoProgress)) {
            Ok(report) => return (run, report, unread),
            Err(Error::BadSamples { samples }) => assert!(samples > 0),
            Err(Error::Checkpoint { file, source }) => {
                unread.push(source.to_string());
                parts.retain(|part| part.id != file);
            }
            Err(error) => panic!("{error}"),
        }
    }
}

fn ids(run: &TraceRun) -> Vec<&str> {
    run.samples.iter().map(|sample| sample.id.as_str()).collect()
}

/// Asserts that the only difference to a report is its notes.
fn same_but_for_notes(mut found: Report, mut expected: Report) {
    (found.notes, expected.notes) = (Vec::new(), Vec::new());
    assert_eq!(found, expected);
}

#[test]
fn figures_are_those_of_files_without_the_sample() {
    let all: Vec<usize> = (0..SAMPLES).collect();
    let without: Vec<usize> = all.iter().copied().filter(|sample| ![3, 7, 8].contains(sample)).collect();
    let steps = [10, 20, 30, 40];
    let clean: Vec<_> = steps.iter().map(|&step| file(step, &without)).collect();
    let expected = support::analyse(&clean, &Settings::default());
    // Three samples at two checkpoints, by three kinds of faults.
    let files = vec![
        file(10, &all),
        spoil(file(20, &all), 20, 3, f32::NAN),
        spoil(spoil(file(30, &all), 30, 7, 0.0), 30, 8, -0.5),
        file(40, &all),
    ];
    let (run, report, unread) = analyse(parts(&files));
    assert_eq!(unread, [""; 0]);
    assert_eq!(run.checkpoints.len(), 4);
    assert_eq!(ids(&run), without.iter().map(|sample| format!("s{sample}")).collect::<Vec<_>>());
    let said: Vec<&str> =
        report.notes.iter().map(|note| note.text.as_str()).filter(|text| text.contains("left out")).collect();
    assert_eq!(said.len(), 2, "{said:?}");
    for part in ["step-20.safetensors", "`s3`", "layer 2", "NaN", "step 20", "all checkpoints"] {
        assert!(said[0].contains(part), "{part}: {said:?}");
    }
    for part in ["step-30.safetensors", "`s7`, `s8` are left out", "sum to 0", "step 30"] {
        assert!(said[1].contains(part), "{part}: {said:?}");
    }
    let verdict = run.verdicts.iter().find(|verdict| verdict.id == 1).unwrap();
    assert!(verdict.used && verdict.text.as_deref().unwrap().contains("`s3`"), "{verdict:?}");
    let verdict = run.verdicts.iter().find(|verdict| verdict.id == 0).unwrap();
    assert!(verdict.used && verdict.text.is_none(), "{verdict:?}");
    same_but_for_notes(report, expected);
}

#[test]
fn files_with_mostly_bad_samples_are_left_out() {
    let all: Vec<usize> = (0..SAMPLES).collect();
    let spoilt = |step: u64, samples: std::ops::Range<usize>| {
        samples.fold(file(step, &all), |file, sample| spoil(file, step, sample, f32::NAN))
    };
    let clean: Vec<_> = [10, 30, 40].iter().map(|&step| file(step, &all)).collect();
    let expected = support::analyse(&clean, &Settings::default());
    let files = vec![file(10, &all), spoilt(20, 2..9), file(30, &all), file(40, &all)];
    let (_, report, unread) = analyse(parts(&files));
    assert_eq!(unread.len(), 1);
    for part in ["step-20.safetensors", "7 of its 12 samples", "more than half", "`s2`"] {
        assert!(unread[0].contains(part), "{part}: {unread:?}");
    }
    assert_eq!(report, expected);
    // Half of them is not more than half.
    let (run, _, unread) =
        analyse(parts(&[file(10, &all), spoilt(20, 0..6), file(30, &all), file(40, &all)]));
    assert_eq!((run.checkpoints.len(), run.samples.len(), unread.len()), (4, 6, 0));
}

#[test]
fn a_run_does_not_lose_most_of_its_samples() {
    let all: Vec<usize> = (0..SAMPLES).collect();
    let spoilt = |step: u64, samples: std::ops::Range<usize>| {
        samples.fold(file(step, &all), |file, sample| spoil(file, step, sample, 0.0))
    };
    let files = vec![file(10, &all), spoilt(20, 0..3), spoilt(30, 3..8), file(40, &all)];
    let (run, _, _) = analyse(parts(&files));
    let steps: Vec<u64> = run.checkpoints.iter().map(|checkpoint| checkpoint.step).collect();
    assert_eq!((steps, run.samples.len()), (vec![10, 20, 40], 9));
    let verdict = run.verdicts.iter().find(|verdict| verdict.id == 2).unwrap();
    assert!(!verdict.used, "{verdict:?}");
    for part in ["step-30.safetensors", "5 of its 12 samples", "more than half", "step 30 is left out"] {
        assert!(verdict.text.as_deref().unwrap().contains(part), "{part}: {verdict:?}");
    }
}

/// Selection frequencies without token counts: a sample whose row is all zero.
#[test]
fn rows_of_zeros_among_frequencies_are_found() {
    let all: Vec<usize> = (0..SAMPLES).collect();
    let of = |step: u64| {
        let frequencies = RouterTrace {
            gate_kind: GateKind::SelectionFrequency,
            router: None,
            topk: None,
            n_tokens: None,
            ..trace(step, &all)
        };
        (format!("step-{step}.safetensors"), write_trace(&frequencies, GateDtype::F32).unwrap())
    };
    let (run, report, unread) = analyse(parts(&[of(10), spoil(of(20), 20, 5, 0.0), of(30)]));
    assert_eq!((run.checkpoints.len(), run.samples.len(), unread.len()), (3, SAMPLES - 1, 0));
    assert!(report.notes.iter().any(|note| note.text.contains("`s5` is left out at all checkpoints")));
}

/// A dump of router logits `[samples * positions, experts]` of two layers with a mask, without
/// names.
fn dump(step: u64, bad: &[usize]) -> (String, Vec<u8>) {
    (format!("step-{step}.safetensors"), dump_of(step, bad, 0..2))
}

/// A dump of some of the layers; logits of the second one are spoilt.
fn dump_of(step: u64, bad: &[usize], layers: std::ops::Range<usize>) -> Vec<u8> {
    let rows = SAMPLES * TOKENS;
    let mut header = serde_json::json!({ "__metadata__": { "gate_kind": "softmax-mean", "top_k": "2" } });
    let mut data: Vec<u8> = Vec::new();
    let mut tensor = |name: &str, dtype: &str, shape: [usize; 2], bytes: Vec<u8>| {
        let end = data.len() + bytes.len();
        header[name] =
            serde_json::json!({ "dtype": dtype, "shape": shape, "data_offsets": [data.len(), end] });
        data.extend(bytes);
    };
    // The first sample is padding only: it does not count among the samples.
    let mask = (0..rows).flat_map(|row| i64::from(row >= TOKENS).to_le_bytes()).collect();
    tensor("attention_mask", "I64", [SAMPLES, TOKENS], mask);
    for layer in layers {
        let logit = |row: usize, expert: usize| {
            let spoilt = layer == 1 && row % TOKENS == 3 && bad.contains(&(row / TOKENS));
            if spoilt && expert == 4 {
                f32::INFINITY
            } else {
                noise(step as usize, row, layer * EXPERTS + expert) as f32 / 200.0
            }
        };
        let values = (0..rows * EXPERTS).flat_map(|at| logit(at / EXPERTS, at % EXPERTS).to_le_bytes());
        tensor(&format!("router_logits.{layer}"), "F32", [rows, EXPERTS], values.collect());
    }
    let header = header.to_string().into_bytes();
    [(header.len() as u64).to_le_bytes().to_vec(), header, data].concat()
}

/// One file per layer: a bad sample of one layer leaves all of them.
#[test]
fn a_bad_sample_of_one_layer_leaves_the_others() {
    let mut files = Vec::new();
    for (step, bad) in [(10, &[][..]), (20, &[4, 9])] {
        files.extend((0..2).map(|layer| {
            (format!("step-{step}/layer_{layer}.safetensors"), dump_of(step, bad, layer..layer + 1))
        }));
    }
    let (run, report, _) = analyse(parts(&files));
    assert_eq!((run.checkpoints.len(), run.layers), (2, 2));
    assert_eq!(ids(&run), ["0", "1", "2", "4", "5", "6", "7", "9", "10"]);
    let (whole, _, _) = analyse(parts(&[dump(10, &[]), dump(20, &[4, 9])]));
    for (sample, (&row, &other)) in
        run.checkpoints[1].row_of.iter().zip(&*whole.checkpoints[1].row_of).enumerate()
    {
        let gates = |run: &TraceRun, row: u32| {
            block_on(run.checkpoints[1].trace.gates(row as usize..row as usize + 1)).unwrap()
        };
        assert_eq!(gates(&run, row), gates(&whole, other), "{}", run.samples[sample].id);
    }
    assert!(report.notes.iter().any(|note| note.text.contains("`3`, `8` are left out at all checkpoints")));
}

#[test]
fn samples_of_dumps_keep_their_places() {
    let files = [dump(10, &[]), dump(20, &[4, 9]), dump(30, &[])];
    let (run, report, _) = analyse(parts(&files));
    // The padding is left out, so that samples 4 and 9 are the fourth and the ninth of the others,
    // from 0.
    assert_eq!(ids(&run), ["0", "1", "2", "4", "5", "6", "7", "9", "10"]);
    let (clean, _, _) = analyse(parts(&[dump(10, &[]), dump(20, &[]), dump(30, &[])]));
    let gates = |run: &TraceRun, row: u32| {
        block_on(run.checkpoints[1].trace.gates(row as usize..row as usize + 1)).unwrap()
    };
    for (sample, &row) in run.checkpoints[1].row_of.iter().enumerate() {
        let place: u32 = run.samples[sample].id.parse().unwrap();
        assert_eq!(gates(&run, row), gates(&clean, place), "sample {place}");
    }
    assert!(report.notes.iter().any(|note| {
        note.text.contains("`3`, `8` are left out at all checkpoints")
            && note.text.contains("inf for expert 4 at sample 4, position 3")
    }));

    // A list beside them names all eleven.
    let list: Vec<String> = (1..SAMPLES).map(|i| format!(r#"{{"id": "q{i}", "domain": "d"}}"#)).collect();
    let mut files = files.to_vec();
    files.push(("samples.jsonl".to_owned(), list.join("\n").into_bytes()));
    let (run, report, _) = analyse(parts(&files));
    assert_eq!(ids(&run), ["q1", "q2", "q3", "q5", "q6", "q7", "q8", "q10", "q11"]);
    assert!(report.notes.iter().any(|note| note.text.contains("`q4`, `q9` are left out")));
}
