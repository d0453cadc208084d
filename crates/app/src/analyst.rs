//! Connection to the analyst, the worker that owns the run. Jobs are queued until it is ready.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures::channel::oneshot;
use js_sys::{Array, Object, Reflect};
use leptos::prelude::*;
use protocol::{Backend, Event, Form, Job, ReportText, Written};
use report::{Report, Settings};
use wasm_bindgen::prelude::*;
use web_sys::{ErrorEvent, File, MessageEvent, Worker, WorkerOptions, WorkerType};

use crate::browser;
use crate::children::Children;
use crate::download;
use crate::drawing_requests;
use crate::map;
use crate::meter::Meter;
use crate::runs;
use crate::state::{App, Dialog, Origin};

/// Pause between provisional reports. Drawing all charts takes a fraction of a second; without a
/// pause the page would be unresponsive.
const PARTIAL_REPORT_PAUSE: Duration = Duration::from_millis(1500);

/// The worker and its pending messages.
#[derive(Default)]
struct Connection {
    worker: Option<Worker>,
    /// The workers that it asked for.
    children: Children,
    ready: bool,
    queued: Vec<JsValue>,
    /// The newest provisional report that is not shown yet.
    partial_report: Option<String>,
    /// Number of workers that stopped since the last complete report. A worker that is ready may still stop at each
    /// drawing, which a new one is asked for again.
    exits: u32,
    /// Pending exports by request id.
    pending_exports: BTreeMap<u32, oneshot::Sender<Result<Written, String>>>,
    /// The last request id.
    request_id: u32,
}

thread_local! {
    static CONNECTION: RefCell<Connection> = RefCell::default();
}

/// Starts the analyst unless it is running.
pub fn start(app: App) {
    let running = CONNECTION.with_borrow(|connection| connection.worker.is_some());
    if running {
        return;
    }
    if let Some(worker) = worker(app) {
        let children = CONNECTION.with_borrow(|connection| connection.children.clone());
        listen(app, &worker, children);
        CONNECTION.with_borrow_mut(|connection| connection.worker = Some(worker));
        app.analysts.update(|started| *started += 1);
    }
}

/// Replaces the analyst by a new one, which has no files.
pub fn restart(app: App) {
    CONNECTION.with_borrow_mut(|connection| {
        if let Some(worker) = connection.worker.take() {
            worker.set_onmessage(None);
            worker.set_onerror(None);
            worker.terminate();
        }
        connection.children.end_all();
        *connection = Connection { request_id: connection.request_id, ..Connection::default() };
    });
    runs::own(0.0);
    map::forget(app);
    app.set_no_work();
    start(app);
    sync_settings(app);
}

/// A new worker.
fn worker(app: App) -> Option<Worker> {
    let url = browser::meta("grokscope-worker").unwrap_or_else(|| "./worker_loader.js".to_owned());
    let options = WorkerOptions::new();
    options.set_type(WorkerType::Module);
    let worker = Worker::new_with_options(&browser::absolute(&url), &options);
    worker
        .map_err(|error| app.fail(format!(
            "The worker could not be started from {url} ({}). Reload the page; if that does not help, use a current browser.",
            browser::reason(&error)
        )))
        .ok()
}

/// Sends a job to the analyst, which is started if needed.
pub fn post(app: App, job: &Job) {
    post_with_files(app, job, &[]);
}

/// Sends a job and its files to the analyst.
pub fn post_with_files(app: App, job: &Job, files: &[File]) {
    start(app);
    let Some(message) = message(app, job, files) else { return };
    CONNECTION.with_borrow_mut(|connection| match (&connection.worker, connection.ready) {
        (Some(worker), true) => drop(worker.post_message(&message)),
        _ => connection.queued.push(message.into()),
    });
}

