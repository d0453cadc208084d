//! Batches of one step without names take the list of samples in the order of their names; a list
//! of another number of samples is refused with both counts.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

#[expect(dead_code, reason = "nothing is analyzed here")]
mod support;

use futures::executor::block_on;
use report::TraceRun;
use serde_json::json;
use support::parts;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const EXPERTS: usize = 4;
const LAYERS: usize = 3;
/// Tokens of the samples of all batches.
const LENGTHS: [usize; 7] = [3, 1, 5, 2, 4, 1, 2];
/// The samples of each batch; the names sort otherwise as texts than as numbers.
const BATCHES: [(usize, std::ops::Range<usize>); 3] = [(2, 0..3), (9, 3..4), (10, 4..7)];

fn logit(step: usize, layer: usize, sample: usize, token: usize, expert: usize) -> f32 {
    ((step * 7 + layer * 5 + sample * 13 + token * 3 + expert * 11) % 17) as f32 / 4.0 - 2.0
}

/// Router logits of some samples as safetensors: padded at the end and with a mask, or one behind
/// the other.
fn dump(step: usize, samples: std::ops::Range<usize>, masked: bool) -> Vec<u8> {
    let longest = LENGTHS[samples.clone()].iter().copied().max().unwrap();
    let positions = |sample: usize| if masked { longest } else { LENGTHS[sample] };
    let places: Vec<(usize, usize)> =
        samples.clone().flat_map(|sample| (0..positions(sample)).map(move |token| (sample, token))).collect();
    let mut header = json!({ "__metadata__": { "gate_kind": "softmax-mean", "top_k": "2" } });
    let mut data = Vec::new();
    let mut tensor = |name: &str, dtype: &str, shape: [usize; 2], bytes: Vec<u8>| {
        let end = data.len() + bytes.len();
        header[name] = json!({ "dtype": dtype, "shape": shape, "data_offsets": [data.len(), end] });
        data.extend(bytes);
    };
    if masked {
        let real =
            places.iter().flat_map(|&(sample, token)| i64::from(token < LENGTHS[sample]).to_le_bytes());
        tensor("attention_mask", "I64", [samples.len(), longest], real.collect());
    }
    for layer in 0..LAYERS {
        let values = places.iter().flat_map(|&(sample, token)| {
            (0..EXPERTS).flat_map(move |expert| logit(step, layer, sample, token, expert).to_le_bytes())
        });
        tensor(&format!("router_logits.{layer}"), "F32", [places.len(), EXPERTS], values.collect());
    }
    let header = header.to_string().into_bytes();
    [(header.len() as u64).to_le_bytes().to_vec(), header, data].concat()
}

fn batches(step: usize, masked: bool) -> Vec<(String, Vec<u8>)> {
    let file = |(number, samples): (usize, std::ops::Range<usize>)| {
        (format!("run/step-{step}/batch_{number}.safetensors"), dump(step, samples, masked))
    };
    // Dropped in another order than that of the names.
    BATCHES.into_iter().map(file).rev().collect()
}

fn list(lengths: &[usize], tokens: bool) -> (String, Vec<u8>) {
    let line = |(i, length): (usize, &usize)| {
        let mut line = json!({ "id": format!("q{i}"), "domain": (["math", "code"][i % 2]) });
        if tokens {
            line["tokens"] = json!(length);
        }
        line.to_string()
    };
    let lines: Vec<String> = lengths.iter().enumerate().map(line).collect();
    ("run/samples.jsonl".to_owned(), lines.join("\n").into_bytes())
}

/// Mean softmax of a sample's tokens, `[L * E]`, in f64.
fn expected(step: usize, sample: usize) -> Vec<f64> {
    let mut gates = vec![0.0; LAYERS * EXPERTS];
    for layer in 0..LAYERS {
        for token in 0..LENGTHS[sample] {
            let powers: Vec<f64> = (0..EXPERTS)
                .map(|expert| f64::from(trace::exp(logit(step, layer, sample, token, expert))))
                .collect();
            let sum: f64 = powers.iter().sum();
            for (expert, power) in powers.iter().enumerate() {
                gates[layer * EXPERTS + expert] += power / sum / LENGTHS[sample] as f64;
            }
        }
    }
    gates
}

