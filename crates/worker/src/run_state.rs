//! The run under analysis: its traces, settings and title, and what is already computed.

use std::{cell::RefCell, rc::Rc};

use report::{Analysis, Report, Settings, TraceRun};

use crate::pool::Pool;

/// The note on a checkpoint that the report has and the run has not.
pub const UNREAD: &str = "The traces are still being read. Charts appear with the next report.";

/// Index in the run of a checkpoint of the report, which may be of the run before or after a file was added.
pub fn place_in(run: &TraceRun, report: &Report, checkpoint: usize) -> Option<usize> {
    let step = report.checkpoints.get(checkpoint)?.step;
    run.checkpoints.iter().position(|found| found.step == step)
}

/// The run under analysis.
pub struct RunState {
    pool: Pool,
    analysis: Analysis,
    settings: RefCell<Settings>,
    title: RefCell<String>,
    run: RefCell<Option<Rc<TraceRun>>>,
}

impl RunState {
    /// A state without a run, with the default settings.
    pub fn new(pool: Pool) -> Self {
        Self {
            pool,
            analysis: Analysis::default(),
            settings: RefCell::default(),
            title: RefCell::default(),
            run: RefCell::default(),
        }
    }

    /// The pool that measures distances.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// The analysis with its cached results.
    pub fn analysis(&self) -> &Analysis {
        &self.analysis
    }

    /// All settings.
    pub fn settings(&self) -> Settings {
        self.settings.borrow().clone()
    }

    /// Replaces all settings.
    pub fn set_settings(&self, settings: Settings) {
        *self.settings.borrow_mut() = settings;
    }

    /// The title of the report.
    pub fn title(&self) -> String {
        self.title.borrow().clone()
    }

    /// Replaces the title.
    pub fn set_title(&self, title: String) {
        *self.title.borrow_mut() = title;
    }

    /// A report with the current title, which the user may have changed during the analysis.
    pub fn titled(&self, report: Report) -> Report {
        Report { title: self.title(), ..report }
    }

    /// The run that was assembled last.
    pub fn run(&self) -> Option<Rc<TraceRun>> {
        self.run.borrow().clone()
    }

    /// Replaces the run.
    pub fn set_run(&self, run: Option<Rc<TraceRun>>) {
        *self.run.borrow_mut() = run;
    }
}
