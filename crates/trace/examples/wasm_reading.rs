//! Reads ids and binary files in a browser, for the measurements of `tests/e2e/reading.mjs`. Empty
//! on native targets.
#![cfg(target_arch = "wasm32")]

#[path = "../benches/ids/records.rs"]
mod records;

use std::{hint::black_box, rc::Rc};

use js_sys::Function;
use trace::{BlobSource, FileKind};
use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
use web_sys::File;

/// Samples per read of gates: 8 MiB of f32, as in an analysis.
const AT_ONCE: usize = 2048;

/// Reads and parses a binary file as an analysis does, and returns the number of samples.
#[wasm_bindgen]
pub async fn parse(file: File) -> Result<usize, JsValue> {
    let said = |error: trace::Error| JsValue::from_str(&error.to_string());
    let found = trace::open(Rc::new(BlobSource::new(file.name(), file.into()))).await.map_err(said)?;
    let FileKind::Trace(trace) = found.what else { return Err("it is no trace".into()) };
    let samples = trace.info.samples.len();
    for first in (0..samples).step_by(AT_ONCE) {
        black_box(trace.gates(first..samples.min(first + AT_ONCE)).await.map_err(said)?);
    }
    Ok(samples)
}

/// Measures the parsing of ids from memory and returns a table. `now` returns milliseconds.
#[wasm_bindgen]
#[must_use]
pub fn measure_ids(now: &Function) -> String {
    records::measure(|| now.call0(&JsValue::NULL).ok().and_then(|now| now.as_f64()).unwrap_or(f64::NAN))
}
