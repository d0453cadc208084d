//! A pool of calculators: pairs are cut into chunks of some tens of milliseconds, and whoever is free takes the next.

use std::{
    cell::RefCell,
    collections::{BTreeMap, VecDeque},
    rc::Rc,
};

use futures::channel::oneshot;
use js_sys::{Array, Uint16Array, Uint32Array};
use levenshtein::Sequences;
use report::{Distances, Error, Pairs, Pending};
use wasm_bindgen::{JsCast as _, JsValue, closure::Closure};
use web_sys::{ErrorEvent, MessageEvent, Worker, WorkerOptions, WorkerType};

use crate::{
    calculator,
    scope::{object, property, scope, turn},
};

/// Cells of the distance tables in one chunk: some 50 ms of a calculator's time.
const CELLS_A_CHUNK: u64 = 600_000_000;

/// Fewer cells than this are measured by the analyst itself: sending them away takes longer.
const CELLS_AT_HOME: u64 = 20_000_000;

/// Chunks that a calculator has at once, so that it does not wait for messages.
const AHEAD: usize = 2;

/// More calculators than this only take memory.
const MOST: usize = 16;

/// Distances computed by workers.
#[derive(Clone)]
pub struct Pool {
    state: Rc<RefCell<State>>,
}

struct State {
    calculators: Vec<Calculator>,
    queue: VecDeque<Chunk>,
    calls: BTreeMap<u32, Call>,
    next_call: u32,
    /// Set when no worker can be started: the analyst then computes by itself.
    alone: bool,
}

struct Calculator {
    worker: Worker,
    ready: bool,
    /// Chunks under way: their calls and numbers.
    busy: Vec<(u32, usize)>,
    /// Sequences that it holds, by call.
    holds: Vec<u32>,
    /// They live as long as the worker does.
    _heard: Closure<dyn FnMut(MessageEvent)>,
    _failed: Closure<dyn FnMut(ErrorEvent)>,
}

struct Chunk {
    call: u32,
    number: usize,
    /// Range in the call's pairs.
    start: usize,
    end: usize,
}

struct Call {
    sequences: Rc<Sequences>,
    pairs: Pairs,
    distances: Vec<u32>,
    /// Start of each chunk in `distances`.
    starts: Vec<usize>,
    left: usize,
    done: Option<oneshot::Sender<Result<Vec<u32>, Error>>>,
}

impl Pool {
    /// A pool with a calculator for each core.
    pub fn new() -> Self {
        let state = Rc::new(RefCell::new(State {
            calculators: Vec::new(),
            queue: VecDeque::new(),
            calls: BTreeMap::new(),
            next_call: 0,
            alone: false,
        }));
        let pool = Self { state };
        pool.fill();
        pool
    }

    /// Calculators in it.
    pub fn len(&self) -> usize {
        self.state.borrow().calculators.len()
    }

    /// Forgets all work that has not been taken yet. What is under way ends within a chunk's time and is thrown away.
    pub fn clear(&self) {
        let mut state = self.state.borrow_mut();
        state.queue.clear();
        state.calls.clear();
    }

    fn fill(&self) {
        let cores = scope().navigator().hardware_concurrency();
        let wanted = (cores as usize).clamp(1, MOST);
        while self.len() < wanted {
            let Some(calculator) = self.hire() else {
                let mut state = self.state.borrow_mut();
                state.alone = state.calculators.is_empty();
                return;
            };
            self.state.borrow_mut().calculators.push(calculator);
        }
    }

    fn hire(&self) -> Option<Calculator> {
        let options = WorkerOptions::new();
        options.set_type(WorkerType::Module);
        options.set_name(calculator::NAME);
        let worker = Worker::new_with_options(&scope().location().href(), &options).ok()?;
        let (pool, me) = (self.clone(), worker.clone());
        let heard = Closure::<dyn FnMut(MessageEvent)>::new(move |message: MessageEvent| {
            pool.hear(&me, &message.data());
        });
        let (pool, me) = (self.clone(), worker.clone());
        let failed = Closure::<dyn FnMut(ErrorEvent)>::new(move |error: ErrorEvent| {
            pool.bury(&me, &error.message());
        });
        worker.set_onmessage(Some(heard.as_ref().unchecked_ref()));
        worker.set_onerror(Some(failed.as_ref().unchecked_ref()));
        Some(Calculator {
            worker,
            ready: false,
            busy: Vec::new(),
            holds: Vec::new(),
            _heard: heard,
            _failed: failed,
        })
    }

