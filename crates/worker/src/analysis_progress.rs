//! Progress and partial reports of an analysis.

use std::{cell::Cell, rc::Rc};

use protocol::{Event, Progress, WorkUnit, scope::now};
use report::{Pending, Report, Stage, Watch};

use crate::{
    activity::{Activity, Task},
    file_table::FileTable,
    post::{Throttle, post, post_report},
    run_state::RunState,
    yielding::Yielder,
};

/// Milliseconds until the first partial report. A shorter analysis is not worth drawing twice.
const FIRST_PARTIAL: f64 = 2_000.0;

/// Milliseconds between two partial reports, which take the page time to draw.
const PARTIAL: f64 = 1_000.0;

/// Posts the progress of an analysis, and yields.
pub struct AnalysisProgress {
    files: Rc<FileTable>,
    state: Rc<RunState>,
    activity: Rc<Activity>,
    yielder: Yielder,
    throttle: Throttle,
    next_partial: Cell<f64>,
}

impl AnalysisProgress {
    /// The progress of an analysis that begins now.
    pub fn new(files: Rc<FileTable>, state: Rc<RunState>, activity: Rc<Activity>) -> Self {
        Self {
            files,
            state,
            activity,
            yielder: Yielder::new(),
            throttle: Throttle::new(),
            next_partial: Cell::new(now() + FIRST_PARTIAL),
        }
    }
}

impl Watch for AnalysisProgress {
    fn yield_now(&self) -> Pending<'_, ()> {
        self.yielder.yield_now()
    }

    fn progress(&self, stage: &Stage, done: u64, total: u64) {
        // Checkpoints take longer than anything else, so their progress is displayed instead.
        if self.activity.is_running(Task::Checkpoints) || !self.throttle.passes(done >= total) {
            return;
        }
        let (stage, unit) = match stage {
            Stage::Gates => ("reading gates", WorkUnit::Bytes),
            Stage::Distances => ("measuring distances", WorkUnit::Pairs),
        };
        post(&Event::Progress(Progress { stage: stage.into(), done, total, unit }));
        self.files.post();
    }

    fn partial(&self, measured: bool, report: &dyn Fn() -> Report) {
        // Once all distances are measured, the charts of the first view are final.
        if !measured && now() < self.next_partial.get() {
            return;
        }
        post_report(&self.state.titled(report()), false);
        self.next_partial.set(now() + PARTIAL);
    }
}
