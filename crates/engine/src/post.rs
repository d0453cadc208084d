//! Messages to the analyst.

use js_sys::{Array, Uint8Array};
use protocol::{
    engine::EngineEvent,
    scope::{object, scope, to_js},
};
use wasm_bindgen::JsValue;
use web_sys::Blob;

/// Tells the analyst something.
pub fn post(event: &EngineEvent) {
    if let Ok(value) = to_js(event) {
        scope().post_message(&object(&[("event", &value)])).ok();
    }
}

/// Posts an event with a trace. As a blob it leaves the memory of the workers, and the browser can put it on disk.
///
/// # Errors
/// What the browser says when it cannot.
pub fn send(event: &EngineEvent, trace: &[u8]) -> Result<(), JsValue> {
    let event = to_js(event).map_err(JsValue::from)?;
    let parts = Array::of1(&Uint8Array::from(trace));
    let blob = Blob::new_with_u8_array_sequence(&parts)?;
    scope().post_message(&object(&[("event", &event), ("trace", &blob)]))
}
