//! The worker's side of the connection to the analyst.

use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent, MessagePort};

use super::PORT;
use crate::scope::property;

/// Tells the page that this worker listens, and calls `start` with the port to the analyst.
pub fn connect(scope: &DedicatedWorkerGlobalScope, start: impl FnOnce(MessagePort) + 'static) {
    let mut start = Some(start);
    let take = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
        let port = property(&message.data(), PORT).dyn_into();
        if let (Ok(port), Some(start)) = (port, start.take()) {
            start(port);
        }
    });
    scope.set_onmessage(Some(take.as_ref().unchecked_ref()));
    take.forget();
    scope.post_message(&JsValue::NULL).ok();
}

/// Calls `listener` for each message of a port.
pub fn listen(port: &MessagePort, listener: impl FnMut(MessageEvent) + 'static) {
    let listener = Closure::<dyn FnMut(MessageEvent)>::new(listener);
    port.set_onmessage(Some(listener.as_ref().unchecked_ref()));
    listener.forget();
}
