//! A worker of the analyst. The page starts it; [`protocol::child`] says why and how.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use js_sys::Array;
use protocol::{
    Event,
    child::PORT,
    scope::{object, scope, to_js},
};
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use web_sys::{MessageChannel, MessageEvent, MessagePort};

/// Called with the reason when a worker exits.
type OnExit = Rc<dyn Fn(&str)>;

thread_local! {
    static EXITS: RefCell<BTreeMap<u32, OnExit>> = RefCell::default();
    /// Number of the last worker.
    static LAST: Cell<u32> = const { Cell::new(0) };
}

/// A worker. It ends when this is dropped.
pub struct Child {
    id: u32,
    port: MessagePort,
    /// Kept as long as the port.
    _on_message: Closure<dyn FnMut(MessageEvent)>,
}

impl Child {
    /// Asks the page for a worker with this script and name. `on_message` receives its messages,
    /// `on_exit` the reason when it fails, both with the worker's number. None if the browser makes no
    /// message channel.
    pub fn start(
        address: String,
        name: &str,
        mut on_message: impl FnMut(u32, &MessageEvent) + 'static,
        on_exit: impl Fn(u32, &str) + 'static,
    ) -> Option<Self> {
        let id = LAST.replace(LAST.get().wrapping_add(1));
        let channel = MessageChannel::new().ok()?;
        let (port, other) = (channel.port1(), channel.port2());
        let on_message =
            Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| on_message(id, &message));
        port.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        let event = to_js(&Event::StartChild { id, address, name: name.to_owned() }).ok()?;
        let message = object(&[("event", &event), (PORT, &other)]);
        scope().post_message_with_transfer(&message, &Array::of1(&other)).ok()?;
        let exit: OnExit = Rc::new(move |reason: &str| on_exit(id, reason));
        EXITS.with_borrow_mut(|exits| exits.insert(id, exit));
        Some(Self { id, port, _on_message: on_message })
    }

    /// The worker's number.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// The port to it. Messages wait until the worker listens.
    pub fn port(&self) -> &MessagePort {
        &self.port
    }

    /// Posts a message to it.
    ///
    /// # Errors
    /// The browser's error if the message cannot be copied.
    pub fn post(&self, message: &JsValue) -> Result<(), JsValue> {
        self.port.post_message(message)
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        EXITS.with_borrow_mut(|exits| exits.remove(&self.id));
        // A message may be on its way, and calling a dropped handler would end this worker.
        self.port.set_onmessage(None);
        self.port.close();
        crate::post::post(&Event::EndChild { id: self.id });
    }
}

/// Handles the page's report that a worker failed. An empty reason is a script that could not be
/// loaded.
pub fn exited(id: u32, reason: &str) {
    // Not borrowed during the call, which may start another worker.
    let exit = EXITS.with_borrow(|exits| exits.get(&id).cloned());
    if let Some(exit) = exit {
        exit(if reason.is_empty() { UNLOADED } else { reason });
    }
}

/// Reason for the exit of a worker whose script could not be loaded.
pub const UNLOADED: &str = "its script could not be loaded";