/// Asserts names, domains, tokens and gates of all samples.
#[track_caller]
fn holds(run: &TraceRun) {
    assert_eq!(run.checkpoints.len(), 2);
    let found: Vec<_> = run.samples.iter().map(|sample| (&sample.id[..], &sample.domain[..])).collect();
    let all = ["math", "code", "math", "code", "math", "code", "math"];
    let right: Vec<_> = ["q0", "q1", "q2", "q3", "q4", "q5", "q6"].into_iter().zip(all).collect();
    assert_eq!(found, right);
    for (checkpoint, step) in run.checkpoints.iter().zip([1, 2]) {
        assert_eq!(checkpoint.trace.info.n_tokens.as_deref().unwrap(), LENGTHS.map(|n| n as u32));
        for (sample, &row) in checkpoint.row_of.iter().enumerate() {
            let row = row as usize;
            let gates = block_on(checkpoint.trace.gates(row..row + 1)).unwrap();
            for (found, right) in gates.iter().zip(expected(step, sample)) {
                assert!((f64::from(*found) - right).abs() < 1e-6, "{sample}: {found} for {right}");
            }
            let topk = block_on(checkpoint.trace.topk(row..row + 1)).unwrap().unwrap();
            assert_eq!(topk.ids.len(), LENGTHS[sample] * LAYERS * 2);
        }
    }
}

fn run_of(masked: bool, list: (String, Vec<u8>)) -> Result<TraceRun, String> {
    let files = [batches(1, masked), vec![list], batches(2, masked)].concat();
    let opened = parts(&files);
    report::assemble(&opened).map_err(|_| {
        let verdicts = report::explain(&opened);
        let texts: Vec<String> = verdicts.into_iter().filter_map(|verdict| verdict.text).collect();
        texts.join("\n")
    })
}

#[test]
fn a_list_names_the_samples_of_batches_with_masks() {
    holds(&run_of(true, list(&LENGTHS, true)).unwrap());
    holds(&run_of(true, list(&LENGTHS, false)).unwrap());
}

#[test]
fn a_list_splits_the_rows_of_batches_without_masks() {
    holds(&run_of(false, list(&LENGTHS, true)).unwrap());
}

#[test]
fn a_list_of_another_number_is_refused_with_both_counts() {
    let text = run_of(true, list(&LENGTHS[..5], true)).unwrap_err();
    for part in ["batch_2.safetensors and 2 more of step 1 have 7 samples", "the list names 5"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // As many as one of the batches has.
    let text = run_of(true, list(&LENGTHS[..3], true)).unwrap_err();
    assert!(text.contains("7 samples, but the list names 3"), "{text}");
    let text = run_of(false, list(&LENGTHS[..6], true)).unwrap_err();
    for part in ["have 18 rows", "the list's 6 samples sum to 16", "is run/step-1/batch_10.safetensors"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    // The same sum, but the samples of the first file end elsewhere.
    let text = run_of(false, list(&[3, 1, 4, 3, 4, 1, 2], true)).unwrap_err();
    assert!(text.contains("first file that does not fit is run/step-1/batch_2.safetensors"), "{text}");
    let text = run_of(false, list(&LENGTHS, false)).unwrap_err();
    for part in ["have 18 rows of unknown samples", "the list names 7", "`tokens`"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// Where there are as many names as files, each file is one sample.
#[test]
fn a_list_names_files_of_one_sample_each() {
    let files = |step: usize| {
        (0..LENGTHS.len()).map(move |sample| {
            (format!("run/step-{step}/{sample}.safetensors"), dump(step, sample..sample + 1, false))
        })
    };
    for tokens in [true, false] {
        let all: Vec<_> = files(1).chain(files(2)).chain([list(&LENGTHS, tokens)]).collect();
        holds(&report::assemble(&parts(&all)).unwrap());
    }
}

/// A file with another number of samples than the list is read without names, and the verdict on the
/// list says so.
#[test]
fn a_list_that_does_not_fit_one_file_is_named() {
    let file = |step: usize| (format!("run/step-{step}.safetensors"), dump(step, 0..4, true));
    let run = report::assemble(&parts(&[file(1), file(2), list(&LENGTHS, false)])).unwrap();
    assert_eq!(run.samples.len(), 4);
    let text = run.verdicts[0].text.as_deref().unwrap();
    assert!(text.contains("the list names 7 samples, but the file has 4"), "{text}");
}

/// What `convert` writes is the whole checkpoint.
#[test]
fn batches_are_one_trace_for_conversion() {
    let files = [batches(1, true), vec![list(&LENGTHS, true)], batches(2, true)].concat();
    let (traces, verdicts) = report::traces(&parts(&files));
    assert!(verdicts.iter().all(|verdict| verdict.used), "{verdicts:?}");
    let found: Vec<_> = traces.iter().map(|(_, trace)| (trace.info.step, trace.info.samples.len())).collect();
    assert_eq!(found, [(Some(1), 7), (Some(2), 7)]);
    let whole = block_on(traces[0].1.read_all()).unwrap();
    let ids: Vec<_> = whole.samples.unwrap().into_iter().map(|sample| sample.id).collect();
    assert_eq!(ids, ["q0", "q1", "q2", "q3", "q4", "q5", "q6"]);
    for (sample, gates) in whole.gates.chunks_exact(LAYERS * EXPERTS).enumerate() {
        for (found, right) in gates.iter().zip(expected(1, sample)) {
            assert!((f64::from(*found) - right).abs() < 1e-6, "{sample}: {found} for {right}");
        }
    }
}