/// A job and its files as the worker reads them.
fn message(app: App, job: &Job, files: &[File]) -> Option<Object> {
    let job = match serde_wasm_bindgen::to_value(job) {
        Ok(job) => job,
        Err(error) => {
            app.fail(format!(
                "A request could not be sent to the worker: {error}. Check the last number that you entered."
            ));
            return None;
        }
    };
    let message = Object::new();
    let list: Array = files.iter().collect();
    for (name, value) in [("job", &job), ("files", list.as_ref())] {
        // Setting a property of a plain object does not fail.
        drop(Reflect::set(&message, &JsValue::from_str(name), value));
    }
    Some(message)
}

/// Sends a long-running job; the page shows progress at once.
pub fn work(app: App, job: &Job, files: &[File]) {
    app.cancelled.set(false);
    app.stopped.set(false);
    app.notice.set(None);
    app.working.set(true);
    app.complete.set(false);
    app.meter.set(None);
    post_with_files(app, job, files);
}

/// Sends a new analyst the page's settings that differ from the defaults.
pub fn sync_settings(app: App) {
    let settings = app.settings.get_untracked();
    if settings != Settings::default() {
        post(app, &Job::Configure { settings });
    }
    let backend = app.backend.get_untracked();
    if backend != Backend::Auto {
        post(app, &Job::UseBackend { backend });
    }
}

/// Selects the backend.
pub fn use_backend(app: App, backend: Backend) {
    if app.backend.get_untracked() != backend {
        app.backend.set(backend);
        app.processor.set(None);
        post(app, &Job::UseBackend { backend });
    }
}

/// Writes the current report in another form.
///
/// # Errors
/// There is no report, or it cannot be written in that form.
pub async fn write(app: App, form: Form) -> Result<Written, String> {
    let Some(report) = app.text.get_value() else { return Err("There is no report yet.".to_owned()) };
    let title = app.report.with_untracked(|report| report.as_ref().map(|report| report.title.clone()));
    convert(app, (*report).clone(), title, form).await
}

/// Converts a report, with another title if one is given.
///
/// # Errors
/// Why the text is not a report or cannot be converted.
pub async fn convert(
    app: App,
    report: ReportText,
    title: Option<String>,
    form: Form,
) -> Result<Written, String> {
    let (sender, answer) = oneshot::channel();
    let request_id = CONNECTION.with_borrow_mut(|connection| {
        connection.request_id = connection.request_id.wrapping_add(1);
        connection.pending_exports.insert(connection.request_id, sender);
        connection.request_id
    });
    post(app, &Job::Write { request_id, report, title, form });
    answer.await.unwrap_or_else(|_| Err("The worker stopped before it finished. Try again.".to_owned()))
}

/// Resumes the work that the user stopped.
pub fn resume(app: App) {
    work(app, &Job::Configure { settings: app.settings.get_untracked() }, &[]);
}

/// Cancels the current work. The page does not wait for the worker.
pub fn cancel(app: App) {
    if !app.working.get_untracked() {
        return;
    }
    app.cancelled.set(true);
    app.stopped.set(true);
    app.working.set(false);
    app.meter.set(None);
    map::halt(app);
    app.say("Cancelled. Figures computed so far stay.");
    post(app, &Job::Cancel);
}

fn listen(app: App, worker: &Worker, children: Children) {
    let analyst = worker.clone();
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| {
        let data = message.data();
        // A file or arrays accompany their event.
        let file = browser::property(&data, "file");
        let arrays = browser::property(&data, "arrays").map(Array::unchecked_from_js).unwrap_or_default();
        let event = browser::property(&data, "event").unwrap_or_else(|| data.clone());
        match serde_wasm_bindgen::from_value::<Event>(event) {
            Ok(event) if children.handle(&analyst, &event, &data) => {}
            Ok(Event::Saved { name }) => {
                if let Some(Err(message)) = file.map(|file| download::blob(&name, file.unchecked_ref())) {
                    app.fail(message);
                }
            }
            Ok(event) => handle_event(app, event, &arrays),
            Err(error) => app.fail(format!(
                "The page does not understand a message of the worker ({error}). Their versions may differ: reload the page."
            )),
        }
    });
    worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();

    // The browser also logs the error to its console, with its location.
    let on_error = Closure::<dyn Fn(web_sys::Event)>::new(move |event: web_sys::Event| {
        let message =
            event.dyn_ref::<ErrorEvent>().map(ErrorEvent::message).filter(|message| !message.is_empty());
        on_worker_exit(app, message.as_deref().unwrap_or("its script could not be loaded"));
    });
    worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
    on_error.forget();
}

