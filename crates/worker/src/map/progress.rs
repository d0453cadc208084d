//! Progress of a map.

use std::rc::Rc;

use protocol::{Event, Progress, WorkUnit};
use report::{Pending, Report, Stage, Watch};

use crate::{
    activity::{Activity, Task},
    post::{Throttle, post},
    yielding::Yielder,
};

/// Posts the progress of one step of a map, and yields.
pub struct MapProgress {
    /// None if progress is not posted.
    activity: Option<Rc<Activity>>,
    /// Name of the step.
    stage: String,
    /// Pairs measured in previous steps.
    before: u64,
    /// Pairs of all steps; 0 to use the step's own number.
    total: u64,
    /// Whether the step belongs to a file. Progress of files replaces that of frames.
    saving: bool,
    yielder: Yielder,
    throttle: Throttle,
}

impl MapProgress {
    /// Progress that is posted while the analyst is idle otherwise.
    pub fn new(activity: &Rc<Activity>) -> Self {
        Self { activity: Some(Rc::clone(activity)), ..Self::quiet() }
    }

    /// Progress that is not posted.
    pub fn quiet() -> Self {
        Self {
            activity: None,
            stage: String::new(),
            before: 0,
            total: 0,
            saving: false,
            yielder: Yielder::new(),
            throttle: Throttle::new(),
        }
    }

    /// Begins a step whose number of pairs is not known beforehand.
    pub fn begin(&self, stage: String) -> Self {
        Self { activity: self.activity.clone(), stage, ..Self::quiet() }
    }

    /// Begins a step after `before` of `total` pairs.
    pub fn begin_at(&self, stage: String, before: u64, total: u64) -> Self {
        Self { before, total, ..self.begin(stage) }
    }

    /// Marks the step as one of a file.
    pub fn of_file(self) -> Self {
        Self { saving: true, ..self }
    }
}

impl Watch for MapProgress {
    fn yield_now(&self) -> Pending<'_, ()> {
        self.yielder.yield_now()
    }

    fn progress(&self, _: &Stage, done: u64, total: u64) {
        let Some(activity) = &self.activity else { return };
        let superseded = !self.saving && activity.is_running(Task::MapFile);
        if superseded || !activity.is_idle() || !self.throttle.passes(false) {
            return;
        }
        post(&Event::Progress(Progress {
            stage: self.stage.clone(),
            done: self.before + done,
            total: if self.total > 0 { self.total } else { total },
            unit: WorkUnit::Pairs,
        }));
    }

    fn partial(&self, _: bool, _: &dyn Fn() -> Report) {}
}