    fn hear(&self, worker: &Worker, data: &JsValue) {
        {
            let mut state = self.state.borrow_mut();
            let State { calculators, calls, .. } = &mut *state;
            let Some(calculator) = calculators.iter_mut().find(|one| one.worker == *worker) else { return };
            if property(data, "ready").is_truthy() {
                calculator.ready = true;
            } else if let (Some(call), Some(chunk)) =
                (property(data, "call").as_f64(), property(data, "chunk").as_f64())
            {
                let (call, chunk) = (call as u32, chunk as usize);
                calculator.busy.retain(|&one| one != (call, chunk));
                take_answer(calls, call, chunk, data);
            }
            drop_ended(calculators, calls);
        }
        self.deal();
    }

    /// A calculator has died: its calls fail, and another takes its place.
    fn bury(&self, worker: &Worker, message: &str) {
        let mut state = self.state.borrow_mut();
        let Some(at) = state.calculators.iter().position(|one| one.worker == *worker) else { return };
        let dead = state.calculators.remove(at);
        dead.worker.terminate();
        let never_lived = !dead.ready;
        for (call, _) in dead.busy {
            if let Some(done) = state.calls.remove(&call).and_then(|call| call.done) {
                let message = format!("a worker stopped ({message}); change a setting to start again");
                done.send(Err(Error::Distances { message })).ok();
            }
        }
        // Where a worker cannot even start, another one cannot either: the analyst works alone.
        if never_lived {
            state.alone = state.calculators.is_empty();
            if state.alone {
                for (_, call) in std::mem::take(&mut state.calls) {
                    if let Some(done) = call.done {
                        let message = "no worker can be started here; reload the page".into();
                        done.send(Err(Error::Distances { message })).ok();
                    }
                }
            }
            return;
        }
        drop(state);
        self.fill();
        self.deal();
    }

    /// Hands chunks to whoever is free.
    fn deal(&self) {
        let mut state = self.state.borrow_mut();
        let State { calculators, queue, calls, .. } = &mut *state;
        loop {
            let free = calculators
                .iter_mut()
                .filter(|one| one.ready && one.busy.len() < AHEAD)
                .min_by_key(|one| one.busy.len());
            let Some(calculator) = free else { return };
            let Some(chunk) = queue.pop_front() else { return };
            let Some(call) = calls.get(&chunk.call) else { continue };
            if !calculator.holds.contains(&chunk.call) {
                load(&calculator.worker, chunk.call, &call.sequences);
                calculator.holds.push(chunk.call);
            }
            let flat: Vec<u32> =
                call.pairs[chunk.start..chunk.end].iter().flat_map(|&(a, b)| [a, b]).collect();
            let pairs = Uint32Array::from(&flat[..]);
            let message = object(&[
                ("measure", &JsValue::from(chunk.call)),
                ("call", &JsValue::from(chunk.call)),
                ("chunk", &JsValue::from(chunk.number as u32)),
                ("pairs", &pairs),
            ]);
            let transfer = Array::of1(&pairs.buffer());
            calculator.worker.post_message_with_transfer(&message, &transfer).ok();
            calculator.busy.push((chunk.call, chunk.number));
        }
    }

    fn call(&self, sequences: Rc<Sequences>, pairs: Pairs) -> oneshot::Receiver<Result<Vec<u32>, Error>> {
        let (done, receive) = oneshot::channel();
        let size = chunk_size(&sequences);
        let mut state = self.state.borrow_mut();
        let call = state.next_call;
        state.next_call = state.next_call.wrapping_add(1);
        let starts: Vec<usize> = (0..pairs.len()).step_by(size).collect();
        for (number, &start) in starts.iter().enumerate() {
            state.queue.push_back(Chunk { call, number, start, end: (start + size).min(pairs.len()) });
        }
        let distances = vec![0; pairs.len()];
        let left = starts.len();
        state.calls.insert(call, Call { sequences, pairs, distances, starts, left, done: Some(done) });
        drop(state);
        self.deal();
        receive
    }
}

