//! Lists of samples beside traces: they tell where the rows of unmasked router logits end, and give
//! domains by id.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod support;

use futures::executor::block_on;
use report::TraceRun;
use support::parts;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const EXPERTS: usize = 4;
const LAYERS: usize = 3;
/// Tokens of the samples.
const LENGTHS: [usize; 4] = [3, 1, 5, 2];
const ROWS: usize = 11;

fn logit(step: usize, layer: usize, row: usize, expert: usize) -> f32 {
    ((step * 7 + layer * 5 + row * 3 + expert * 11) % 17) as f32 / 4.0 - 2.0
}

/// Tensors as safetensors.
fn safetensors(metadata: serde_json::Value, tensors: &[(String, &str, Vec<usize>, Vec<u8>)]) -> Vec<u8> {
    let mut header = serde_json::json!({ "__metadata__": metadata });
    let mut data = Vec::new();
    for (name, dtype, shape, bytes) in tensors {
        let end = data.len() + bytes.len();
        header[name] =
            serde_json::json!({ "dtype": dtype, "shape": shape, "data_offsets": [data.len(), end] });
        data.extend_from_slice(bytes);
    }
    let header = header.to_string().into_bytes();
    [(header.len() as u64).to_le_bytes().to_vec(), header, data].concat()
}

/// Router logits of samples one behind the other, without a mask; one logit of a row is spoilt.
fn endless(step: usize, layers: std::ops::Range<usize>, losses: bool, spoilt: Option<usize>) -> Vec<u8> {
    let mut tensors = Vec::new();
    for layer in layers {
        let value = |at: usize| match spoilt {
            Some(row) if (at / EXPERTS, at % EXPERTS, layer) == (row, 2, 1) => f32::NAN,
            _ => logit(step, layer, at / EXPERTS, at % EXPERTS),
        };
        let bytes = (0..ROWS * EXPERTS).flat_map(|at| value(at).to_le_bytes()).collect();
        tensors.push((format!("router_logits.{layer}"), "F32", vec![ROWS, EXPERTS], bytes));
    }
    if losses {
        let values = (0..LENGTHS.len()).flat_map(|sample| (sample as f32 + 0.5).to_le_bytes()).collect();
        tensors.push(("losses".to_owned(), "F32", vec![LENGTHS.len()], values));
    }
    safetensors(serde_json::json!({ "top_k": "2", "gate_kind": "softmax-mean" }), &tensors)
}

