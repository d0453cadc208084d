//! Yielding to the event loop, so that messages are received in the middle of computing.

use std::cell::Cell;

use futures::channel::oneshot;
use protocol::scope::now;
use report::Pending;
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use web_sys::{MessageChannel, MessageEvent, MessagePort};

/// Milliseconds of computing between two turns of the event loop.
const INTERVAL: f64 = 12.0;

/// Yields at intervals.
pub struct Yielder {
    last: Cell<f64>,
}

impl Yielder {
    /// A yielder whose first interval begins now.
    pub fn new() -> Self {
        Self { last: Cell::new(now()) }
    }

    /// Yields if the interval is over.
    pub fn yield_now(&self) -> Pending<'_, ()> {
        Box::pin(async {
            if now() - self.last.get() > INTERVAL {
                turn().await;
                self.last.set(now());
            }
        })
    }
}

/// Waits for one turn of the event loop. It posts a message to itself, because browsers delay
/// nested timers by four milliseconds.
pub async fn turn() {
    let Ok(channel) = MessageChannel::new() else { return };
    let (send, receive) = oneshot::channel();
    let on_message = Closure::once(move |_: MessageEvent| {
        send.send(()).ok();
    });
    let listener = PortListener::new(channel.port1(), on_message);
    if channel.port2().post_message(&JsValue::NULL).is_ok() {
        receive.await.ok();
    }
    drop(listener);
}

/// A message port and its handler. Dropping it closes the port: work may be aborted while its
/// message is on the way, and calling a dropped handler would end the worker.
struct PortListener {
    port: MessagePort,
    /// Kept until the port is closed.
    _on_message: Closure<dyn FnMut(MessageEvent)>,
}

impl PortListener {
    fn new(port: MessagePort, on_message: Closure<dyn FnMut(MessageEvent)>) -> Self {
        port.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        Self { port, _on_message: on_message }
    }
}

impl Drop for PortListener {
    fn drop(&mut self) {
        self.port.set_onmessage(None);
        self.port.close();
    }
}
