//! A calculator of the pool: its worker, the sequences it has and its pending chunks.

use std::rc::Rc;

use js_sys::{Uint16Array, Uint32Array};
use levenshtein::Sequences;
use protocol::{
    calculator::{self, Answer, CalculatorRequest, CalculatorResponse, Load, Measure},
    scope::scope,
};
use wasm_bindgen::{JsCast as _, closure::Closure};
use web_sys::{ErrorEvent, MessageEvent, Worker, WorkerOptions, WorkerType};

use super::calls::{Call, Chunk};
use crate::engine;

/// A worker that measures distances, on a CPU core or on the GPU.
pub struct Calculator {
    worker: Worker,
    /// Whether it computes on the GPU.
    pub gpu: bool,
    /// Whether it takes requests.
    pub ready: bool,
    /// Chunks that it has not answered yet.
    pub pending: Vec<Chunk>,
    /// Calls whose sequences it has.
    loaded: Vec<u32>,
    /// Kept as long as the worker.
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_error: Closure<dyn FnMut(ErrorEvent)>,
}

impl Calculator {
    /// Starts a calculator. `on_message` receives its messages, `on_exit` the reason when it fails.
    pub fn start(
        gpu: bool,
        mut on_message: impl FnMut(&Worker, CalculatorResponse) + 'static,
        on_exit: impl Fn(&Worker, &str) + 'static,
    ) -> Option<Self> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        options.set_name(calculator::NAME);
        let address = if gpu { engine::address() } else { scope().location().href() };
        let worker = Worker::new_with_options(&address, &options).ok()?;
        let on_exit = Rc::new(on_exit);
        let (me, exit) = (worker.clone(), Rc::clone(&on_exit));
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
            match serde_wasm_bindgen::from_value(message.data()) {
                Ok(response) => on_message(&me, response),
                Err(error) => exit(&me, &format!("it sent an unknown message: {error}")),
            }
        });
        let me = worker.clone();
        let on_error = Closure::<dyn FnMut(ErrorEvent)>::new(move |error: ErrorEvent| {
            error.prevent_default();
            // A script that cannot be loaded gives a plain event, without a message.
            let message = if error.is_instance_of::<ErrorEvent>() { error.message() } else { String::new() };
            on_exit(&me, if message.is_empty() { "its script could not be loaded" } else { &message });
        });
        worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        Some(Self {
            worker,
            gpu,
            ready: false,
            pending: Vec::new(),
            loaded: Vec::new(),
            _on_message: on_message,
            _on_error: on_error,
        })
    }

    /// Whether this is the calculator of `worker`.
    pub fn is(&self, worker: &Worker) -> bool {
        self.worker == *worker
    }

    /// Sends a chunk of a call, and the sequences of the call if the calculator does not have them.
    pub fn send(&mut self, chunk: Chunk, call: &Call) {
        if !self.loaded.contains(&chunk.call) {
            self.load(chunk.call, &call.sequences);
            self.loaded.push(chunk.call);
        }
        let pairs = call.pairs.get(chunk.start..chunk.end).unwrap_or(&[]);
        CalculatorRequest::Measure(Measure::new(chunk.call, chunk.start as u32, pairs)).post(&self.worker);
        self.pending.push(chunk);
    }

    /// Removes and returns the chunk that an answer is about, if this calculator was given it.
    pub fn finish(&mut self, answer: &Answer) -> Option<Chunk> {
        let answered = (answer.call, answer.start as usize);
        let at = self.pending.iter().position(|chunk| (chunk.call, chunk.start) == answered)?;
        Some(self.pending.remove(at))
    }

    fn load(&self, call: u32, sequences: &Sequences) {
        let (symbols, offsets) = sequences.as_parts();
        let (symbols, offsets) = (Uint16Array::from(symbols), Uint32Array::from(offsets));
        CalculatorRequest::Load(Load { call, symbols, offsets }).post(&self.worker);
    }

    /// Drops the sequences of calls that are neither needed nor pending here.
    pub fn retain(&mut self, needed: impl Fn(u32) -> bool) {
        let Self { worker, loaded, pending, .. } = self;
        loaded.retain(|&call| {
            let keep = needed(call) || pending.iter().any(|chunk| chunk.call == call);
            if !keep {
                CalculatorRequest::Drop { call }.post(worker);
            }
            keep
        });
    }
}

impl Drop for Calculator {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}
