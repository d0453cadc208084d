//! How the page hears of an analysis that is under way, and the analysis of the page.

use std::cell::Cell;

use protocol::{Event, Progress, WorkUnit, scope::now};
use report::{Pending, Report, Stage, Watch};

use crate::{
    analyst::Analyst,
    post::{post, post_report},
    yielding::Yielder,
};

/// Milliseconds between two messages about progress.
pub const TICK: f64 = 80.0;

/// Milliseconds until the first partial report: drawing it costs more than the little that would still be waited for.
const FIRST_PARTIAL: f64 = 2_000.0;

/// Milliseconds between two partial reports: drawing them costs the page time.
const PARTIAL: f64 = 1_000.0;

/// Tells the page how far the analysis is, and hears its messages in between.
pub struct Watcher<'a> {
    analyst: &'a Analyst,
    yielder: Yielder,
    last_tick: Cell<f64>,
    next_partial: Cell<f64>,
}

impl<'a> Watcher<'a> {
    /// Of this analyst's work, which begins now.
    pub fn new(analyst: &'a Analyst) -> Self {
        Self {
            analyst,
            yielder: Yielder::new(),
            last_tick: Cell::new(f64::NEG_INFINITY),
            next_partial: Cell::new(now() + FIRST_PARTIAL),
        }
    }
}

impl Watch for Watcher<'_> {
    fn yield_now(&self) -> Pending<'_, ()> {
        self.yielder.yield_now()
    }

    fn progress(&self, stage: &Stage, done: u64, total: u64) {
        // Running checkpoints takes longer than anything else; the page shows how far that is.
        if self.analyst.conductor.is_running() {
            return;
        }
        if now() - self.last_tick.get() < TICK && done < total {
            return;
        }
        self.last_tick.set(now());
        let (stage, unit) = match stage {
            Stage::Gates => ("reading gates", WorkUnit::Bytes),
            Stage::Distances => ("measuring distances", WorkUnit::Pairs),
        };
        post(&Event::Progress(Progress { stage: stage.into(), done, total, unit }));
        self.analyst.post_files();
    }

    fn partial(&self, measured: bool, report: &dyn Fn() -> Report) {
        // What is still to come then (delays, correlations) leaves the charts of the first view as they are.
        if !measured && now() < self.next_partial.get() {
            return;
        }
        let report = self.analyst.titled(report());
        post_report(&report, false);
        self.next_partial.set(now() + PARTIAL);
    }
}
