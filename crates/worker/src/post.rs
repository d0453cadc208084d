//! Messages to the page.

use std::cell::Cell;

use js_sys::Array;
use protocol::{
    Event,
    scope::{now, object, property, scope, to_js},
};
use report::Report;
use wasm_bindgen::JsValue;
use web_sys::Blob;

/// Posts an event.
pub fn post(event: &Event) {
    if let Ok(value) = to_js(event) {
        scope().post_message(&value).ok();
    }
}

/// Posts a report.
pub fn post_report(report: &Report, complete: bool) {
    post(&Event::Report { json: report::export::json(report), complete });
}

/// Posts an event with typed arrays, whose buffers are transferred.
pub fn post_with_arrays(event: &Event, arrays: &[&JsValue]) {
    let Ok(event) = to_js(event) else { return };
    let list: Array = arrays.iter().copied().collect();
    let buffers: Array = arrays.iter().map(|array| property(array, "buffer")).collect();
    let message = object(&[("event", &event), ("arrays", &list)]);
    scope().post_message_with_transfer(&message, &buffers).ok();
}

/// Posts a file for the user to save.
pub fn post_file(name: String, content: &Blob) {
    if let Ok(event) = to_js(&Event::Saved { name }) {
        scope().post_message(&object(&[("event", &event), ("file", content)])).ok();
    }
}

/// Posts an event with files.
pub fn post_files(event: &Event, files: &[Blob]) {
    if let Ok(event) = to_js(event) {
        let list: Array = files.iter().collect();
        scope().post_message(&object(&[("event", &event), ("arrays", &list)])).ok();
    }
}

/// Limits how often progress is posted.
pub struct Throttle {
    last: Cell<f64>,
}

impl Throttle {
    /// Milliseconds between two messages.
    const INTERVAL: f64 = 80.0;

    /// A throttle without a previous message.
    pub fn new() -> Self {
        Self { last: Cell::new(f64::NEG_INFINITY) }
    }

    /// Whether a message may be posted now. A forced one always may.
    pub fn passes(&self, force: bool) -> bool {
        let passes = force || now() - self.last.get() >= Self::INTERVAL;
        if passes {
            self.last.set(now());
        }
        passes
    }
}
