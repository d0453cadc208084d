//! Progress messages to the analyst.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use olmoe::{LocalFuture, Observer, Progress};
use protocol::{
    engine::{EngineEvent, EngineProgress, ProcessorInfo},
    scope::now,
};

use crate::post::post;

/// Minimum time between two progress messages, in milliseconds.
const INTERVAL: f64 = 80.0;

/// Posts progress to the analyst while a checkpoint runs.
pub struct ProgressReporter {
    read: Rc<Cell<u64>>,
    processor: ProcessorInfo,
    latest: RefCell<Option<Progress>>,
    /// Time of the last message, in milliseconds.
    posted: Cell<f64>,
}

impl ProgressReporter {
    /// Reporter for one checkpoint; `read` counts the bytes read of it.
    pub fn new(read: Rc<Cell<u64>>, processor: ProcessorInfo) -> Self {
        Self { read, processor, latest: RefCell::default(), posted: Cell::new(f64::NEG_INFINITY) }
    }

    /// Posts the latest progress, unless the last message was posted less than [`INTERVAL`] ago.
    fn post(&self) {
        if now() - self.posted.get() < INTERVAL {
            return;
        }
        let Some(Progress { pass, passes, done, layers, tokens }) = *self.latest.borrow() else { return };
        self.posted.set(now());
        post(&EngineEvent::Progress(EngineProgress {
            read: self.read.get(),
            done: pass * layers + done,
            layers: passes * layers,
            tokens,
            processor: self.processor.clone(),
        }));
    }
}

impl Observer for ProgressReporter {
    fn yield_now(&self) -> LocalFuture<'_, ()> {
        // No turn of the event loop is needed: the analyst cancels by terminating the worker.
        self.post();
        Box::pin(std::future::ready(()))
    }

    fn progress(&self, progress: Progress) {
        *self.latest.borrow_mut() = Some(progress);
        self.post();
    }
}
