//! Opening files: dropped, chosen, from URLs, from the example run.

use js_sys::{Array, Function, Promise};
use leptos::prelude::*;
use protocol::Job;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{
    DataTransfer, DragEvent, File, FileSystemDirectoryEntry, FileSystemEntry, FileSystemFileEntry,
    HtmlInputElement, Response,
};

use crate::analyst;
use crate::browser;
use crate::session::{self, Incoming};
use crate::state::App;

/// Maximum number of files in one drop.
const MAX_FILES: usize = 20_000;

/// Makes the whole page a drop target.
pub fn install(app: App) {
    listen("dragover", move |event: &DragEvent| {
        event.prevent_default();
        if !app.dragging.get_untracked() {
            app.dragging.set(true);
        }
    });
    listen("dragleave", move |event: &DragEvent| {
        // The related target is absent only when the pointer leaves the window.
        if event.related_target().is_none() {
            app.dragging.set(false);
        }
    });
    listen("drop", move |event: &DragEvent| {
        event.prevent_default();
        app.dragging.set(false);
        if let Some(data) = event.data_transfer() {
            open_dropped(app, &data);
        }
    });
}

fn listen(name: &str, handle: impl Fn(&DragEvent) + 'static) {
    let closure = Closure::<dyn Fn(DragEvent)>::new(move |event: DragEvent| handle(&event));
    drop(browser::document().add_event_listener_with_callback(name, closure.as_ref().unchecked_ref()));
    // The listener is never removed.
    closure.forget();
}

/// Opens dropped files. Entries must be collected during the event; folders are walked afterwards.
fn open_dropped(app: App, data: &DataTransfer) {
    let items = data.items();
    let mut entries = Vec::new();
    for place in 0..items.length() {
        let Some(item) = items.get(place) else { continue };
        if let Ok(Some(entry)) = item.webkit_get_as_entry() {
            entries.push(entry);
        }
    }
    if entries.is_empty() {
        let files = data.files().map(|list| list_of(&list)).unwrap_or_default();
        add(app, files);
        return;
    }
    spawn_local(async move {
        let mut files = Vec::new();
        for entry in entries {
            if let Err(message) = collect_files(entry, &mut files).await {
                app.fail(message);
            }
        }
        add(app, files);
    });
}

/// Collects a dropped file, or all files below a dropped folder, sorted by name.
async fn collect_files(entry: FileSystemEntry, files: &mut Vec<(String, File)>) -> Result<(), String> {
    let mut waiting = vec![entry];
    while let Some(entry) = waiting.pop() {
        let path = entry.full_path().trim_start_matches('/').to_owned();
        if entry.name().starts_with('.') {
            continue;
        }
        if files.len() >= MAX_FILES {
            return Err(format!(
                "{path}: more than {MAX_FILES} files were dropped at once. Drop only the folder with the traces; the first {MAX_FILES} are read."
            ));
        }
        let failed = |error: JsValue| {
            format!(
                "{path}: the browser could not open it ({}). It may have been moved or changed: drop it again.",
                browser::reason(&error)
            )
        };
        if entry.is_directory() {
            let reader = entry.unchecked_into::<FileSystemDirectoryEntry>().create_reader();
            let mut inside = Vec::new();
            loop {
                // A reader returns entries in batches until a batch is empty.
                let batch = promise(|resolve, reject| {
                    reader.read_entries_with_callback_and_callback(resolve, reject)
                });
                let batch = Array::from(&JsFuture::from(batch).await.map_err(failed)?);
                if batch.length() == 0 {
                    break;
                }
                inside.extend(batch.iter().map(JsCast::unchecked_into::<FileSystemEntry>));
            }
            inside.sort_by_key(FileSystemEntry::full_path);
            waiting.extend(inside.into_iter().rev());
        } else {
            let entry = entry.unchecked_into::<FileSystemFileEntry>();
            let file = promise(|resolve, reject| {
                entry.file_with_callback_and_callback(resolve, reject);
                Ok(())
            });
            let file = JsFuture::from(file).await.map_err(failed)?;
            files.push((path, file.unchecked_into()));
        }
    }
    Ok(())
}

fn promise(start: impl Fn(&Function, &Function) -> Result<(), JsValue>) -> Promise {
    Promise::new(&mut |resolve, reject| {
        if let Err(error) = start(&resolve, &reject) {
            drop(reject.call1(&JsValue::NULL, &error));
        }
    })
}

