//! A pool of calculators: pairs are cut into chunks of some tens of milliseconds, and whoever is free takes the next. One
//! of them may compute on the graphics processor; [`Contest`] says whether it does.

mod calculator;
mod call;

use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use futures::channel::oneshot;
use js_sys::Uint32Array;
use levenshtein::Sequences;
use report::{Distances, Error, Pairs, Pending};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::Worker;

use self::{
    calculator::Calculator,
    call::{Calls, Chunk, cells_a_pair, chunk_size},
};
use crate::{
    adapter::adapter,
    contest::Contest,
    engine_protocol::Backend,
    post::post,
    protocol::Event,
    scope::{property, scope, turn},
};

/// Fewer cells than this are measured by the analyst itself: sending them away takes longer.
const CELLS_AT_HOME: u64 = 20_000_000;

/// Chunks that a calculator has at once, so that it does not wait for messages.
const AHEAD: usize = 2;

/// More calculators than this only take memory.
const MOST: usize = 16;

/// Distances computed by workers, or by the graphics processor.
#[derive(Clone)]
pub struct Pool {
    state: Rc<RefCell<State>>,
}

struct State {
    calculators: Vec<Calculator>,
    contest: Contest,
    queue: VecDeque<Chunk>,
    calls: Calls,
    /// Set when no worker can be started: the analyst then computes by itself.
    alone: bool,
}

impl State {
    /// Calculators on cores.
    fn workers(&self) -> usize {
        self.calculators.iter().filter(|one| !one.graphics).count()
    }

    /// Ends the calculator at this place; what it was busy with is to be done again, by another.
    fn end(&mut self, at: usize) -> Calculator {
        let mut ended = self.calculators.remove(at);
        for chunk in ended.busy.drain(..).rev() {
            self.queue.push_front(chunk);
        }
        ended
    }
}

impl Pool {
    /// A pool with a calculator for each core.
    pub fn new() -> Self {
        let state = Rc::new(RefCell::new(State {
            calculators: Vec::new(),
            contest: Contest::new(),
            queue: VecDeque::new(),
            calls: Calls::default(),
            alone: false,
        }));
        let pool = Self { state };
        pool.fill();
        pool
    }

    /// Tells the page who computes.
    pub fn tell(&self) {
        let state = self.state.borrow();
        let (badge, note) = state.contest.badge(state.workers());
        post(&Event::Ready { badge, note });
    }

    /// Takes the user's wish what to compute on.
    pub fn use_backend(&self, backend: Backend) {
        let mut state = self.state.borrow_mut();
        state.contest.wish(backend);
        if let Some(at) = state.calculators.iter().position(|one| one.graphics && one.ready)
            && backend != Backend::Gpu
        {
            state.end(at);
        }
        drop(state);
        self.tell();
        self.deal();
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
        while self.state.borrow().workers() < wanted {
            let Some(calculator) = self.hire(false) else {
                let mut state = self.state.borrow_mut();
                state.alone = state.calculators.is_empty();
                return;
            };
            self.state.borrow_mut().calculators.push(calculator);
        }
    }

    fn hire(&self, graphics: bool) -> Option<Calculator> {
        let (hears, buries) = (self.clone(), self.clone());
        Calculator::start(
            graphics,
            move |worker, data| hears.hear(worker, data),
            move |worker, message| buries.bury(worker, message),
        )
    }

    fn hear(&self, worker: &Worker, data: &JsValue) {
        let mut news = false;
        {
            let mut state = self.state.borrow_mut();
            let workers = state.workers();
            let Some(at) = state.calculators.iter().position(|one| one.is(worker)) else { return };
            if let Some(why) = property(data, "absent").as_string() {
                state.end(at);
                state.contest.out(why);
                news = true;
            }
            let State { calculators, contest, queue, calls, .. } = &mut *state;
            if let Some(calculator) = calculators.get_mut(at).filter(|one| one.is(worker)) {
                let ready = property(data, "ready");
                if ready.is_truthy() {
                    calculator.ready = true;
                    if calculator.graphics {
                        contest.ready(ready.as_string().unwrap_or_default());
                        news = true;
                    }
                } else if let Some(chunk) = calculator.answered(data) {
                    news = take_answer(calls, queue, contest, &chunk, (calculator.graphics, workers), data);
                }
            }
            for calculator in calculators.iter_mut() {
                calculator.keep(|call| calls.get(call).is_some());
            }
            // One that has lost need not stay.
            if !contest.may(true)
                && let Some(at) = state.calculators.iter().position(|one| one.graphics && one.ready)
            {
                state.end(at);
            }
        }
        if news {
            self.tell();
        }
        self.deal();
    }

    /// A calculator has died: its calls fail, and another takes its place. Where it was the graphics processor's, the
    /// workers go on.
    fn bury(&self, worker: &Worker, message: &str) {
        let mut state = self.state.borrow_mut();
        let Some(at) = state.calculators.iter().position(|one| one.is(worker)) else { return };
        if state.calculators.get(at).is_some_and(|one| one.graphics) {
            state.end(at);
            state.contest.out(format!("WebGPU stopped ({message})."));
            drop(state);
            self.tell();
            self.deal();
            return;
        }
        let dead = state.calculators.remove(at);
        for chunk in &dead.busy {
            let message = format!("a worker stopped ({message}); change a setting to start again");
            state.calls.fail(chunk.call, message);
        }
        // Where a worker cannot even start, another one cannot either: the analyst works alone.
        if !dead.ready {
            state.alone = state.calculators.is_empty();
            if state.alone {
                state.calls.fail_all("no worker can be started here; reload the page");
            }
            return;
        }
        drop(state);
        self.fill();
        self.deal();
    }