/// Handles an event of a run that the page does not show: Back shows it again.
fn handle_elsewhere(app: App, event: Event) {
    match event {
        Event::Files { rows } => runs::change(runs::owned(), |run| run.files = rows),
        Event::Report { json, complete } => {
            if let Ok(report) = report::parse_json(&json) {
                runs::change(runs::owned(), |run| {
                    run.report = Some(Arc::new(report));
                    run.text = Some(Arc::new(ReportText::Json(json)));
                    run.complete = complete;
                    run.saved = false;
                });
            }
        }
        Event::Failed { message } => app.fail(message),
        _ => {}
    }
}

fn handle_event(app: App, event: Event, arrays: &Array) {
    let cancelled = app.cancelled.get_untracked();
    let always = matches!(
        event,
        Event::Ready { .. } | Event::Written { .. } | Event::Drawn { .. } | Event::Processor(_)
    );
    if !always && runs::owned() > 0.0 && !runs::is_owned(app) {
        handle_elsewhere(app, event);
        return;
    }
    match event {
        Event::Ready { badge, note } => {
            app.badge.set((badge, note));
            CONNECTION.with_borrow_mut(|connection| {
                connection.ready = true;
                if let Some(worker) = &connection.worker {
                    for message in connection.queued.drain(..) {
                        drop(worker.post_message(&message));
                    }
                }
            });
        }
        Event::Files { rows } => app.files.set(rows),
        Event::Proposal(sheet) => {
            app.refused.set(None);
            app.sheet.set(Some(Arc::new(*sheet)));
            // If another dialog is open, this one can be opened from the file table.
            if app.dialog.with_untracked(Option::is_none) {
                app.dialog.set(Some(Dialog::Mapping));
            }
        }
        Event::AnswerResult { refused: None, .. } => app.dialog.set(None),
        Event::AnswerResult { refused, line } => app.refused.set(refused.map(|refused| (refused, line))),
        Event::Progress(progress) if !cancelled => {
            app.working.set(true);
            app.meter.update(|meter| *meter = Some(Meter::next(meter.as_ref(), progress, browser::now())));
        }
        Event::Report { json, complete: true } => {
            CONNECTION.with_borrow_mut(|connection| {
                connection.partial_report = None;
                connection.exits = 0;
            });
            map::forget(app);
            show(app, json, true);
            set_idle(app);
            app.say("The report is complete.");
        }
        // The kept report has more than the figures so far.
        Event::Report { complete: false, .. } if runs::is_restoring() => {}
        Event::Report { json, complete: false } if !cancelled => queue_partial_report(app, json),
        // Those of workers and files are handled where they arrive.
        Event::Progress(_)
        | Event::Report { .. }
        | Event::Saved { .. }
        | Event::StartChild { .. }
        | Event::EndChild { .. } => {}
        Event::Geometry(sheet) => app.routers.set(sheet.map(Arc::from)),
        Event::Changes(changes) => app.changes.set(changes),
        Event::Alignment(alignment) => {
            app.pair.set(None);
            app.alignment.set(Some(Arc::new(*alignment)));
        }
        Event::MapOrder { request_id, texts } => map::take_order(app, request_id, texts, arrays),
        Event::MapFrame(facts) => map::take_frame(app, *facts, arrays),
        Event::MapPoints { request_id } => map::take_points(app, request_id, arrays),
        Event::MapPart { rows, columns, checkpoint } => {
            map::take_part(app, checkpoint, rows, columns, arrays);
        }
        Event::Traces { names } => {
            runs::set_traces(names.into_iter().zip(arrays.iter()).collect());
            app.traces.update(|revision| *revision += 1);
        }
        Event::MapPair { text } => app.map_pair.set(text),
        Event::Samples { samples, matching } => app.samples.set((samples, matching)),
        Event::Drawn { request_id, drawn } => drawing_requests::take(request_id, *drawn),
        Event::Written { request_id, outcome } => {
            let pending =
                CONNECTION.with_borrow_mut(|connection| connection.pending_exports.remove(&request_id));
            if let Some(pending) = pending {
                // The dialog that requested it may be closed.
                drop(pending.send(outcome));
            }
        }
        Event::Processor(processor) => app.processor.set(Some(processor)),
        Event::Cancelled | Event::Idle => {
            app.cancelled.set(false);
            set_idle(app);
            end_restoring(app);
        }
        Event::Notice { message } => app.notice.set(Some(message)),
        Event::Failed { message } => {
            app.fail(message);
            set_idle(app);
            end_restoring(app);
        }
    }
}