fn list_of(list: &web_sys::FileList) -> Vec<(String, File)> {
    (0..list.length())
        .filter_map(|place| list.get(place))
        .map(|file| {
            let inside = browser::property(&file, "webkitRelativePath").and_then(|path| path.as_string());
            let path = inside.filter(|path| !path.is_empty()).unwrap_or_else(|| file.name());
            (path, file)
        })
        .filter(|(path, _)| !path.split('/').any(|part| part.starts_with('.')))
        .collect()
}

/// Opens the files of a file input and clears it, so the same files can be chosen again.
pub fn open_picked(app: App, input: &HtmlInputElement) {
    let files = input.files().map(|list| list_of(&list)).unwrap_or_default();
    add(app, files);
    input.set_value("");
}

/// Opens files; the user answers what they are for if a report is shown.
pub fn add(app: App, files: Vec<(String, File)>) {
    read(app, files, session::receive);
}

/// Opens files that the user agreed to: they replace the report that is shown.
pub fn open(app: App, files: Vec<(String, File)>) {
    read(app, files, session::replace);
}

/// Sends files to the analyst; a single export is opened by the page itself.
fn read(app: App, files: Vec<(String, File)>, receive: fn(App, Incoming)) {
    if files.is_empty() {
        app.fail("No files were found. Drop trace files or a folder that contains some.");
        return;
    }
    if let [(path, file)] = files.as_slice()
        && [".json", ".html"].iter().any(|ending| path.to_ascii_lowercase().ends_with(ending))
    {
        let (path, file) = (path.clone(), file.clone());
        spawn_local(async move {
            if !open_export(app, &path, &file, receive).await {
                receive(app, Incoming::Files(vec![(path, file)]));
            }
        });
        return;
    }
    receive(app, Incoming::Files(files));
}

/// Opens a JSON or HTML export of Grokscope; returns `false` for any other file, which the analyst reads.
async fn open_export(app: App, path: &str, file: &File, receive: fn(App, Incoming)) -> bool {
    const MAX_BYTES: f64 = 256.0 * 1024.0 * 1024.0;
    if file.size() > MAX_BYTES {
        return false;
    }
    let Ok(text) = browser::call_later(file, "text", &[]).await else { return false };
    let Some(text) = text.as_string() else { return false };
    let inside = report::export::json_in_html(&text).map(|json| json.trim().to_owned());
    let text = inside.unwrap_or(text);
    if !text.get(..4096).unwrap_or(&text).contains(report::FORMAT) {
        return false;
    }
    match crate::codec::read_json(&text) {
        Ok(report) => {
            receive(app, Incoming::Report(Box::new(report), text));
        }
        Err(message) => app.fail(format!("{path}: {message}")),
    }
    true
}

/// Opens URLs that the user entered or confirmed.
pub fn add_urls(app: App, urls: Vec<String>) {
    session::receive(app, Incoming::Urls(urls));
}

/// Opens the example run: fetches its list of files, then the files.
pub fn open_example(app: App) {
    app.cancelled.set(false);
    app.working.set(true);
    spawn_local(async move {
        match example_urls().await {
            Ok((title, urls)) => {
                if let Some(title) = title {
                    analyst::post(app, &Job::Rename { title });
                }
                add_urls(app, urls);
                app.is_example.set(app.dialog.with_untracked(Option::is_none));
            }
            Err(message) => {
                app.working.set(false);
                app.fail(message);
            }
        }
    });
}

async fn example_urls() -> Result<(Option<String>, Vec<String>), String> {
    let address = browser::absolute("./example/index.json");
    let list = fetch_json(&address).await.map_err(|error| {
        if error.starts_with("the server") {
            format!("The example run could not be loaded from {address} ({error}). Check that the server has the page’s folder “example”.")
        } else {
            "You are offline, or the server is, and the example was not kept. Connect and open it once, or keep it from the help (?)."
                .to_owned()
        }
    })?;
    let names = browser::property(&list, "files").map(|files| Array::from(&files)).unwrap_or_default();
    let urls: Vec<String> = names
        .iter()
        .filter_map(|name| name.as_string())
        .map(|name| browser::absolute(&format!("./example/{name}")))
        .collect();
    if urls.is_empty() {
        return Err(format!("{address} lists no files: expected file names in “files”."));
    }
    Ok((browser::property(&list, "title").and_then(|title| title.as_string()), urls))
}

async fn fetch_json(address: &str) -> Result<JsValue, String> {
    let failed = |error: JsValue| browser::reason(&error);
    let answer = JsFuture::from(browser::window().fetch_with_str(address)).await.map_err(failed)?;
    let answer: Response = answer.unchecked_into();
    if !answer.ok() {
        return Err(format!("the server answered with status {}", answer.status()));
    }
    JsFuture::from(answer.json().map_err(failed)?).await.map_err(failed)
}