    /// Hands chunks to whoever is free.
    fn deal(&self) {
        if self.wakes() {
            self.wake();
        }
        let mut state = self.state.borrow_mut();
        let State { calculators, contest, queue, calls, .. } = &mut *state;
        while let Some(first) = queue.front() {
            let Some(call) = calls.get(first.call) else {
                queue.pop_front();
                continue;
            };
            let may = |graphics: bool| match (call.workers_only, graphics) {
                (true, graphics) => !graphics,
                (false, graphics) => contest.may(graphics),
            };
            let free = calculators
                .iter_mut()
                .filter(|one| one.ready && one.busy.len() < AHEAD && may(one.graphics))
                .min_by_key(|one| one.busy.len());
            let Some(calculator) = free else { return };
            let Some(mut chunk) = queue.pop_front() else { return };
            if calculator.graphics {
                let cells = (chunk.end - chunk.start) as u64 * cells_a_pair(&call.sequences);
                for _ in 1..contest.mouthful(cells as f64) {
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

    fn wakes(&self) -> bool {
        let state = self.state.borrow();
        !state.queue.is_empty() && state.contest.wakes(state.workers())
    }

    /// Asks for the graphics processor. Its program is large: it is fetched here for the first time.
    fn wake(&self) {
        self.state.borrow_mut().contest.woken();
        self.tell();
        let pool = self.clone();
        spawn_local(async move {
            let hired = match adapter().await {
                None => Err("This browser offers no WebGPU."),
                Some(adapter) if adapter.imitated && !pool.state.borrow().contest.forced() => {
                    Err("WebGPU is only imitated here; the processor itself is quicker.")
                }
                Some(_) => pool.hire(true).ok_or("This browser starts no worker for WebGPU."),
            };
            let mut state = pool.state.borrow_mut();
            match hired {
                Ok(calculator) => state.calculators.push(calculator),
                Err(why) => state.contest.out(why.to_owned()),
            }
            drop(state);
            pool.tell();
            pool.deal();
        });
    }

    fn call(&self, sequences: Rc<Sequences>, pairs: Pairs) -> oneshot::Receiver<Result<Vec<u32>, Error>> {
        let size = chunk_size(&sequences);
        let number = pairs.len();
        let mut state = self.state.borrow_mut();
        let (call, receive) = state.calls.take(sequences, pairs);
        let chunks = (0..number).step_by(size);
        state.queue.extend(chunks.map(|start| Chunk { call, start, end: (start + size).min(number) }));
        drop(state);
        self.deal();
        receive
    }
}

/// Takes what a calculator says of a chunk. Whether there is something to tell of the contest.
fn take_answer(
    calls: &mut Calls,
    queue: &mut VecDeque<Chunk>,
    contest: &mut Contest,
    chunk: &Chunk,
    (graphics, workers): (bool, usize),
    data: &JsValue,
) -> bool {
    if property(data, "refused").is_string() {
        if let Some(call) = calls.get_mut(chunk.call) {
            call.workers_only = true;
            queue.push_front(*chunk);
        }
        return false;
    }
    if let Some(error) = property(data, "error").as_string() {
        calls.fail(chunk.call, error);
        return false;
    }
    let Ok(found) = property(data, "distances").dyn_into::<Uint32Array>() else { return false };
    let cells = calls.get(chunk.call).map(|call| cells_a_pair(&call.sequences) * u64::from(found.length()));
    let milliseconds = property(data, "milliseconds").as_f64().unwrap_or(0.0);
    let decided = cells.is_some_and(|cells| contest.learn(graphics, cells as f64, milliseconds, workers));
    calls.fill(chunk.call, chunk.start, &found);
    decided
}

impl Distances for Pool {
    fn pairs(&self, sequences: Rc<Sequences>, pairs: Pairs) -> Pending<'_, Result<Vec<u32>, Error>> {
        Box::pin(async move {
            if pairs.is_empty() {
                return Ok(Vec::new());
            }
            if cells_a_pair(&sequences) * pairs.len() as u64 <= CELLS_AT_HOME {
                return Ok(levenshtein::pairs(levenshtein::InstructionSet::best(), &sequences, &pairs)?);
            }
            if self.state.borrow().alone {
                return alone(&sequences, &pairs).await;
            }
            let call = self.call(sequences, pairs);
            call.await.unwrap_or_else(|_| Err(Error::Distances { message: "the work was stopped".into() }))
        })
    }

    fn preferred_batch_cells(&self) -> u64 {
        self.state.borrow().contest.cells_at_once()
    }
}

/// Without calculators: the same, here, with turns of the event loop in between.
async fn alone(sequences: &Sequences, pairs: &Pairs) -> Result<Vec<u32>, Error> {
    let mut all = Vec::with_capacity(pairs.len());
    for chunk in pairs.chunks(chunk_size(sequences)) {
        all.extend(levenshtein::pairs(levenshtein::InstructionSet::best(), sequences, chunk)?);
        turn().await;
    }
    Ok(all)
}
