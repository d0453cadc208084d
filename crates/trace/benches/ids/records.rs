//! Synthetic records of ids in every form, and measurements of reading them, natively and in
//! WebAssembly.

use std::{fmt::Write as _, rc::Rc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::FutureExt as _;
use trace::{FileKind, MemorySource, Source};

const LAYERS: usize = 16;
const EXPERTS: usize = 64;
const K: usize = 8;
const TOKENS: usize = 512;

/// Approximate bytes per file.
const BYTES: usize = 48 << 20;

/// Number of measurements per file, of which the fastest counts.
const TIMES: usize = 5;

/// One file of records.
struct File {
    name: &'static str,
    what: &'static str,
    text: Vec<u8>,
}

/// Ids of one record, `[tokens, layers, k]`, distinct per token and layer.
fn ids(seed: usize) -> Vec<u8> {
    let mut state = seed as u32 * 2 + 1;
    let mut ids = Vec::with_capacity(TOKENS * LAYERS * K);
    for _ in 0..TOKENS * LAYERS {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (first, step) = ((state >> 8) as usize, (state >> 20) as usize * 2 + 1);
        ids.extend((0..K).map(|rank| ((first + rank * step) % EXPERTS) as u8));
    }
    ids
}

fn lists(
    ids: &[u8],
    [outer, middle, inner]: [usize; 3],
    at: impl Fn(usize, usize, usize) -> usize,
) -> String {
    let mut text = String::from("[");
    for a in 0..outer {
        text.push_str(if a > 0 { ",[" } else { "[" });
        for b in 0..middle {
            text.push_str(if b > 0 { ",[" } else { "[" });
            for c in 0..inner {
                if c > 0 {
                    text.push(',');
                }
                // Writing to a string cannot fail.
                write!(text, "{}", ids.get(at(a, b, c)).copied().unwrap_or(0)).ok();
            }
            text.push(']');
        }
        text.push(']');
    }
    text.push(']');
    text
}

fn npy(ids: &[u8]) -> String {
    let mut header =
        format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({TOKENS}, {LAYERS}, {K}), }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(ids);
    STANDARD.encode(bytes)
}

/// Repeats records until the file is large enough.
fn file(name: &'static str, what: &'static str, record: impl Fn(&[u8]) -> String) -> File {
    let lines: Vec<String> = (0..8).map(|seed| record(&ids(seed))).collect();
    let mut text = Vec::with_capacity(BYTES + (1 << 20));
    for line in lines.iter().cycle() {
        text.extend(line.as_bytes());
        text.push(b'\n');
        if text.len() > BYTES {
            break;
        }
    }
    File { name, what, text }
}

fn files() -> [fn() -> File; 5] {
    [
        || {
            file("vllm.jsonl", "vLLM, nested lists", |ids| {
                let lists =
                    lists(ids, [TOKENS, LAYERS, K], |token, layer, rank| (token * LAYERS + layer) * K + rank);
                format!("{{\"num_experts\":64,\"choices\":[{{\"routed_experts\":{lists}}}]}}")
            })
        },
        || {
            file("vllm.jsonl", "vLLM, npy in base64", |ids| {
                format!("{{\"num_experts\":64,\"choices\":[{{\"routed_experts\":\"{}\"}}]}}", npy(ids))
            })
        },
        || {
            file("sglang.jsonl", "SGLang, 32-bit integers in base64", |ids| {
                let bytes: Vec<u8> = ids.iter().flat_map(|&id| i32::from(id).to_le_bytes()).collect();
                format!(
                    "{{\"num_experts\":64,\"meta_info\":{{\"prompt_tokens\":{TOKENS},\"completion_tokens\":1,\"routed_experts\":\"{}\"}}}}",
                    STANDARD.encode(bytes)
                )
            })
        },
        || {
            file("c4_results_1.jsonl", "OLMoE scripts, layer last", |ids| {
                let lists =
                    lists(ids, [TOKENS, K, LAYERS], |token, rank, layer| (token * LAYERS + layer) * K + rank);
                format!("{{\"num_experts\":64,\"exp_ids\":{lists}}}")
            })
        },
        table,
    ]
}

/// A table instead of records.
fn table() -> File {
    let mut text = b"sample,token,layer,expert\n".to_vec();
    for sample in 0.. {
        let ids = ids(sample);
        for (row, ids) in ids.chunks_exact(K).enumerate() {
            for id in ids {
                let line = format!("s{sample},{},{},{id}\n", row / LAYERS, row % LAYERS);
                text.extend(line.as_bytes());
            }
        }
        if text.len() > BYTES / 2 {
            break;
        }
    }
    File { name: "ids.csv", what: "a table: sample, token, layer, expert", text }
}

/// Measures all files and returns a table; `clock` returns milliseconds.
pub fn measure(clock: impl Fn() -> f64) -> String {
    let mut lines = String::from("| records | MB | MB/s |\n|---|---|---|");
    for make in files() {
        let File { name, what, text } = make();
        let megabytes = text.len() as f64 / 1e6;
        let source: Source = Rc::new(MemorySource::new(name, text));
        let mut best = f64::INFINITY;
        for _ in 0..TIMES {
            let start = clock();
            let opened = trace::open(Rc::clone(&source)).now_or_never();
            let took = clock() - start;
            let Some(Ok(opened)) = opened else { return format!("{what}: could not be read: {opened:?}") };
            if !matches!(opened.what, FileKind::Trace(_)) {
                return format!("{what}: not recognised");
            }
            best = best.min(took);
        }
        write!(lines, "\n| {what} | {megabytes:.0} | {:.0} |", megabytes / best * 1e3).ok();
    }
    lines
}