/// Ends an attempt to recompute a kept report; the report stays.
fn end_restoring(app: App) {
    if runs::set_restoring(false) {
        app.origin.set(Origin::Kept);
        app.complete.set(true);
        app.provisional.set(false);
        runs::own(0.0);
        restart(app);
    }
}

/// Queues a provisional report: the first is shown at once, later ones after a pause.
fn queue_partial_report(app: App, json: String) {
    let is_queued =
        CONNECTION.with_borrow_mut(|connection| connection.partial_report.replace(json).is_some());
    if is_queued {
        return;
    }
    let first = app.report.with_untracked(Option::is_none);
    let pause = if first { Duration::ZERO } else { PARTIAL_REPORT_PAUSE };
    set_timeout(
        move || {
            let report = CONNECTION.with_borrow_mut(|connection| connection.partial_report.take());
            if let Some(report) = report.filter(|_| !app.cancelled.get_untracked()) {
                show(app, report, false);
            }
        },
        pause,
    );
}

fn show(app: App, json: String, complete: bool) {
    match report::parse_json(&json) {
        Ok(report) => {
            if runs::is_restoring() {
                let (checkpoints, samples) = (report.checkpoints.len(), report.run.samples);
                let is_less =
                    |kept: &Report| checkpoints < kept.checkpoints.len() || samples < kept.run.samples;
                if app.report.with_untracked(|kept| kept.as_deref().is_some_and(is_less)) {
                    app.notice.set(Some(
                        "The kept files give a smaller report, so the kept one stays. Drop the run’s files to recompute it."
                            .to_owned(),
                    ));
                    end_restoring(app);
                    return;
                }
                runs::set_restoring(false);
            } else {
                app.saved.set(false);
            }
            app.show(report, ReportText::Json(json), complete, Origin::Files);
            app.link.set(None);
        }
        Err(error) => app.fail(error.to_string()),
    }
}

