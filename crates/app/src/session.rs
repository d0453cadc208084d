//! Opening runs after the first one, and closing them.

use std::cell::{Cell, RefCell};

use leptos::prelude::*;
use protocol::{Job, ReportText};
use report::Report;
use wasm_bindgen::prelude::*;
use web_sys::File;

use crate::analyst;
use crate::browser;
use crate::keep;
use crate::link_state;
use crate::runs;
use crate::state::{App, Dialog, Origin, Stage};

/// What was dropped, chosen or named while a report is shown.
pub enum Incoming {
    /// Files with their paths.
    Files(Vec<(String, File)>),
    /// URLs.
    Urls(Vec<String>),
    /// An export.
    Report(Box<Report>, String),
}

thread_local! {
    /// Waits for an answer in the dialog.
    static INCOMING: RefCell<Option<Incoming>> = const { RefCell::new(None) };
    /// Whether further files are added without asking.
    static ALWAYS_ADD: Cell<bool> = const { Cell::new(false) };
}

/// Asks before a page with unsaved figures, or with files that are being computed, is left.
pub fn install(app: App) {
    let closure = Closure::<dyn Fn(web_sys::Event)>::new(move |event: web_sys::Event| {
        let is_computing = app.working.get_untracked() && !app.files.with_untracked(Vec::is_empty);
        if is_computing || is_unsaved(app) || runs::is_any_unsaved() {
            event.prevent_default();
        }
    });
    drop(
        browser::window().add_event_listener_with_callback("beforeunload", closure.as_ref().unchecked_ref()),
    );
    closure.forget();
}

/// Whether the page shows figures that were computed here and are stored nowhere else.
pub fn is_unsaved(app: App) -> bool {
    app.report.with_untracked(Option::is_some)
        && app.origin.get_untracked() == Origin::Files
        && !app.saved.get_untracked()
}

/// Closes the run, after a question if its figures would be lost.
pub fn new_run(app: App) {
    if is_unsaved(app) {
        app.dialog.set(Some(Dialog::Close));
    } else {
        close(app);
    }
}

/// Adds new files of the followed folder to its run.
pub fn add_followed(app: App, new: Incoming) {
    add(app, new);
}

/// Closes the run: the page is empty and the analyst forgets the files.
pub fn close(app: App) {
    app.end_following();
    app.dialog.set(None);
    runs::forget(app.run_id.get_untracked());
    if runs::is_owned(app) {
        app.settings.set(report::Settings::default());
        analyst::restart(app);
    }
    keep::forget_files();
    app.reset();
    runs::begin(app);
    app.say("The run was closed.");
}

/// Opens what arrived: at once on a page without a report, else as the user answers.
pub fn receive(app: App, incoming: Incoming) {
    if has_choice(app, &incoming) {
        INCOMING.set(Some(incoming));
        app.dialog.set(Some(Dialog::SecondRun));
    } else {
        add(app, incoming);
    }
}

/// Opens what arrived in place of the report that is shown.
pub fn replace(app: App, incoming: Incoming) {
    if has_choice(app, &incoming) {
        leave(app);
    }
    add(app, incoming);
}

/// Whether what arrived may replace the report that is shown, be compared with it or be added.
fn has_choice(app: App, incoming: &Incoming) -> bool {
    let always = ALWAYS_ADD.get() && app.origin.get_untracked() == Origin::Files;
    let is_second = match incoming {
        Incoming::Files(files) => !always && !files.iter().all(|(path, _)| completes(path)),
        Incoming::Urls(_) => !always,
        Incoming::Report(..) => true,
    };
    is_second && app.report.with_untracked(Option::is_some)
}

/// Leaves the run, which Back shows again.
fn leave(app: App) {
    app.end_following();
    runs::hold(app);
    if runs::is_owned(app) {
        analyst::restart(app);
    }
    keep::forget_files();
    app.reset();
    runs::begin(app);
}

/// Whether a file belongs to the run by its name: samples, results or a configuration, no checkpoint.
fn completes(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
    let text = [".json", ".jsonl", ".csv", ".txt", ".model"].iter().any(|ending| name.ends_with(ending));
    let beside = ["items", "results", "samples", "tokenizer"].iter().any(|start| name.starts_with(start));
    (text || beside) && trace::step_from_name(path).is_none()
}

/// Whether an export waits for an answer; it cannot be added to a run.
pub fn is_report_waiting() -> bool {
    INCOMING.with_borrow(|incoming| matches!(incoming, Some(Incoming::Report(..))))
}

/// An answer of the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Close the run and open the other.
    Replace,
    /// Show both.
    Compare,
    /// Add to the run.
    Add,
}

/// Does with the waiting files what the user answered.
pub fn answer(app: App, answer: Answer, always: bool) {
    // Taken first: closing the dialog forgets it.
    let incoming = INCOMING.take();
    app.dialog.set(None);
    let Some(incoming) = incoming else { return };
    match (answer, incoming) {
        (Answer::Add, incoming) => {
            ALWAYS_ADD.set(always);
            add(app, incoming);
        }
        (Answer::Replace, incoming) => {
            leave(app);
            add(app, incoming);
        }
        (Answer::Compare, Incoming::Files(files)) => {
            let (paths, files): (Vec<String>, Vec<File>) = files.into_iter().unzip();
            analyst::compute_other(app, &Job::AddFiles { paths }, &files);
        }
        (Answer::Compare, Incoming::Urls(urls)) => analyst::compute_other(app, &Job::AddUrls { urls }, &[]),
        (Answer::Compare, Incoming::Report(report, text)) => {
            runs::compare(app, *report, ReportText::Json(text), Origin::Export);
        }
    }
}

/// Forgets the waiting files.
pub fn dismiss() {
    INCOMING.take();
}

fn add(app: App, incoming: Incoming) {
    link_state::stop_opening();
    match incoming {
        Incoming::Files(files) => {
            recompute(app);
            keep::add_files(&files);
            let (paths, files): (Vec<String>, Vec<File>) = files.into_iter().unzip();
            app.say(crate::format::counted(files.len() as u64, "file is being read", "files are being read"));
            analyst::work(app, &Job::AddFiles { paths }, &files);
        }
        Incoming::Urls(urls) => {
            recompute(app);
            keep::add_urls(&urls);
            analyst::work(app, &Job::AddUrls { urls }, &[]);
        }
        Incoming::Report(report, text) => {
            if app.stage_now() == Stage::Working {
                runs::hold(app);
                runs::begin(app);
                app.files.set(Vec::new());
                app.set_no_work();
            }
            app.saved.set(true);
            app.show(*report, ReportText::Json(text), true, Origin::Export);
            app.say("The report was opened.");
        }
    }
}

/// Makes the analyst work for the run that the page shows. A report without traces is replaced by
/// one that will be computed with the same settings and title.
fn recompute(app: App) {
    if runs::owned() > 0.0 && !runs::is_owned(app) {
        let settings = app.settings.get_untracked();
        analyst::restart(app);
        app.settings.set(settings);
    }
    if app.origin.get_untracked() != Origin::Files {
        let title = app.report.with_untracked(|report| report.as_ref().map(|report| report.title.clone()));
        runs::hold(app);
        app.report.set(None);
        app.origin.set(Origin::Files);
        app.link.set(None);
        app.previous.set(None);
        app.saved.set(false);
        keep::forget_files();
        runs::begin(app);
        if let Some(title) = title.filter(|title| !title.is_empty()) {
            analyst::post(app, &Job::Rename { title });
        }
        analyst::sync_settings(app);
    }
    runs::own(app.run_id.get_untracked());
}
