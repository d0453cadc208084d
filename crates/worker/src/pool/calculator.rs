//! A calculator of the pool: its worker, the sequences it has and its pending chunks.

use std::rc::Rc;

use js_sys::{Uint16Array, Uint32Array};
use levenshtein::Sequences;
use protocol::{
    calculator::{self, Answer, CalculatorRequest, CalculatorResponse, Load, Measure},
    scope::scope,
};
use web_sys::MessageEvent;

use super::calls::{Call, Chunk};
use crate::{child::Child, engine};

/// A worker that measures distances, on a CPU core or on the GPU.
pub struct Calculator {
    worker: Child,
    /// Whether it computes on the GPU.
    pub gpu: bool,
    /// Whether it takes requests.
    pub ready: bool,
    /// Chunks that it has not answered yet.
    pub pending: Vec<Chunk>,
    /// Calls whose sequences it has.
    loaded: Vec<u32>,
}

impl Calculator {
    /// Starts a calculator. `on_message` receives its messages, `on_exit` the reason when it fails, both
    /// with its number.
    pub fn start(
        gpu: bool,
        mut on_message: impl FnMut(u32, CalculatorResponse) + 'static,
        on_exit: impl Fn(u32, &str) + 'static,
    ) -> Option<Self> {
        let address = if gpu { engine::address() } else { scope().location().href() };
        let on_exit = Rc::new(on_exit);
        let exit = Rc::clone(&on_exit);
        let on_message =
            move |id, message: &MessageEvent| match serde_wasm_bindgen::from_value(message.data()) {
                Ok(response) => on_message(id, response),
                Err(error) => exit(id, &format!("it sent an unknown message: {error}")),
            };
        let worker =
            Child::start(address, calculator::NAME, on_message, move |id, reason| on_exit(id, reason))?;
        Some(Self { worker, gpu, ready: false, pending: Vec::new(), loaded: Vec::new() })
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.worker.id()
    }

    /// Sends a chunk of a call, and the sequences of the call if the calculator does not have them.
    pub fn send(&mut self, chunk: Chunk, call: &Call) {
        if !self.loaded.contains(&chunk.call) {
            self.load(chunk.call, &call.sequences);
            self.loaded.push(chunk.call);
        }
        let pairs = call.pairs.get(chunk.start..chunk.end).unwrap_or(&[]);
        CalculatorRequest::Measure(Measure::new(chunk.call, chunk.start as u32, pairs))
            .post(self.worker.port());
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
        CalculatorRequest::Load(Load { call, symbols, offsets }).post(self.worker.port());
    }

    /// Drops the sequences of calls that are neither needed nor pending here.
    pub fn retain(&mut self, needed: impl Fn(u32) -> bool) {
        let Self { worker, loaded, pending, .. } = self;
        loaded.retain(|&call| {
            let keep = needed(call) || pending.iter().any(|chunk| chunk.call == call);
            if !keep {
                CalculatorRequest::Drop { call }.post(worker.port());
            }
            keep
        });
    }
}
