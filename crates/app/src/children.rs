//! The workers that an analyst asks for: its calculators and the engine; [`protocol::child`] says why
//! the page starts them.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use js_sys::{Array, Object, Reflect};
use protocol::{Event, Job};
use wasm_bindgen::prelude::*;
use web_sys::{ErrorEvent, MessageEvent, Worker, WorkerOptions, WorkerType};

use crate::browser;

/// The workers of an analyst by number. Clones are the same workers.
#[derive(Clone, Default)]
pub struct Children(Rc<RefCell<BTreeMap<u32, Worker>>>);

impl Children {
    /// Handles an event about a worker; `data` is its message. Returns whether it was one.
    pub fn handle(&self, analyst: &Worker, event: &Event, data: &JsValue) -> bool {
        match event {
            Event::StartChild { id, address, name } => self.start(analyst, *id, address, name, data),
            Event::EndChild { id } => end(self.0.borrow_mut().remove(id)),
            _ => return false,
        }
        true
    }

    /// Ends all of them: their analyst has ended.
    pub fn end_all(&self) {
        for (_, worker) in self.0.take() {
            end(Some(worker));
        }
    }

    fn start(&self, analyst: &Worker, id: u32, address: &str, name: &str, data: &JsValue) {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        options.set_name(name);
        let worker = match Worker::new_with_options(address, &options) {
            Ok(worker) => worker,
            Err(error) => return report_exit(analyst, id, browser::reason(&error)),
        };
        let port = browser::property(data, protocol::child::PORT).unwrap_or_default();
        let listening = worker.clone();
        // Its first message says that it listens.
        let hand_over = Closure::once_into_js(move |_: MessageEvent| {
            let message = object(protocol::child::PORT, &port);
            drop(listening.post_message_with_transfer(&message, &Array::of1(&port)));
        });
        worker.set_onmessage(Some(hand_over.unchecked_ref()));
        let analyst = analyst.clone();
        let on_error = Closure::<dyn Fn(web_sys::Event)>::new(move |event: web_sys::Event| {
            event.prevent_default();
            // A script that cannot be loaded gives a plain event, without a message.
            let reason = event.dyn_ref::<ErrorEvent>().map(ErrorEvent::message).unwrap_or_default();
            report_exit(&analyst, id, reason);
        });
        worker.set_onerror(Some(on_error.into_js_value().unchecked_ref()));
        self.0.borrow_mut().insert(id, worker);
    }
}

fn end(worker: Option<Worker>) {
    if let Some(worker) = worker {
        worker.set_onmessage(None);
        worker.set_onerror(None);
        worker.terminate();
    }
}

fn report_exit(analyst: &Worker, id: u32, reason: String) {
    if let Ok(job) = serde_wasm_bindgen::to_value(&Job::ChildExited { id, reason }) {
        drop(analyst.post_message(&object("job", &job)));
    }
}

fn object(name: &str, value: &JsValue) -> Object {
    let object = Object::new();
    // Setting a property of a plain object does not fail.
    drop(Reflect::set(&object, &JsValue::from_str(name), value));
    object
}
