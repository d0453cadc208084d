//! The line to the analyst: a worker that owns the run. Jobs wait until it says that it is ready.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use figures::GeometrySheet;
use futures::channel::oneshot;
use js_sys::{Array, Object, Reflect};
use leptos::prelude::*;
use protocol::{Backend, Event, Form, Job, ReportText, Written};
use report::Settings;
use wasm_bindgen::prelude::*;
use web_sys::{ErrorEvent, File, MessageEvent, Worker, WorkerOptions, WorkerType};

use crate::browser;
use crate::download;
use crate::map;
use crate::meter::Meter;
use crate::state::{App, Dialog, Origin};

/// Drawing all charts takes a part of a second; a page that redraws without a pause cannot be used.
const BETWEEN_DRAFTS: Duration = Duration::from_millis(1500);

/// The worker, where one runs, and what it has still to be told.
#[derive(Default)]
struct Line {
    worker: Option<Worker>,
    ready: bool,
    waiting: Vec<JsValue>,
    /// The newest report that is not complete and not shown yet.
    draft: Option<String>,
    /// How often a worker has died since the last one that got as far as taking jobs.
    deaths: u32,
    /// Receivers of converted reports, by request.
    written: BTreeMap<u32, oneshot::Sender<Result<Written, String>>>,
    /// The last request for a converted report.
    request_id: u32,
}

thread_local! {
    static LINE: RefCell<Line> = RefCell::default();
}

/// Starts the analyst, so that it is ready when the first file comes.
pub fn start(app: App) {
    let running = LINE.with_borrow(|line| line.worker.is_some());
    if running {
        return;
    }
    let url = browser::meta("grokscope-worker").unwrap_or_else(|| "./worker_loader.js".to_owned());
    let options = WorkerOptions::new();
    options.set_type(WorkerType::Module);
    match Worker::new_with_options(&browser::absolute(&url), &options) {
        Ok(worker) => {
            listen(app, &worker);
            LINE.with_borrow_mut(|line| line.worker = Some(worker));
        }
        Err(error) => app.fail(format!(
            "The worker that reads files could not be started from {url} ({}). Reload the page; if that does not help, use a current browser.",
            browser::reason(&error)
        )),
    }
}

/// Asks the analyst for something, starting it where needed.
pub fn post(app: App, job: &Job) {
    post_with_files(app, job, &[]);
}

/// Asks the analyst for something about these files.
pub fn post_with_files(app: App, job: &Job, files: &[File]) {
    start(app);
    let job = match serde_wasm_bindgen::to_value(job) {
        Ok(job) => job,
        Err(error) => {
            app.fail(format!(
                "A request could not be handed to the worker: {error}. Check the number that you set last."
            ));
            return;
        }
    };
    let message = Object::new();
    let list: Array = files.iter().collect();
    for (name, value) in [("job", &job), ("files", list.as_ref())] {
        // Setting a property of a plain object does not fail.
        drop(Reflect::set(&message, &JsValue::from_str(name), value));
    }
    LINE.with_borrow_mut(|line| match (&line.worker, line.ready) {
        (Some(worker), true) => drop(worker.post_message(&message)),
        _ => line.waiting.push(message.into()),
    });
}

/// Asks for work that takes time: the page shows it as under way at once.
pub fn work(app: App, job: &Job, files: &[File]) {
    app.cancelled.set(false);
    app.working.set(true);
    app.complete.set(false);
    app.meter.set(None);
    post_with_files(app, job, files);
}

/// Tells a fresh analyst the settings that the page has, where they are not the usual ones.
pub fn settle(app: App) {
    let settings = app.settings.get_untracked();
    if settings != Settings::default() {
        post(app, &Job::Configure { settings });
    }
    let backend = app.backend.get_untracked();
    if backend != Backend::Auto {
        post(app, &Job::UseBackend { backend });
    }
}

/// Computes checkpoints on this from now on.
pub fn use_backend(app: App, backend: Backend) {
    if app.backend.get_untracked() != backend {
        app.backend.set(backend);
        app.processor.set(None);
        post(app, &Job::UseBackend { backend });
    }
}

/// Has the report on the page written in another form.
///
/// # Errors
/// There is no report, or why it cannot have that form.
pub async fn write(app: App, form: Form) -> Result<Written, String> {
    let Some(report) = app.text.get_value() else { return Err("There is no report yet.".to_owned()) };
    let title = app
        .report
        .with_untracked(|report| report.as_ref().map(|report| report.title.clone()))
        .unwrap_or_default();
    let (sender, answer) = oneshot::channel();
    let request_id = LINE.with_borrow_mut(|line| {
        line.request_id = line.request_id.wrapping_add(1);
        line.written.insert(line.request_id, sender);
        line.request_id
    });
    post(app, &Job::Write { request_id, report: (*report).clone(), title, form });
    answer.await.unwrap_or_else(|_| Err("The worker stopped before it was done: try again.".to_owned()))
}

/// Stops what is under way. The page does not wait for the worker to agree.
pub fn cancel(app: App) {
    if !app.working.get_untracked() {
        return;
    }
    app.cancelled.set(true);
    app.working.set(false);
    app.meter.set(None);
    map::halt(app);
    app.say("Cancelled. Figures already made stay.");
    post(app, &Job::Cancel);
}

