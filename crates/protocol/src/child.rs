//! Workers of the analyst: the calculators and the engine. The page starts them, because a worker of
//! Firefox that starts another one may wait for it forever: its thread waits for the same signal as
//! the new one's, and the signal wakes only one of them (seen in Firefox 153).
//!
//! 1. The analyst makes a message channel and posts `Event::StartChild` with one of its ports.
//! 2. The page starts the worker. As soon as that listens, it [says so](connect), and the page hands it
//!    the port.
//! 3. From then on, analyst and worker talk through the channel. The page reports an error of the
//!    worker as `Job::ChildExited`.

use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use web_sys::{DedicatedWorkerGlobalScope, MessageEvent, MessagePort};

use crate::scope::property;

/// Property of the page's message with the port to the analyst.
pub const PORT: &str = "port";

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
