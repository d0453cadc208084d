//! A calculator: it holds sequences and measures pairs of them, nothing else.
//!
//! It is sent `{ load: call, symbols: Uint16Array, offsets: Uint32Array }`, `{ measure: call, start, pairs: Uint32Array }`
//! and `{ drop: call }`, and answers `{ ready }` once, then `{ call, start, milliseconds, distances: Uint32Array }` or
//! `{ call, start, error: string }`. The engine's script, started under the same name, does the same on the graphics
//! processor: its `ready` is the processor's name, and it may say `{ absent: string }` at any time, with the reason, or
//! `{ call, start, refused: string }` of sequences that do not fit there.

use std::collections::BTreeMap;

use js_sys::{Array, Uint16Array, Uint32Array};
use levenshtein::{InstructionSet, Prepared, Sequences};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::DedicatedWorkerGlobalScope;

use crate::scope::{listen, now, object, property};

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
            let start = now();
            match measure(sets.get(&key), &data) {
                Ok(distances) => answer(&answer_to, &data, &distances, now() - start),
                Err(error) => refuse(&answer_to, &data, "error", &error),
            }
        }
    });
    scope.post_message(&object(&[("ready", &JsValue::TRUE)])).ok();
}

fn number(data: &JsValue, name: &str) -> Option<u32> {
    property(data, name).as_f64().map(|number| number as u32)
}

/// The sequences of a message `load`.
#[must_use]
pub fn sequences(data: &JsValue) -> Option<Sequences> {
    let symbols = property(data, "symbols").dyn_into::<Uint16Array>().ok()?;
    let offsets = property(data, "offsets").dyn_into::<Uint32Array>().ok()?;
    Sequences::from_parts(symbols.to_vec(), offsets.to_vec())
}

/// The pairs of a message `measure`.
#[must_use]
pub fn pairs(data: &JsValue) -> Option<Vec<(u32, u32)>> {
    let flat = property(data, "pairs").dyn_into::<Uint32Array>().ok()?.to_vec();
    Some(flat.as_chunks::<2>().0.iter().map(|&[a, b]| (a, b)).collect())
}

fn measure(sequences: Option<&Prepared>, data: &JsValue) -> Result<Vec<u32>, String> {
    let sequences = sequences.ok_or("the sequences did not arrive")?;
    let pairs = pairs(data).ok_or("the pairs did not arrive")?;
    sequences.pairs(InstructionSet::best(), &pairs).map_err(|error| error.to_string())
}

/// Answers a message `measure`.
pub fn answer(scope: &DedicatedWorkerGlobalScope, asked: &JsValue, distances: &[u32], milliseconds: f64) {
    let distances = Uint32Array::from(distances);
    let transfer = Array::of1(&distances.buffer());
    let answer = object(&[
        ("call", &property(asked, "measure")),
        ("start", &property(asked, "start")),
        ("milliseconds", &JsValue::from(milliseconds)),
        ("distances", &distances),
    ]);
    scope.post_message_with_transfer(&answer, &transfer).ok();
}

/// Says why a message `measure` has no answer, as an `error` or as `refused`.
pub fn refuse(scope: &DedicatedWorkerGlobalScope, asked: &JsValue, how: &str, why: &str) {
    let answer = object(&[
        ("call", &property(asked, "measure")),
        ("start", &property(asked, "start")),
        (how, &JsValue::from_str(why)),
    ]);
    scope.post_message(&answer).ok();
}
