//! A calculator as the pool has it: the worker, what it holds and what it is busy with.

use js_sys::{Array, Uint16Array, Uint32Array};
use levenshtein::Sequences;
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use web_sys::{ErrorEvent, MessageEvent, Worker, WorkerOptions, WorkerType};

use super::call::{Call, Chunk};
use crate::{
    calculator, engine,
    scope::{object, property, scope},
};

/// A worker that computes distances: on a core, or on the graphics processor.
pub struct Calculator {
    worker: Worker,
    /// Whether it is the one on the graphics processor.
    pub graphics: bool,
    pub ready: bool,
    /// Chunks under way.
    pub busy: Vec<Chunk>,
    /// Sequences that it holds, by call.
    holds: Vec<u32>,
    /// They live as long as the worker does.
    _heard: Closure<dyn FnMut(MessageEvent)>,
    _failed: Closure<dyn FnMut(ErrorEvent)>,
}

impl Calculator {
    /// Starts one. `hear` is given what it says, `bury` how it died.
    pub fn start(
        graphics: bool,
        mut hear: impl FnMut(&Worker, &JsValue) + 'static,
        mut bury: impl FnMut(&Worker, &str) + 'static,
    ) -> Option<Self> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        options.set_name(calculator::NAME);
        let address = if graphics { engine::address() } else { scope().location().href() };
        let worker = Worker::new_with_options(&address, &options).ok()?;
        let me = worker.clone();
        let heard =
            Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| hear(&me, &message.data()));
        let me = worker.clone();
        let failed = Closure::<dyn FnMut(ErrorEvent)>::new(move |error: ErrorEvent| {
            error.prevent_default();
            // A script that cannot be loaded gives a plain event, without a message.
            let message = if error.is_instance_of::<ErrorEvent>() { error.message() } else { String::new() };
            bury(&me, if message.is_empty() { "its script could not be loaded" } else { &message });
        });
        worker.set_onmessage(Some(heard.as_ref().unchecked_ref()));
        worker.set_onerror(Some(failed.as_ref().unchecked_ref()));
        let (busy, holds) = (Vec::new(), Vec::new());
        Some(Self { worker, graphics, ready: false, busy, holds, _heard: heard, _failed: failed })
    }

    /// Whether this is that worker.
    pub fn is(&self, worker: &Worker) -> bool {
        self.worker == *worker
    }

    /// Hands it a chunk of a call.
    pub fn send(&mut self, chunk: Chunk, call: &Call) {
        if !self.holds.contains(&chunk.call) {
            self.load(chunk.call, &call.sequences);
            self.holds.push(chunk.call);
        }
        let pairs = call.pairs.get(chunk.start..chunk.end).unwrap_or(&[]);
        let flat: Vec<u32> = pairs.iter().flat_map(|&(a, b)| [a, b]).collect();
        let pairs = Uint32Array::from(&flat[..]);
        let message = object(&[
            ("measure", &JsValue::from(chunk.call)),
            ("start", &JsValue::from(chunk.start as u32)),
            ("pairs", &pairs),
        ]);
        let transfer = Array::of1(&pairs.buffer());
        self.worker.post_message_with_transfer(&message, &transfer).ok();
        self.busy.push(chunk);
    }

    /// The chunk that it has answered with this message, if it is one of its own.
    pub fn answered(&mut self, data: &JsValue) -> Option<Chunk> {
        let number = |name| property(data, name).as_f64();
        let (call, start) = (number("call")? as u32, number("start")? as usize);
        let at = self.busy.iter().position(|chunk| (chunk.call, chunk.start) == (call, start))?;
        Some(self.busy.remove(at))
    }

    fn load(&self, key: u32, sequences: &Sequences) {
        let (symbols, offsets) = sequences.as_parts();
        let (symbols, offsets) = (Uint16Array::from(symbols), Uint32Array::from(offsets));
        let message = object(&[("load", &JsValue::from(key)), ("symbols", &symbols), ("offsets", &offsets)]);
        let transfer = Array::of2(&symbols.buffer(), &offsets.buffer());
        self.worker.post_message_with_transfer(&message, &transfer).ok();
    }

    /// Tells it to let go of sequences that are not needed any more.
    pub fn keep(&mut self, needed: impl Fn(u32) -> bool) {
        let Self { worker, holds, busy, .. } = self;
        holds.retain(|&call| {
            let keeps = needed(call) || busy.iter().any(|chunk| chunk.call == call);
            if !keeps {
                worker.post_message(&object(&[("drop", &JsValue::from(call))])).ok();
            }
            keeps
        });
    }
}

impl Drop for Calculator {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}
