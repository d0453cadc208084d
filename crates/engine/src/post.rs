//! Messages to the analyst.

use std::cell::OnceCell;

use js_sys::{Array, Uint8Array};
use protocol::{
    engine::EngineEvent,
    scope::{object, to_js},
};
use wasm_bindgen::JsValue;
use web_sys::{Blob, MessagePort};

thread_local! {
    /// The port to the analyst.
    static PORT: OnceCell<MessagePort> = const { OnceCell::new() };
}

/// Sets the port to the analyst. There is one for the life of the worker.
pub fn connect(port: MessagePort) {
    PORT.with(|own| own.set(port).ok());
}

fn post_value(message: &JsValue) -> Result<(), JsValue> {
    PORT.with(|port| port.get().map_or(Ok(()), |port| port.post_message(message)))
}

/// Posts an event to the analyst.
pub fn post(event: &EngineEvent) {
    if let Ok(value) = to_js(event) {
        post_value(&object(&[("event", &value)])).ok();
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
    post_value(&object(&[("event", &event), ("trace", &blob)]))
}
