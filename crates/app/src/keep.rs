//! Runs that this browser keeps: reports, and their files while they are small.

use std::cell::RefCell;
use std::sync::Arc;

use js_sys::Array;
use leptos::prelude::*;
use protocol::{FileState, Job, ReportText};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::File;

use crate::analyst;
use crate::browser;
use crate::format::counted;
use crate::link_state::{self, Fragment};
use crate::runs;
use crate::state::{App, Origin};

#[wasm_bindgen(module = "/src/keep.js")]
extern "C" {
    /// Whether this browser can keep runs.
    pub fn available() -> bool;
    #[wasm_bindgen(catch)]
    async fn save(id: f64, texts: Array, paths: Array, files: Array, urls: Array)
    -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    async fn list() -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    async fn load(id: f64) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch, js_name = reports)]
    async fn load_reports() -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    async fn remove(id: f64) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    async fn usage() -> Result<JsValue, JsValue>;
}

/// Holds `off` if the user does not want runs to be kept.
const SETTING: &str = "grokscope-keep";
/// Holds the id of the last run that was shown, and the fragment of its address.
const PLACE: &str = "grokscope-place";

/// Files with their paths, and URLs.
type Sources = (Vec<(String, File)>, Vec<String>);

thread_local! {
    /// Files and URLs of the run that the analyst has.
    static SOURCES: RefCell<Sources> = const { RefCell::new((Vec::new(), Vec::new())) };
}

/// A run in the list of kept runs.
#[derive(Clone, Debug, PartialEq)]
pub struct KeptRun {
    /// Id of the run.
    pub id: f64,
    /// Title, size of the run and time; empty if it cannot be opened.
    pub words: String,
}

/// Keeps complete reports of files, finished traces, and where the user was in them.
pub fn install(app: App) {
    if stored(SETTING).as_deref() == Some("off") {
        app.keeps.set(false);
    }
    let made = Memo::new(move |_| app.files.with(|rows| rows.iter().filter(|row| row.made).count()));
    let is_kept = move || app.origin.get() == Origin::Files && app.keeps.get() && available();
    Effect::new(move || {
        app.complete.track();
        // Traces that were computed here took longest: they are kept as soon as they are finished.
        if made.get() > 0 && is_kept() && runs::is_owned(app) {
            analyst::post(app, &Job::Traces);
        }
    });
    Effect::new(move |before: Option<(u32, usize)>| {
        // Traces arrive before the report that includes them: the run is kept again with that report.
        let checkpoints = app.with_report(|report| report.checkpoints.len()).unwrap_or(0);
        let now = (app.traces.get(), checkpoints);
        let done = app.complete.get() || now.0 > 0 && before != Some(now);
        let size = app.with_report(|report| {
            format!(
                "{} × {}",
                counted(report.checkpoints.len() as u64, "checkpoint", "checkpoints"),
                counted(report.run.samples as u64, "sample", "samples")
            )
        });
        if let Some(size) = size.filter(|_| done && is_kept()) {
            keep(app, size);
        }
        now
    });
    Effect::new(move || {
        let place = link_state::place(app).write();
        if app.report.with(Option::is_some) && app.complete.get() {
            store(PLACE, &format!("{} {place}", app.run_id.get()));
        }
    });
}

/// Stores whether finished runs are kept.
pub fn set_kept(app: App, keeps: bool) {
    app.keeps.set(keeps);
    store(SETTING, if keeps { "on" } else { "off" });
}

fn keep(app: App, size: String) {
    let (Some(report), Some(text)) = (app.report.get_untracked(), app.text.get_value()) else { return };
    let ReportText::Json(json) = text.as_ref() else { return };
    let id = app.run_id.get_untracked();
    let texts = Array::of3(&report.title.as_str().into(), &size.into(), &json.as_str().into());
    let (paths, files, urls) = (Array::new(), Array::new(), Array::new());
    SOURCES.with_borrow(|(sources, addresses)| {
        for (path, file) in sources {
            let is_used = app.files.with_untracked(|rows| {
                rows.iter().any(|row| row.state == FileState::Used && !row.checkpoint && row.path == *path)
            });
            if is_used {
                paths.push(&path.as_str().into());
                files.push(file);
            }
        }
        runs::with_traces(|traces| {
            for (name, trace) in traces {
                paths.push(&name.as_str().into());
                files.push(trace);
            }
        });
        // Other servers would see a request that the user did not make.
        for url in addresses.iter().filter(|url| url.starts_with(&link_state::base())) {
            urls.push(&url.as_str().into());
        }
    });
    spawn_local(async move {
        match save(id, texts, paths, files, urls).await {
            Ok(_) => {
                let is_shown = app
                    .report
                    .with_untracked(|now| now.as_ref().is_some_and(|now| Arc::ptr_eq(now, &report)));
                if is_shown {
                    app.saved.set(true);
                }
                runs::change(id, |run| {
                    run.saved |= run.report.as_ref().is_some_and(|held| Arc::ptr_eq(held, &report));
                });
            }
            Err(error) => app.notice.set(Some(format!(
                "The run could not be kept in this browser ({}). Export it to save it.",
                browser::reason(&error)
            ))),
        }
    });
}

