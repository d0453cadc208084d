//! Follows a folder that a training writes to: new files are added to the run as they appear.
//!
//! Other parts of the page only set and clear `App::followed`.

use std::time::Duration;

use js_sys::Array;
use leptos::prelude::*;
use protocol::Job;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::analyst;
use crate::browser;
use crate::session::{self, Incoming};
use crate::state::{App, Followed, Origin};

/// Called with addresses, times of change in seconds, a title, and what failed.
type Tell = Closure<dyn Fn(Array, Array, String, String)>;

#[wasm_bindgen(module = "/src/follow.js")]
extern "C" {
    fn follow(folder: &str, seconds: u32, tell: &Tell);
    fn stop();
    #[wasm_bindgen(catch)]
    async fn choose() -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    async fn read(paths: &Array) -> Result<JsValue, JsValue>;
}

/// Seconds between two updates of the times that are shown.
const TICK: u64 = 5;

/// Seconds between two looks into a folder of this machine.
const LOCAL_SECONDS: u32 = 5;

/// Follows the folder that the page's state names, whichever part of the page set it.
pub fn install(app: App) {
    let named = Memo::new(move |_| app.followed.with(|followed| followed.as_ref().map(Followed::identity)));
    Effect::new(move || {
        if named.get().is_none() {
            return stop();
        }
        if let Some(Followed { folder, seconds, is_local, .. }) = app.followed.get_untracked() {
            start(app, folder, seconds, is_local);
        }
    });
    let tick = move || {
        if app.followed.with_untracked(Option::is_some) {
            app.followed.update(|followed| followed.iter_mut().for_each(|followed| followed.now = now()));
        }
    };
    set_interval(tick, Duration::from_secs(TICK));
}

/// Follows a folder, in place of the one that was followed before.
fn start(app: App, folder: String, seconds: u32, is_local: bool) {
    let address = if is_local { String::new() } else { folder.clone() };
    let tell = Tell::new(move |addresses: Array, times: Array, title: String, failed: String| {
        let mut added = Vec::new();
        let mut is_first = false;
        app.followed.update(|followed| {
            let Some(followed) = followed.as_mut().filter(|followed| followed.folder == folder) else {
                return;
            };
            followed.now = now();
            if !failed.is_empty() {
                followed.failed = Some(failed);
                return;
            }
            is_first = followed.known.is_empty();
            // Another report was opened meanwhile: it stays until the user resumes.
            followed.paused |=
                app.report.with_untracked(Option::is_some) && app.origin.get_untracked() != Origin::Files;
            let time = |at: usize| times.get(at as u32).as_f64();
            let listed = addresses.iter().enumerate();
            added = followed.take(listed.filter_map(|(at, address)| Some((address.as_string()?, time(at)))));
        });
        if !added.is_empty() {
            if is_first && !title.is_empty() {
                analyst::post(app, &Job::Rename { title });
            }
            add(app, added);
        }
    });
    follow(&address, seconds, &tell);
    // Called for as long as the page is open.
    tell.forget();
}

/// Lets new files wait, or adds those that waited.
pub fn pause(app: App, paused: bool) {
    let mut added = Vec::new();
    app.followed.update(|followed| {
        if let Some(followed) = followed {
            followed.paused = paused;
            if !paused {
                added = std::mem::take(&mut followed.waiting);
            }
        }
    });
    if !added.is_empty() {
        add(app, added);
    }
}

/// Asks for a folder of this machine, and follows it.
pub fn choose_folder(app: App) {
    spawn_local(async move {
        match choose().await {
            Ok(name) => {
                if let Some(name) = name.as_string() {
                    app.follow_folder(name, LOCAL_SECONDS, true);
                }
            }
            Err(error) => app.fail(format!("The folder could not be opened ({}).", browser::reason(&error))),
        }
    });
}

/// Adds files of the followed folder, by their addresses or paths.
fn add(app: App, named: Vec<String>) {
    if !app.followed.with_untracked(|followed| followed.as_ref().is_some_and(|followed| followed.is_local)) {
        return session::add_followed(app, Incoming::Urls(named));
    }
    spawn_local(async move {
        match read(&named.iter().map(JsValue::from).collect()).await {
            Ok(files) => {
                let files = Array::from(&files).into_iter().filter_map(|file| file.dyn_into().ok());
                session::add_followed(app, Incoming::Files(named.into_iter().zip(files).collect()));
            }
            Err(error) => app.fail(format!(
                "New files of the followed folder could not be read ({}). Reload the page and choose the folder again.",
                browser::reason(&error)
            )),
        }
    });
}

/// Seconds since 1970.
fn now() -> f64 {
    js_sys::Date::now() / 1000.0
}