fn list(lengths: &[usize]) -> (String, Vec<u8>) {
    let line = |(i, tokens): (usize, &usize)| {
        format!(r#"{{"id": "q{i}", "domain": "{}", "tokens": {tokens}}}"#, ["math", "code"][i % 2])
    };
    let lines: Vec<String> = lengths.iter().enumerate().map(line).collect();
    ("run/samples.jsonl".to_owned(), lines.join("\n").into_bytes())
}

/// Mean softmax of a sample's rows, `[L * E]`, in f64.
fn expected(step: usize, sample: usize) -> Vec<f64> {
    let first: usize = LENGTHS[..sample].iter().sum();
    let mut gates = vec![0.0; LAYERS * EXPERTS];
    for layer in 0..LAYERS {
        for row in first..first + LENGTHS[sample] {
            let powers: Vec<f64> =
                (0..EXPERTS).map(|expert| f64::from(logit(step, layer, row, expert)).exp()).collect();
            let sum: f64 = powers.iter().sum();
            for (expert, power) in powers.iter().enumerate() {
                gates[layer * EXPERTS + expert] += power / sum / LENGTHS[sample] as f64;
            }
        }
    }
    gates
}

#[track_caller]
fn holds(run: &TraceRun, at: usize, step: usize) {
    let checkpoint = &run.checkpoints[at];
    for (i, sample) in run.samples.iter().enumerate() {
        let row = checkpoint.row_of[i] as usize;
        let place: usize = sample.id[1..].parse().unwrap();
        let (gates, _) = block_on(checkpoint.trace.gates_and_bad_samples(row..row + 1)).unwrap();
        for (found, right) in gates.iter().zip(expected(step, place)) {
            assert!((f64::from(*found) - right).abs() < 1e-6, "{}: {found} for {right}", sample.id);
        }
        let topk = block_on(checkpoint.trace.topk(row..row + 1)).unwrap().unwrap();
        assert_eq!(topk.ids.len(), LENGTHS[place] * LAYERS * 2, "{}", sample.id);
    }
}

#[test]
fn a_list_splits_the_rows_of_unmasked_logits() {
    let dump = |step: usize, spoilt| {
        (format!("run/step-{step}.safetensors"), endless(step, 0..LAYERS, true, spoilt))
    };
    let files = vec![dump(1, None), list(&LENGTHS), dump(2, None)];
    let run = report::assemble(&parts(&files)).unwrap();
    let ids: Vec<_> = run.samples.iter().map(|sample| (&sample.id[..], &sample.domain[..])).collect();
    assert_eq!(ids, [("q0", "math"), ("q1", "code"), ("q2", "math"), ("q3", "code")]);
    holds(&run, 0, 1);
    holds(&run, 1, 2);
    assert_eq!(run.checkpoints[0].loss.to_vec(), [0.5, 1.5, 2.5, 3.5]);
    assert_eq!(run.checkpoints[1].trace.info.n_tokens.as_deref().unwrap(), [3, 1, 5, 2]);

    // A row of one sample cannot be used: only that sample leaves the run.
    let files = vec![dump(1, None), list(&LENGTHS), dump(2, Some(6))];
    let report = {
        let analysis = report::Analysis::new();
        let parts = parts(&files);
        loop {
            let run = analysis.assemble(&parts).unwrap();
            let (host, watch) = (report::InlineDistances, report::NoProgress);
            match block_on(analysis.analyse(&run, &report::Settings::default(), "", &host, &watch)) {
                Err(report::Error::BadSamples { samples: 1 }) => {}
                other => break other.unwrap(),
            }
        }
    };
    assert_eq!((report.run.samples, report.checkpoints.len()), (3, 2));
    let note = report.notes.iter().find(|note| note.text.contains("left out")).unwrap();
    for part in ["`q2`", "NaN for expert 2 at sample 2, position 2", "router_logits.1"] {
        assert!(note.text.contains(part), "{part}: {}", note.text);
    }
}

#[test]
fn a_list_of_other_tokens_is_named() {
    let files = vec![
        ("run/step-1.safetensors".to_owned(), endless(1, 0..LAYERS, false, None)),
        list(&[3, 1, 5]),
        ("run/step-2.safetensors".to_owned(), endless(2, 0..LAYERS, false, None)),
    ];
    let run = report::assemble(&parts(&files)).unwrap();
    assert_eq!(run.samples.len(), 1);
    let text = run.verdicts[0].text.as_deref().unwrap();
    for part in ["3 samples", "sum to 9", "11 rows"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn layers_in_files_of_their_own_are_split_alike() {
    let mut files = vec![list(&LENGTHS)];
    for step in [1, 2] {
        files.extend((0..LAYERS).map(|layer| {
            let name = format!("run/step-{step}/layer_{layer}.safetensors");
            (name, endless(step, layer..layer + 1, false, None))
        }));
    }
    let run = report::assemble(&parts(&files)).unwrap();
    assert_eq!((run.layers, run.samples.len(), run.checkpoints.len()), (LAYERS, 4, 2));
    holds(&run, 0, 1);
    holds(&run, 1, 2);
}

/// Several checkpoints in one table, without a column of domains.
fn table() -> (String, Vec<u8>) {
    let mut text = "step,sample,token,layer,expert\n".to_owned();
    for step in [10, 20] {
        for sample in ["s0", "s1", "s2"] {
            for token in 0..2 {
                for layer in 0..2 {
                    text += &format!("{step},{sample},{token},{layer},{}\n", (token + layer + step / 10) % 4);
                }
            }
        }
    }
    ("ids.csv".to_owned(), text.into_bytes())
}

#[test]
fn domains_of_a_table_with_several_steps_come_from_the_list() {
    // In another order, and with a sample more.
    let list = |ids: &[&str]| {
        let line = |id: &&str| {
            format!(r#"{{"id": "{id}", "domain": "{}"}}"#, if *id == "s1" { "code" } else { "math" })
        };
        let lines: Vec<String> = ids.iter().map(line).collect();
        ("samples.jsonl".to_owned(), lines.join("\n").into_bytes())
    };
    let run = report::assemble(&parts(&[table(), list(&["s2", "s1", "other", "s0"])])).unwrap();
    let found: Vec<_> = run.samples.iter().map(|sample| (&sample.id[..], &sample.domain[..])).collect();
    assert_eq!(found, [("s0", "math"), ("s1", "code"), ("s2", "math")]);
    assert_eq!(run.checkpoints.len(), 2);
    let files = [table(), list(&["s2", "s1", "other", "s0"])];
    let report = support::analyse(&files, &report::Settings::default());
    let domains: Vec<_> = report.domains.iter().map(|domain| (&domain.name[..], domain.samples)).collect();
    assert_eq!(domains, [("math", 2), ("code", 1)]);

    let run = report::assemble(&parts(&[table(), list(&["s2", "s1"])])).unwrap();
    assert_eq!(run.samples[0].domain, "all");
    let text = run.verdicts[0].text.as_deref().unwrap();
    for part in ["1 of 3 samples", "`s0`", "not in the list"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(text.matches("not in the list").count(), 1, "{text}");
}
