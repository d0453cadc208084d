//! A pool of calculators. Pairs are divided into chunks of about 50 ms, and each free calculator
//! takes the next one. One calculator can compute on the GPU; [`BackendSelector`] decides whether
//! it does.

mod calculator;
mod calls;

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use futures::channel::oneshot;
use levenshtein::Sequences;
use protocol::{
    Event,
    adapter::adapter,
    calculator::{CalculatorResponse, Outcome},
    engine::Backend,
    scope::scope,
};
use report::{Distances, Error, Pairs, Pending};
use wasm_bindgen_futures::spawn_local;

use self::{
    calculator::Calculator,
    calls::{Calls, Chunk, cells_per_pair, chunk_size},
};
use crate::{backend_selector::BackendSelector, post::post, yielding::turn};

/// Maximum number of cells that the analyst computes itself, because messages would take longer.
const INLINE_CELLS: u64 = 20_000_000;

/// Maximum number of pending chunks per calculator. With two, it does not wait for messages.
const MAX_PENDING: usize = 2;

/// Maximum number of calculators. More only take memory.
const MAX_CALCULATORS: usize = 16;

/// Distances from workers, or from the GPU.
#[derive(Clone)]
pub struct Pool {
    state: Rc<RefCell<State>>,
}

struct State {
    calculators: Vec<Calculator>,
    selector: BackendSelector,
    queue: VecDeque<Chunk>,
    calls: Calls,
    /// Set if no worker can be started. The analyst then computes itself.
    no_workers: bool,
}

impl State {
    /// Number of calculators on CPU cores.
    fn workers(&self) -> usize {
        self.calculators.iter().filter(|calculator| !calculator.gpu).count()
    }

    fn position(&self, id: u32) -> Option<usize> {
        self.calculators.iter().position(|calculator| calculator.id() == id)
    }

    /// Position of the GPU's calculator, if it is ready.
    fn ready_gpu(&self) -> Option<usize> {
        self.calculators.iter().position(|calculator| calculator.gpu && calculator.ready)
    }

    /// Ends a calculator and requeues its pending chunks.
    fn end(&mut self, at: usize) {
        let mut ended = self.calculators.remove(at);
        for chunk in ended.pending.drain(..).rev() {
            self.queue.push_front(chunk);
        }
    }

    /// Handles a message of a calculator. Returns whether the status has changed.
    fn take(&mut self, at: usize, response: CalculatorResponse) -> bool {
        let workers = self.workers();
        let Self { calculators, selector, queue, calls, .. } = self;
        let Some(calculator) = calculators.get_mut(at) else { return false };
        match response {
            CalculatorResponse::Ready { gpu } => {
                calculator.ready = true;
                if calculator.gpu {
                    selector.ready(gpu.unwrap_or_default());
                }
                calculator.gpu
            }
            CalculatorResponse::Absent { reason } => {
                selector.reject(reason);
                self.end(at);
                true
            }
            CalculatorResponse::Answer(answer) => {
                let Some(chunk) = calculator.finish(&answer) else { return false };
                match answer.outcome {
                    Outcome::Measured { milliseconds, distances } => {
                        let pairs = u64::from(distances.length());
                        let cells = calls.get(chunk.call).map(|call| cells_per_pair(&call.sequences) * pairs);
                        let decided = cells.is_some_and(|cells| {
                            selector.record(calculator.gpu, cells as f64, milliseconds, workers)
                        });
                        calls.fill(chunk.call, chunk.start, &distances);
                        decided
                    }
                    Outcome::Refused { .. } => {
                        if let Some(call) = calls.get_mut(chunk.call) {
                            call.workers_only = true;
                            queue.push_front(chunk);
                        }
                        false
                    }
                    Outcome::Failed { message } => {
                        calls.fail(chunk.call, message);
                        false
                    }
                }
            }
        }
    }