/// Computes the report of a second run in a worker of its own, and shows it beside the first. The
/// worker then measures the run's map, and ends.
pub fn compute_other(app: App, job: &Job, files: &[File]) {
    let Some(worker) = worker(app) else { return };
    app.comparing.set(true);
    app.say("The second run is being computed.");
    let settings = app.report.with_untracked(|report| report.as_ref().map(|report| report.settings.clone()));
    let configure = Job::Configure { settings: settings.unwrap_or_default() };
    // Sent one after the other, each when the worker is idle; the last one first.
    let waiting = RefCell::new(vec![message(app, job, files), message(app, &configure, &[])]);
    let (own, last) = (worker.clone(), RefCell::new(String::new()));
    let is_started = Cell::new(false);
    let is_shown = Rc::new(Cell::new(false));
    let shown = Rc::clone(&is_shown);
    let children = Children::default();
    let of_it = children.clone();
    let end = move |worker: &Worker, failure: Option<String>| {
        worker.set_onmessage(None);
        worker.set_onerror(None);
        worker.terminate();
        children.end_all();
        app.comparing.set(false);
        if let Some(message) = failure {
            let what = if shown.get() { "map" } else { "report" };
            app.fail(format!("The second run has no {what}. {message}"));
        }
    };
    let ended = end.clone();
    let show = move |json: String| {
        let report = report::parse_json(&json).map_err(|error| error.to_string())?;
        let checkpoints = report.checkpoints.len();
        let text = runs::compare(app, report, ReportText::Json(json), Origin::Kept);
        Ok(Job::Map(map::still::request(&text, checkpoints)))
    };
    let failed = worker.clone();
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| {
        let data = message.data();
        let arrays = browser::property(&data, "arrays").map(Array::unchecked_from_js).unwrap_or_default();
        let event = browser::property(&data, "event").unwrap_or_else(|| data.clone());
        if is_shown.get() && app.other.with_untracked(Option::is_none) {
            // Nothing shows the map any more.
            end(&own, None);
            return;
        }
        match serde_wasm_bindgen::from_value::<Event>(event) {
            Ok(event) if of_it.handle(&own, &event, &data) => {}
            Ok(Event::Report { json, complete: true }) if !is_shown.get() => match show(json) {
                Ok(job) => {
                    is_shown.set(true);
                    if let Some(message) = self::message(app, &job, &[]) {
                        drop(own.post_message(&message));
                    }
                }
                Err(message) => end(&own, Some(message)),
            },
            Ok(Event::MapOrder { request_id, texts }) => map::take_order(app, request_id, texts, &arrays),
            Ok(Event::MapFrame(facts)) => {
                map::take_frame(app, *facts, &arrays);
                end(&own, None);
            }
            Ok(Event::Failed { message }) if is_shown.get() => end(&own, Some(message)),
            Ok(Event::Notice { message } | Event::Failed { message }) => *last.borrow_mut() = message,
            // Ready is sent again when distances are computed elsewhere.
            Ok(Event::Ready { .. }) if is_started.replace(true) => {}
            Ok(Event::Ready { .. } | Event::Idle) if !is_shown.get() => {
                let next = waiting.borrow_mut().pop();
                match next.flatten() {
                    Some(message) => drop(own.post_message(&message)),
                    None => end(&own, Some(last.take())),
                }
            }
            _ => {}
        }
    });
    worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();
    let on_error = Closure::<dyn Fn()>::new(move || ended(&failed, Some("Its worker stopped.".to_owned())));
    worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
    on_error.forget();
}

fn set_idle(app: App) {
    app.working.set(false);
    app.meter.set(None);
}

fn on_worker_exit(app: App, message: &str) {
    let exits = CONNECTION.with_borrow_mut(|connection| {
        if let Some(worker) = connection.worker.take() {
            worker.terminate();
        }
        connection.children.end_all();
        connection.ready = false;
        connection.queued.clear();
        connection.pending_exports.clear();
        connection.exits += 1;
        connection.exits
    });
    set_idle(app);
    app.cancelled.set(false);
    app.files.set(Vec::new());
    app.routers.set(None);
    app.alignment.set(None);
    if !browser::window().navigator().on_line() {
        app.fail("You are offline and the page’s worker is not kept in this browser. Connect, then reload the page.");
    } else if exits < 3 {
        app.fail(format!("The worker stopped ({message}) and was restarted. Drop the files again; the report on the page stays."));
        start(app);
        sync_settings(app);
    } else {
        app.fail(format!(
            "The worker stopped again ({message}). Reload the page and omit the file that was being read."
        ));
    }
}
