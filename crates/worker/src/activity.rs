//! The tasks under way, so that they can be stopped.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use futures::future::{AbortHandle, abortable};
use protocol::scope::now;
use wasm_bindgen_futures::spawn_local;

/// A kind of task, of which at most one runs at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Task {
    /// Opening files and analysing them.
    Analysis,
    /// Running checkpoints.
    Checkpoints,
    /// Choosing two samples by their distances.
    Pair,
    /// Computing the flow between layers.
    Flow,
    /// Reading the experts of single tokens.
    Tokens,
    /// Measuring the frames of a map.
    MapFrames,
    /// Measuring an exact rectangle of a map.
    MapPart,
    /// Writing a file of a map.
    MapFile,
}

/// The tasks under way.
#[derive(Default)]
pub struct Activity {
    running: RefCell<BTreeMap<Task, Running>>,
}

struct Running {
    handle: AbortHandle,
    /// Milliseconds, as [`now`] counts them.
    start: f64,
}

impl Activity {
    /// Starts a task and stops the previous one of its kind. `then` is called with the outcome,
    /// when the task is no longer under way.
    pub fn start<T: 'static>(
        self: &Rc<Self>,
        task: Task,
        work: impl Future<Output = T> + 'static,
        then: impl FnOnce(T) + 'static,
    ) {
        let me = Rc::clone(self);
        let (work, handle) = abortable(async move {
            let outcome = work.await;
            me.running.borrow_mut().remove(&task);
            then(outcome);
        });
        let previous = self.running.borrow_mut().insert(task, Running { handle, start: now() });
        if let Some(previous) = previous {
            previous.handle.abort();
        }
        spawn_local(async move {
            work.await.ok();
        });
    }

    /// Stops a task. Returns whether it was under way.
    pub fn stop(&self, task: Task) -> bool {
        let stopped = self.running.borrow_mut().remove(&task);
        if let Some(running) = &stopped {
            running.handle.abort();
        }
        stopped.is_some()
    }

    /// Whether a task is under way.
    pub fn is_running(&self, task: Task) -> bool {
        self.running.borrow().contains_key(&task)
    }

    /// Milliseconds since a task was started; none if it is not under way.
    pub fn age(&self, task: Task) -> Option<f64> {
        self.running.borrow().get(&task).map(|running| now() - running.start)
    }

    /// Whether neither an analysis nor a checkpoint is under way.
    pub fn is_idle(&self) -> bool {
        !self.is_running(Task::Analysis) && !self.is_running(Task::Checkpoints)
    }
}