    /// Sends chunks to free calculators.
    fn dispatch(&mut self) {
        let Self { calculators, selector, queue, calls, .. } = self;
        while let Some(first) = queue.front() {
            let Some(call) = calls.get(first.call) else {
                queue.pop_front();
                continue;
            };
            let accepts = |gpu: bool| if call.workers_only { !gpu } else { selector.accepts(gpu) };
            let free = calculators
                .iter_mut()
                .filter(|one| one.ready && one.pending.len() < MAX_PENDING && accepts(one.gpu))
                .min_by_key(|one| one.pending.len());
            let Some(calculator) = free else { return };
            let Some(mut chunk) = queue.pop_front() else { return };
            if calculator.gpu {
                let cells = (chunk.end - chunk.start) as u64 * cells_per_pair(&call.sequences);
                for _ in 1..selector.gpu_chunks(cells as f64) {
                    let Some(next) =
                        queue.pop_front_if(|next| next.call == chunk.call && next.start == chunk.end)
                    else {
                        break;
                    };
                    chunk.end = next.end;
                }
            }
            calculator.send(chunk, call);
        }
    }
}

impl Pool {
    /// A pool with one calculator per core.
    pub fn new() -> Self {
        let state = Rc::new(RefCell::new(State {
            calculators: Vec::new(),
            selector: BackendSelector::new(),
            queue: VecDeque::new(),
            calls: Calls::default(),
            no_workers: false,
        }));
        let pool = Self { state };
        pool.fill();
        pool
    }

    /// Tells the page which backend computes.
    pub fn post_status(&self) {
        let state = self.state.borrow();
        let (badge, note) = state.selector.badge(state.workers());
        post(&Event::Ready { badge, note });
    }

    /// Sets the user's preference.
    pub fn use_backend(&self, backend: Backend) {
        let mut state = self.state.borrow_mut();
        state.selector.set_preference(backend);
        if let Some(at) = state.ready_gpu()
            && backend != Backend::Gpu
        {
            state.end(at);
        }
        drop(state);
        self.post_status();
        self.dispatch();
    }

    /// Forgets all calls. Pending chunks end within a chunk's time, and their distances are
    /// ignored.
    pub fn clear(&self) {
        let mut state = self.state.borrow_mut();
        state.queue.clear();
        state.calls.clear();
    }

    /// Starts calculators until there is one per core.
    fn fill(&self) {
        let cores = scope().navigator().hardware_concurrency();
        let wanted = (cores as usize).clamp(1, MAX_CALCULATORS);
        while self.state.borrow().workers() < wanted {
            let Some(calculator) = self.spawn(false) else {
                let mut state = self.state.borrow_mut();
                state.no_workers = state.calculators.is_empty();
                return;
            };
            self.state.borrow_mut().calculators.push(calculator);
        }
    }

    fn spawn(&self, gpu: bool) -> Option<Calculator> {
        let (messages, exits) = (self.clone(), self.clone());
        Calculator::start(
            gpu,
            move |id, response| messages.on_message(id, response),
            move |id, reason| exits.on_exit(id, reason),
        )
    }

    fn on_message(&self, id: u32, response: CalculatorResponse) {
        let changed = {
            let mut state = self.state.borrow_mut();
            let Some(at) = state.position(id) else { return };
            let changed = state.take(at, response);
            let State { calculators, calls, .. } = &mut *state;
            for calculator in calculators.iter_mut() {
                calculator.retain(|call| calls.get(call).is_some());
            }
            // A rejected GPU is released.
            if !state.selector.accepts(true)
                && let Some(at) = state.ready_gpu()
            {
                state.end(at);
            }
            changed
        };
        if changed {
            self.post_status();
        }
        self.dispatch();
    }

