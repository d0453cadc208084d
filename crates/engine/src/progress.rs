//! Telling the analyst how far a checkpoint is.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use olmoe::{Pending, Stage, Watch};
use protocol::{
    engine::{EngineEvent, EngineProgress, ProcessorInfo},
    scope::now,
};

use crate::post::post;

/// Milliseconds between two messages about progress.
const TICK: f64 = 80.0;

/// Posts progress while a checkpoint runs.
pub struct Progress {
    read: Rc<Cell<u64>>,
    processor: ProcessorInfo,
    stage: RefCell<Option<Stage>>,
    last: Cell<f64>,
}

impl Progress {
    /// `read` counts the checkpoint's bytes.
    pub fn new(read: Rc<Cell<u64>>, processor: ProcessorInfo) -> Self {
        Self { read, processor, stage: RefCell::default(), last: Cell::new(f64::NEG_INFINITY) }
    }

    fn tick(&self) {
        if now() - self.last.get() < TICK {
            return;
        }
        let Some(Stage { pass, passes, done, layers, tokens }) = *self.stage.borrow() else { return };
        self.last.set(now());
        post(&EngineEvent::Progress(EngineProgress {
            read: self.read.get(),
            done: pass * layers + done,
            layers: passes * layers,
            tokens,
            processor: self.processor.clone(),
        }));
    }
}

impl Watch for Progress {
    fn breathe(&self) -> Pending<'_, ()> {
        // Nobody speaks to the engine while it works: who wants it to stop ends it.
        self.tick();
        Box::pin(std::future::ready(()))
    }

    fn stage(&self, stage: Stage) {
        *self.stage.borrow_mut() = Some(stage);
        self.tick();
    }
}
