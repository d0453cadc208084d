//! The global scope of a worker: messages and time.

use js_sys::Array;
use serde::Serialize;
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent};

/// The worker's global scope. Outside a dedicated worker every use of it fails.
#[must_use]
pub fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// Milliseconds since the worker started.
#[must_use]
pub fn now() -> f64 {
    scope().performance().map_or(0.0, |performance| performance.now())
}

/// Converts plain data to a JavaScript value.
///
/// # Errors
/// For data without a JavaScript equivalent; messages of this crate always have one.
pub fn to_js(value: &impl Serialize) -> Result<JsValue, serde_wasm_bindgen::Error> {
    value.serialize(&serde_wasm_bindgen::Serializer::new())
}

/// Calls `listener` for each message to this worker.
pub fn listen(scope: &DedicatedWorkerGlobalScope, listener: impl FnMut(MessageEvent) + 'static) {
    let listener = Closure::<dyn FnMut(MessageEvent)>::new(listener);
    scope.set_onmessage(Some(listener.as_ref().unchecked_ref()));
    listener.forget();
}

/// A property of an object; `undefined` if it has none of that name.
#[must_use]
pub fn property(object: &JsValue, name: &str) -> JsValue {
    js_sys::Reflect::get(object, &JsValue::from_str(name)).unwrap_or(JsValue::UNDEFINED)
}

/// An object with these properties.
#[must_use]
pub fn object(properties: &[(&str, &JsValue)]) -> JsValue {
    let entries: Array =
        properties.iter().map(|(name, value)| Array::of2(&JsValue::from_str(name), value)).collect();
    js_sys::Object::from_entries(&entries).map_or(JsValue::UNDEFINED, JsValue::from)
}
