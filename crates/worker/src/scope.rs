//! The few things that a worker needs of its browser: messages, time, and turns of the event loop.

use futures::channel::oneshot;
use js_sys::Array;
use serde::Serialize;
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use web_sys::{DedicatedWorkerGlobalScope, MessageChannel, MessageEvent, MessagePort};

/// The worker's global scope.
///
/// # Panics
/// Outside a dedicated worker, where this program has no business.
#[must_use]
pub fn scope() -> DedicatedWorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// Milliseconds since the worker started.
#[must_use]
pub fn now() -> f64 {
    scope().performance().map_or(0.0, |performance| performance.now())
}

/// Plain data as a JavaScript value.
///
/// # Errors
/// For data that JavaScript has no value for; that of this project always has one.
pub fn to_js(value: &impl Serialize) -> Result<JsValue, serde_wasm_bindgen::Error> {
    value.serialize(&serde_wasm_bindgen::Serializer::new())
}

/// Calls `listener` for each message to this worker, for ever.
pub fn listen(scope: &DedicatedWorkerGlobalScope, listener: impl FnMut(MessageEvent) + 'static) {
    let listener = Closure::<dyn FnMut(MessageEvent)>::new(listener);
    scope.set_onmessage(Some(listener.as_ref().unchecked_ref()));
    listener.forget();
}

/// Waits for one turn of the event loop, so that messages are heard.
///
/// A message to oneself is used, because nested timers are held back four milliseconds each.
pub async fn turn() {
    let Ok(channel) = MessageChannel::new() else { return };
    let (send, receive) = oneshot::channel();
    let wake = Closure::once(move |_: MessageEvent| {
        send.send(()).ok();
    });
    let ear = Ear::new(channel.port1(), wake);
    if channel.port2().post_message(&JsValue::NULL).is_ok() {
        receive.await.ok();
    }
    drop(ear);
}

/// A port that is listened to. Work may be given up while it waits: its message, still on the way, must find nobody then,
/// since calling what is gone stops the whole worker.
struct Ear {
    port: MessagePort,
    /// It lives as long as the port is open.
    _wake: Closure<dyn FnMut(MessageEvent)>,
}

impl Ear {
    fn new(port: MessagePort, wake: Closure<dyn FnMut(MessageEvent)>) -> Self {
        port.set_onmessage(Some(wake.as_ref().unchecked_ref()));
        Self { port, _wake: wake }
    }
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.port.set_onmessage(None);
        self.port.close();
    }
}

/// A property of a message, or `undefined`.
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