fn listen(app: App, worker: &Worker) {
    let on_message = Closure::<dyn Fn(MessageEvent)>::new(move |message: MessageEvent| {
        let data = message.data();
        // A file or arrays ride beside their event.
        let file = browser::property(&data, "file");
        let arrays = browser::property(&data, "arrays").map(Array::unchecked_from_js).unwrap_or_default();
        let event = browser::property(&data, "event").unwrap_or(data);
        match serde_wasm_bindgen::from_value::<Event>(event) {
            Ok(Event::Saved { name }) => {
                if let Some(Err(message)) = file.map(|file| download::blob(&name, file.unchecked_ref())) {
                    app.fail(message);
                }
            }
            Ok(event) => take(app, event, &arrays),
            Err(error) => app.fail(format!(
                "The worker said something that this page does not understand ({error}). Page and worker are of different versions: reload the page."
            )),
        }
    });
    worker.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
    on_message.forget();

    // The browser writes it to its console as well, with the place.
    let on_error = Closure::<dyn Fn(web_sys::Event)>::new(move |event: web_sys::Event| {
        let message =
            event.dyn_ref::<ErrorEvent>().map(ErrorEvent::message).filter(|message| !message.is_empty());
        died(app, message.as_deref().unwrap_or("its script could not be loaded"));
    });
    worker.set_onerror(Some(on_error.as_ref().unchecked_ref()));
    on_error.forget();
}

fn take(app: App, event: Event, arrays: &Array) {
    let late = app.cancelled.get_untracked();
    match event {
        Event::Ready { badge, note } => {
            app.badge.set((badge, note));
            LINE.with_borrow_mut(|line| {
                line.ready = true;
                line.deaths = 0;
                if let Some(worker) = &line.worker {
                    for message in line.waiting.drain(..) {
                        drop(worker.post_message(&message));
                    }
                }
            });
        }
        Event::Files { rows } => app.files.set(rows),
        Event::Proposal(sheet) => {
            app.refused.set(None);
            app.sheet.set(Some(Arc::new(*sheet)));
            // Whoever is busy with another dialog finds it in the file table.
            if app.dialog.with_untracked(Option::is_none) {
                app.dialog.set(Some(Dialog::Mapping));
            }
        }
        Event::AnswerResult { refused: None, .. } => app.dialog.set(None),
        Event::AnswerResult { refused, line } => app.refused.set(refused.map(|refused| (refused, line))),
        Event::Progress(progress) if !late => {
            app.working.set(true);
            app.meter.update(|meter| *meter = Some(Meter::next(meter.as_ref(), progress, browser::now())));
        }
        Event::Report { json, complete: true } => {
            LINE.with_borrow_mut(|line| line.draft = None);
            map::forget(app);
            show(app, json, true);
            rest(app);
            app.say("The report is complete.");
        }
        Event::Report { json, complete: false } if !late => sharpen(app, json),
        Event::Progress(_) | Event::Report { .. } | Event::Saved { .. } => {}
        Event::Geometry { texts } => app.routers.set(GeometrySheet::read(texts).map(Arc::new)),
        Event::Alignment(alignment) => app.alignment.set(Some(Arc::new(*alignment))),
        Event::MapOrder { request_id, texts } => map::take_order(app, request_id, texts, arrays),
        Event::MapFrame(facts) => map::take_frame(app, *facts, arrays),
        Event::MapPoints { request_id } => map::take_points(app, request_id, arrays),
        Event::MapPart { rows, columns, checkpoint } => {
            map::take_part(app, checkpoint, rows, columns, arrays);
        }
        Event::MapPair { text } => app.map_pair.set(text),
        Event::Samples { samples, matching } => app.samples.set((samples, matching)),
        Event::Written { request_id, outcome } => {
            let waiting = LINE.with_borrow_mut(|line| line.written.remove(&request_id));
            if let Some(waiting) = waiting {
                // Whoever asked may have closed its dialog.
                drop(waiting.send(outcome));
            }
        }
        Event::Processor(processor) => app.processor.set(Some(processor)),
        Event::Cancelled | Event::Idle => {
            app.cancelled.set(false);
            rest(app);
        }
        Event::Failed { message } => {
            app.fail(message);
            rest(app);
        }
    }
}

/// Shows a report that is not complete yet: the first at once, the next ones when there was time to draw.
fn sharpen(app: App, json: String) {
    let waiting = LINE.with_borrow_mut(|line| line.draft.replace(json).is_some());
    if waiting {
        return;
    }
    let first = app.report.with_untracked(Option::is_none);
    let pause = if first { Duration::ZERO } else { BETWEEN_DRAFTS };
    set_timeout(
        move || {
            let draft = LINE.with_borrow_mut(|line| line.draft.take());
            if let Some(draft) = draft.filter(|_| !app.cancelled.get_untracked()) {
                show(app, draft, false);
            }
        },
        pause,
    );
}

fn show(app: App, json: String, complete: bool) {
    match report::parse_json(&json) {
        Ok(report) => {
            app.show(report, ReportText::Json(json), complete, Origin::Files);
            app.link.set(None);
        }
        Err(error) => app.fail(error.to_string()),
    }
}

fn rest(app: App) {
    app.working.set(false);
    app.meter.set(None);
}

fn died(app: App, message: &str) {
    let deaths = LINE.with_borrow_mut(|line| {
        if let Some(worker) = line.worker.take() {
            worker.terminate();
        }
        line.ready = false;
        line.waiting.clear();
        line.written.clear();
        line.deaths += 1;
        line.deaths
    });
    rest(app);
    app.cancelled.set(false);
    app.files.set(Vec::new());
    app.routers.set(None);
    app.alignment.set(None);
    if deaths < 3 {
        app.fail(format!("The worker stopped ({message}). A fresh one has been started: drop the files again. The report on the page stays."));
        start(app);
        settle(app);
    } else {
        app.fail(format!("The worker stopped again ({message}). Reload the page and leave out the file that was being read."));
    }
}
