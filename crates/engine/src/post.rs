//! Messages to the analyst.

use js_sys::{Array, Uint8Array};
use protocol::{
    engine::EngineEvent,
    scope::{object, scope, to_js},
};
use wasm_bindgen::JsValue;
use web_sys::Blob;

/// Posts an event to the analyst.
pub fn post(event: &EngineEvent) {
    if let Ok(value) = to_js(event) {
        scope().post_message(&object(&[("event", &value)])).ok();
    }
}

/// Posts an event with a trace. The trace is a `Blob`, which is outside the memory of the workers
/// and which the browser can keep on disk.
///
/// # Errors
/// The browser's error if the blob cannot be created or posted.
pub fn send(event: &EngineEvent, trace: &[u8]) -> Result<(), JsValue> {
    let event = to_js(event).map_err(JsValue::from)?;
    let parts = Array::of1(&Uint8Array::from(trace));
    let blob = Blob::new_with_u8_array_sequence(&parts)?;
    scope().post_message(&object(&[("event", &event), ("trace", &blob)]))
}