/// Notes files that are sent to the analyst.
pub fn add_files(files: &[(String, File)]) {
    SOURCES.with_borrow_mut(|sources| sources.0.extend(files.iter().cloned()));
}

/// Notes URLs that are sent to the analyst.
pub fn add_urls(urls: &[String]) {
    SOURCES.with_borrow_mut(|sources| sources.1.extend(urls.iter().cloned()));
}

/// Forgets files and URLs with the run.
pub fn forget_files() {
    SOURCES.take();
}

/// The kept runs, newest first, and the storage used; a message if they cannot be listed.
pub async fn kept() -> Result<(Vec<KeptRun>, String), String> {
    let failed = |error: JsValue| format!("Kept runs cannot be listed ({}).", browser::reason(&error));
    let found: Array = list().await.map_err(failed)?.unchecked_into();
    let runs = found.iter().map(|run| {
        let word =
            |name: &str| browser::property(&run, name).and_then(|word| word.as_string()).unwrap_or_default();
        let broken = browser::property(&run, "broken").is_some_and(|broken| broken.is_truthy());
        let title = Some(word("title"))
            .filter(|title| !title.is_empty())
            .unwrap_or_else(|| "Untitled run".to_owned());
        let words =
            if broken { String::new() } else { format!("{title} · {} · {}", word("facts"), word("when")) };
        KeptRun { id: browser::property(&run, "id").and_then(|id| id.as_f64()).unwrap_or_default(), words }
    });
    let runs = runs.collect();
    Ok((runs, usage().await.ok().and_then(|usage| usage.as_string()).unwrap_or_default()))
}

/// The reports of the kept runs, newest first.
///
/// # Errors
/// A message for the user.
pub async fn reports() -> Result<Vec<ReportText>, String> {
    let failed = |error: JsValue| format!("Kept runs cannot be read ({}).", browser::reason(&error));
    let texts: Array = load_reports().await.map_err(failed)?.unchecked_into();
    Ok(texts.iter().filter_map(|text| text.as_string()).map(ReportText::Json).collect())
}

/// Removes a kept run; all of them for 0.
///
/// # Errors
/// A message for the user.
pub async fn discard(id: f64) -> Result<(), String> {
    remove(id)
        .await
        .map(drop)
        .map_err(|error| format!("The kept run could not be removed ({}).", browser::reason(&error)))
}

/// Shows a kept run. If its files are kept too, the analyst reads them again.
pub fn open(app: App, id: f64) {
    spawn_local(async move {
        if let Err(reason) = show(app, id).await {
            app.fail(format!("This kept run cannot be opened ({reason}). Remove it from the list."));
        }
    });
}

async fn show(app: App, id: f64) -> Result<(), String> {
    let run = load(id).await.map_err(|error| browser::reason(&error))?;
    let word =
        |name: &str| browser::property(&run, name).and_then(|word| word.as_string()).unwrap_or_default();
    let items = |name: &str| browser::property(&run, name).map(Array::unchecked_from_js).unwrap_or_default();
    let text = word("report");
    let mut report = crate::codec::read_json(&text)?;
    report.title = word("title");
    let title = report.title.clone();
    let paths: Vec<String> = items("paths").iter().filter_map(|path| path.as_string()).collect();
    let files: Vec<File> = items("files").iter().map(JsCast::unchecked_into).collect();
    let urls: Vec<String> = items("urls").iter().filter_map(|url| url.as_string()).collect();
    // Also a safeguard: nothing else may be fetched.
    let own = urls.iter().all(|url| url.starts_with(&link_state::base()));
    let has_files = own && (!files.is_empty() || !urls.is_empty());
    if let Some(place) = stored(PLACE)
        && let Some(place) = place.strip_prefix(&format!("{id} "))
    {
        link_state::set_pending(app, &Fragment::parse(place));
    }
    app.run_id.set(id);
    app.saved.set(true);
    app.show(report, ReportText::Json(text), true, if has_files { Origin::Files } else { Origin::Kept });
    link_state::apply_pending(app);
    app.say("The kept run was opened.");
    if has_files {
        runs::own(id);
        runs::set_restoring(true);
        SOURCES.set((paths.iter().cloned().zip(files.iter().cloned()).collect(), urls.clone()));
        analyst::post(app, &Job::Rename { title });
        analyst::sync_settings(app);
        if !files.is_empty() {
            analyst::work(app, &Job::AddFiles { paths }, &files);
        }
        if !urls.is_empty() {
            analyst::work(app, &Job::AddUrls { urls }, &[]);
        }
    }
    Ok(())
}

fn stored(key: &str) -> Option<String> {
    browser::window().local_storage().ok().flatten()?.get_item(key).ok().flatten()
}

fn store(key: &str, value: &str) {
    if let Ok(Some(storage)) = browser::window().local_storage() {
        // Without storage, the value lasts until the page is closed.
        drop(storage.set_item(key, value));
    }
}
