//! The runs of this page: those that history entries lead back to, and the one whose files the
//! analyst has.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use leptos::prelude::*;
use protocol::ReportText;
use report::Report;
use wasm_bindgen::JsValue;

use crate::map;
use crate::state::{App, HeldRun, Origin, View};

/// Maximum number of runs that the page holds beside the one it shows.
const MAX_HELD: usize = 6;

thread_local! {
    static HELD: RefCell<Vec<HeldRun>> = const { RefCell::new(Vec::new()) };
    /// Id of the run whose files the analyst has; 0 for none.
    static OWNED: Cell<f64> = const { Cell::new(0.0) };
    /// Whether the analyst recomputes a kept report, which stays until the same report is complete.
    static RESTORING: Cell<bool> = const { Cell::new(false) };
    /// Traces that were computed here, by name, each a `Blob`.
    static TRACES: RefCell<Vec<(String, JsValue)>> = const { RefCell::new(Vec::new()) };
}

/// Holds the traces that were computed here, by name.
pub fn set_traces(traces: Vec<(String, JsValue)>) {
    TRACES.set(traces);
}

/// Reads the traces that were computed here.
pub fn with_traces(read: impl FnOnce(&[(String, JsValue)])) {
    TRACES.with_borrow(|traces| read(traces));
}

/// Whether the analyst recomputes a kept report.
pub fn is_restoring() -> bool {
    RESTORING.get()
}

/// Sets whether the analyst recomputes a kept report. Returns the previous value.
pub fn set_restoring(restoring: bool) -> bool {
    RESTORING.replace(restoring)
}

/// Id of the run whose files the analyst has; 0 for none.
pub fn owned() -> f64 {
    OWNED.get()
}

/// Sets the run whose files the analyst has.
pub fn own(id: f64) {
    OWNED.set(id);
}

/// Whether the analyst works for the run that the page shows.
pub fn is_owned(app: App) -> bool {
    is_same(owned(), app.run_id.get_untracked())
}

/// Whether two ids are the same.
pub fn is_same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits()
}

/// Holds the run that the page shows, so that it can be shown again.
pub fn hold(app: App) {
    let run = app.held();
    HELD.with_borrow_mut(|held| {
        held.retain(|old| !is_same(old.id, run.id));
        held.push(run);
        if held.len() > MAX_HELD {
            held.remove(0);
        }
    });
}

/// A run that is held.
pub fn find(id: f64) -> Option<HeldRun> {
    HELD.with_borrow(|held| held.iter().find(|run| is_same(run.id, id)).cloned())
}

/// Changes a run that is held.
pub fn change(id: f64, change: impl FnOnce(&mut HeldRun)) {
    HELD.with_borrow_mut(|held| {
        if let Some(run) = held.iter_mut().find(|run| is_same(run.id, id)) {
            change(run);
        }
    });
}

/// Forgets a run.
pub fn forget(id: f64) {
    HELD.with_borrow_mut(|held| held.retain(|run| !is_same(run.id, id)));
}

/// Whether a run that is held is stored nowhere else.
pub fn is_any_unsaved() -> bool {
    HELD.with_borrow(|held| {
        held.iter().any(|run| run.report.is_some() && run.origin == Origin::Files && !run.saved)
    })
}

/// Starts a run with a new id.
pub fn begin(app: App) {
    TRACES.take();
    app.run_id.update(|id| *id = js_sys::Date::now().max(*id + 1.0));
}

/// Shows a run.
pub fn show(app: App, run: HeldRun) {
    let other = app.other.get_untracked();
    app.reset();
    map::forget(app);
    app.other.set(other);
    app.run_id.set(run.id);
    app.link.set(run.link);
    app.saved.set(run.saved);
    app.files.set(run.files);
    // Without its traces, a report is no more than a stored one.
    let lost = run.origin == Origin::Files && !is_owned(app);
    let origin = if lost { Origin::Kept } else { run.origin };
    if lost {
        app.files.set(Vec::new());
    }
    if let (Some(report), Some(text)) = (run.report, run.text) {
        app.show_shared(report, text, run.complete || lost, origin);
    }
}

/// Shows a report beside that of the page. Returns its text.
pub fn compare(app: App, report: Report, text: ReportText, origin: Origin) -> Arc<ReportText> {
    let (report, text) = (Some(Arc::new(report)), Arc::new(text));
    let run = HeldRun {
        id: js_sys::Date::now(),
        report,
        text: Some(Arc::clone(&text)),
        origin,
        link: None,
        files: Vec::new(),
        complete: true,
        saved: false,
    };
    set_other(app, run);
    text
}

/// Opens the comparison with a run.
pub fn set_other(app: App, run: HeldRun) {
    app.previous.set(None);
    app.other.set(Some(run));
    app.view.set(View::Compare);
    app.say("The two runs are compared.");
}

/// Exchanges the two runs of the comparison.
pub fn swap(app: App) {
    if let Some(other) = app.other.get_untracked() {
        let run = app.held();
        hold(app);
        show(app, other);
        app.other.set(Some(run));
        app.view.set(View::Compare);
    }
}