    /// Handles the end of a calculator. If it was a worker, its calls fail and another worker
    /// replaces it; if it was the GPU, the workers continue.
    fn on_exit(&self, id: u32, reason: &str) {
        let mut state = self.state.borrow_mut();
        let Some(at) = state.position(id) else { return };
        if state.calculators.get(at).is_some_and(|calculator| calculator.gpu) {
            state.end(at);
            state.selector.reject(format!("WebGPU stopped ({reason})."));
            drop(state);
            self.post_status();
            self.dispatch();
            return;
        }
        let ended = state.calculators.remove(at);
        for chunk in &ended.pending {
            let message = format!("a worker stopped ({reason}); change a setting to start again");
            state.calls.fail(chunk.call, message);
        }
        // A worker that did not start is not replaced, since another would not start either.
        if !ended.ready {
            state.no_workers = state.calculators.is_empty();
            if state.no_workers {
                state.calls.fail_all("no worker can be started here; reload the page");
            }
            return;
        }
        drop(state);
        self.fill();
        self.dispatch();
    }

    /// Sends chunks to free calculators, and starts the GPU if it is worth it.
    fn dispatch(&self) {
        if self.wants_gpu() {
            self.start_gpu();
        }
        self.state.borrow_mut().dispatch();
    }

    fn wants_gpu(&self) -> bool {
        let state = self.state.borrow();
        !state.queue.is_empty() && state.selector.wants_gpu(state.workers())
    }

    /// Starts the calculator on the GPU, whose program is large and fetched only now.
    fn start_gpu(&self) {
        self.state.borrow_mut().selector.starting();
        self.post_status();
        let pool = self.clone();
        spawn_local(async move {
            let spawned = match adapter().await {
                None => Err("This browser offers no WebGPU."),
                Some(adapter) if adapter.is_fallback && !pool.state.borrow().selector.gpu_is_forced() => Err(
                    "The WebGPU of this browser runs on the CPU, where Grokscope’s own CPU code is faster.",
                ),
                Some(_) => pool.spawn(true).ok_or("This browser starts no worker for WebGPU."),
            };
            let mut state = pool.state.borrow_mut();
            match spawned {
                Ok(calculator) => state.calculators.push(calculator),
                Err(reason) => state.selector.reject(reason.to_owned()),
            }
            drop(state);
            pool.post_status();
            pool.dispatch();
        });
    }

    fn call(&self, sequences: Rc<Sequences>, pairs: Pairs) -> oneshot::Receiver<Result<Vec<u32>, Error>> {
        let size = chunk_size(&sequences);
        let number = pairs.len();
        let mut state = self.state.borrow_mut();
        let (call, receiver) = state.calls.add(sequences, pairs);
        let chunks = (0..number).step_by(size);
        state.queue.extend(chunks.map(|start| Chunk { call, start, end: (start + size).min(number) }));
        drop(state);
        self.dispatch();
        receiver
    }
}

impl Distances for Pool {
    fn pairs(&self, sequences: Rc<Sequences>, pairs: Pairs) -> Pending<'_, Result<Vec<u32>, Error>> {
        Box::pin(async move {
            if pairs.is_empty() {
                return Ok(Vec::new());
            }
            if cells_per_pair(&sequences) * pairs.len() as u64 <= INLINE_CELLS {
                return Ok(levenshtein::pairs(levenshtein::InstructionSet::best(), &sequences, &pairs)?);
            }
            if self.state.borrow().no_workers {
                return inline(&sequences, &pairs).await;
            }
            let call = self.call(sequences, pairs);
            call.await.unwrap_or_else(|_| Err(Error::Distances { message: "the work was stopped".into() }))
        })
    }

    fn preferred_batch_cells(&self) -> u64 {
        self.state.borrow().selector.preferred_batch_cells()
    }
}

/// Measures pairs in the analyst itself and yields between chunks.
async fn inline(sequences: &Sequences, pairs: &Pairs) -> Result<Vec<u32>, Error> {
    let mut all = Vec::with_capacity(pairs.len());
    for chunk in pairs.chunks(chunk_size(sequences)) {
        all.extend(levenshtein::pairs(levenshtein::InstructionSet::best(), sequences, chunk)?);
        turn().await;
    }
    Ok(all)
}
