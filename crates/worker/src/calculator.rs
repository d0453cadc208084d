//! A calculator: it holds sequences and measures pairs of them, nothing else.
//!
//! It is sent `{ load: key, symbols: Uint16Array, offsets: Uint32Array }`, `{ measure: key, call, chunk, pairs:
//! Uint32Array }` and `{ drop: key }`, and answers `{ ready }` once, then `{ call, chunk, distances: Uint32Array }` or
//! `{ call, chunk, error: string }`.

use std::collections::BTreeMap;

use js_sys::{Array, Uint16Array, Uint32Array};
use levenshtein::{Engine, Prepared, Sequences};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::DedicatedWorkerGlobalScope;

use crate::scope::{listen, object, property};

/// The name by which a worker knows that it is a calculator.
pub const NAME: &str = "calculator";

/// Starts to answer.
pub fn start(scope: &DedicatedWorkerGlobalScope) {
    let answer_to = scope.clone();
    let mut sets: BTreeMap<u32, Prepared> = BTreeMap::new();
    listen(scope, move |message| {
        let data = message.data();
        if let Some(key) = number(&data, "load") {
            if let Some(sequences) = sequences(&data) {
                // The chunks that follow are many, and each is small beside the sequences.
                sets.insert(key, Prepared::new(&sequences));
            }
        } else if let Some(key) = number(&data, "drop") {
            sets.remove(&key);
        } else if let Some(key) = number(&data, "measure") {
            let answer = match measure(sets.get(&key), &data) {
                Ok(distances) => ("distances", JsValue::from(Uint32Array::from(&distances[..]))),
                Err(error) => ("error", JsValue::from_str(&error)),
            };
            post(&answer_to, &data, &answer);
        }
    });
    scope.post_message(&object(&[("ready", &JsValue::TRUE)])).ok();
}

fn number(data: &JsValue, name: &str) -> Option<u32> {
    property(data, name).as_f64().map(|number| number as u32)
}

fn sequences(data: &JsValue) -> Option<Sequences> {
    let symbols = property(data, "symbols").dyn_into::<Uint16Array>().ok()?;
    let offsets = property(data, "offsets").dyn_into::<Uint32Array>().ok()?;
    Sequences::from_parts(symbols.to_vec(), offsets.to_vec())
}

fn measure(sequences: Option<&Prepared>, data: &JsValue) -> Result<Vec<u32>, String> {
    let sequences = sequences.ok_or("the sequences did not arrive")?;
    let flat =
        property(data, "pairs").dyn_into::<Uint32Array>().map_err(|_| "the pairs did not arrive")?.to_vec();
    let pairs: Vec<(u32, u32)> = flat.as_chunks::<2>().0.iter().map(|&[a, b]| (a, b)).collect();
    sequences.pairs(Engine::best(), &pairs).map_err(|error| error.to_string())
}

fn post(scope: &DedicatedWorkerGlobalScope, data: &JsValue, (name, value): &(&str, JsValue)) {
    let answer =
        object(&[("call", &property(data, "call")), ("chunk", &property(data, "chunk")), (name, value)]);
    let transfer = Array::new();
    if let Some(array) = value.dyn_ref::<Uint32Array>() {
        transfer.push(&array.buffer());
    }
    scope.post_message_with_transfer(&answer, &transfer).ok();
}