/// Pairs whose tables have about [`CELLS_A_CHUNK`] cells.
fn chunk_size(sequences: &Sequences) -> usize {
    (CELLS_A_CHUNK / cells_a_pair(sequences)).clamp(256, 65_536) as usize
}

/// Cells of the table of one pair, about: the kernels take no fewer than a word's.
fn cells_a_pair(sequences: &Sequences) -> u64 {
    let (symbols, _) = sequences.as_parts();
    let mean = (symbols.len() / sequences.len().max(1)).max(64) as u64;
    mean * mean
}

fn load(worker: &Worker, key: u32, sequences: &Sequences) {
    let (symbols, offsets) = sequences.as_parts();
    let (symbols, offsets) = (Uint16Array::from(symbols), Uint32Array::from(offsets));
    let message = object(&[("load", &JsValue::from(key)), ("symbols", &symbols), ("offsets", &offsets)]);
    let transfer = Array::of2(&symbols.buffer(), &offsets.buffer());
    worker.post_message_with_transfer(&message, &transfer).ok();
}

fn take_answer(calls: &mut BTreeMap<u32, Call>, number: u32, chunk: usize, data: &JsValue) {
    // A call that is gone was cancelled.
    let Some(call) = calls.get_mut(&number) else { return };
    if let Some(error) = property(data, "error").as_string() {
        if let Some(done) = calls.remove(&number).and_then(|call| call.done) {
            done.send(Err(Error::Distances { message: error })).ok();
        }
        return;
    }
    let Ok(found) = property(data, "distances").dyn_into::<Uint32Array>() else { return };
    let start = call.starts.get(chunk).copied().unwrap_or(0);
    let end = start + found.length() as usize;
    if let Some(slot) = call.distances.get_mut(start..end) {
        found.copy_to(slot);
        call.left = call.left.saturating_sub(1);
    }
    if call.left == 0
        && let Some(call) = calls.remove(&number)
        && let Some(done) = call.done
    {
        done.send(Ok(call.distances)).ok();
    }
}

/// Tells calculators to let go of sequences whose call has ended.
fn drop_ended(calculators: &mut [Calculator], calls: &BTreeMap<u32, Call>) {
    for calculator in calculators {
        let Calculator { worker, holds, busy, .. } = calculator;
        holds.retain(|call| {
            let needed = calls.contains_key(call) || busy.iter().any(|(one, _)| one == call);
            if !needed {
                worker.post_message(&object(&[("drop", &JsValue::from(*call))])).ok();
            }
            needed
        });
    }
}

impl Distances for Pool {
    fn pairs(&self, sequences: Rc<Sequences>, pairs: Pairs) -> Pending<'_, Result<Vec<u32>, Error>> {
        Box::pin(async move {
            if pairs.is_empty() {
                return Ok(Vec::new());
            }
            if cells_a_pair(&sequences) * pairs.len() as u64 <= CELLS_AT_HOME {
                return Ok(levenshtein::pairs(levenshtein::Engine::best(), &sequences, &pairs)?);
            }
            if self.state.borrow().alone {
                return alone(&sequences, &pairs).await;
            }
            let call = self.call(sequences, pairs);
            call.await.unwrap_or_else(|_| Err(Error::Distances { message: "the work was stopped".into() }))
        })
    }
}

/// Without calculators: the same, here, with turns of the event loop in between.
async fn alone(sequences: &Sequences, pairs: &Pairs) -> Result<Vec<u32>, Error> {
    let mut all = Vec::with_capacity(pairs.len());
    for chunk in pairs.chunks(chunk_size(sequences)) {
        all.extend(levenshtein::pairs(levenshtein::Engine::best(), sequences, chunk)?);
        turn().await;
    }
    Ok(all)
}
