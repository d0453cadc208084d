//! Presentation mode: full screen, screen lock, large type, one view at a time.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::browser;
use crate::chart_options;
use crate::state::App;
use crate::tour;
use crate::zoom;

/// Milliseconds that playing the whole run takes.
const WHOLE_RUN: f64 = 20_000.0;

/// Least milliseconds per checkpoint.
const SHORTEST_PAUSE: f64 = 120.0;

thread_local! {
    /// The screen wake lock, while it is held.
    static WAKE_LOCK: RefCell<Option<JsValue>> = const { RefCell::new(None) };
    /// Whether the window of the notes ended full screen.
    static INTERRUPTED: Cell<bool> = const { Cell::new(false) };
}

#[wasm_bindgen(module = "/src/speaker.js")]
extern "C" {
    /// Whether the window of the notes was opened a moment ago, which ends full screen.
    fn opening() -> bool;
}

/// Starts or stops presenting.
pub fn toggle(app: App) {
    if app.presenting.get_untracked() { stop(app) } else { start(app) }
}

fn start(app: App) {
    app.presenting.set(true);
    app.say("Presenting. Arrow keys switch views and checkpoints, Escape ends.");
    enter_fullscreen();
    spawn_local(async {
        let navigator = JsValue::from(browser::window().navigator());
        if let Some(lock) = browser::property(&navigator, "wakeLock")
            && let Ok(held) = browser::call_later(&lock, "request", &[JsValue::from_str("screen")]).await
        {
            WAKE_LOCK.set(Some(held));
        }
    });
}

fn enter_fullscreen() {
    spawn_local(async {
        if let Some(root) = browser::document().document_element() {
            // If full screen is refused, the page presents inside its window.
            drop(browser::call_later(&root, "requestFullscreen", &[]).await);
        }
    });
}

/// Stops presenting.
pub fn stop(app: App) {
    app.presenting.set(false);
    INTERRUPTED.set(false);
    app.playing.set(false);
    if is_fullscreen() {
        spawn_local(async {
            // The browser may have left full screen already.
            drop(browser::call_later(&browser::document(), "exitFullscreen", &[]).await);
        });
    }
    if let Some(held) = WAKE_LOCK.take() {
        drop(browser::call(&held, "release", &[]));
    }
}

/// Whether the page is in full screen.
fn is_fullscreen() -> bool {
    browser::property(&browser::document(), "fullscreenElement").is_some()
}

/// Shows the next or previous step of the open tour, or else the next or previous view. Without a report, the window of
/// the notes may still ask for it.
pub fn turn(app: App, forward: bool) {
    if app.report.with_untracked(Option::is_none) {
        return;
    }
    if tour::is_open(app) {
        tour::turn(app, forward);
    } else {
        app.view.update(|view| *view = untrack(|| view.adjacent(forward, app)));
    }
}

/// Starts or stops stepping through the checkpoints.
pub fn play(app: App) {
    app.playing.update(|playing| *playing = !*playing);
    let last =
        app.report.with_untracked(|report| report.as_ref().map_or(0, |report| report.checkpoints.len()));
    if app.playing.get_untracked() && app.checkpoint.get_untracked() + 1 >= last {
        app.checkpoint.set(0);
    }
}

/// Follows the window's height, stops presenting when full screen ends, and steps through the checkpoints while playing.
pub fn install(app: App) {
    let closure = Closure::<dyn Fn()>::new(move || {
        if is_fullscreen() {
            INTERRUPTED.set(false);
        } else if app.presenting.get_untracked() {
            if opening() { INTERRUPTED.set(true) } else { stop(app) }
        }
    });
    drop(
        browser::document()
            .add_event_listener_with_callback("fullscreenchange", closure.as_ref().unchecked_ref()),
    );
    closure.forget();

    // Browsers end full screen when a window opens, and allow it again only for a key or a click.
    let closure = Closure::<dyn Fn(web_sys::Event)>::new(move |event: web_sys::Event| {
        let key = browser::property(&event, "key").and_then(|key| key.as_string());
        if INTERRUPTED.get() && key.is_none_or(|key| key != "Escape" && key != "p" && key != "n") {
            enter_fullscreen();
        }
    });
    for kind in ["keydown", "pointerup"] {
        drop(browser::document().add_event_listener_with_callback(kind, closure.as_ref().unchecked_ref()));
    }
    closure.forget();

    let measure = move || {
        // Coarse, so that charts are not redrawn at every pixel.
        let height = browser::window().inner_height().ok().and_then(|height| height.as_f64()).unwrap_or(0.0);
        let height = height as u32 / 20 * 20;
        if app.height.get_untracked() != height {
            app.height.set(height);
        }
    };
    measure();
    let closure = Closure::<dyn Fn()>::new(measure);
    drop(browser::window().add_event_listener_with_callback("resize", closure.as_ref().unchecked_ref()));
    closure.forget();

    Effect::new(move |timer: Option<Option<TimeoutHandle>>| {
        if let Some(Some(timer)) = timer {
            timer.clear();
        }
        if !app.playing.get() {
            return None;
        }
        let Some(pause) = pause(app) else {
            app.playing.set(false);
            return None;
        };
        set_timeout_with_handle(move || app.step_checkpoint(true), Duration::from_millis(pause as u64)).ok()
    });
}

/// Milliseconds until the next checkpoint is shown; none at the last. The whole run takes about
/// twenty seconds, at the pace of its axis: dense checkpoints follow each other faster.
pub fn pause(app: App) -> Option<f64> {
    let here = app.checkpoint.get();
    let scale = zoom::whole(app)?;
    let axis = chart_options::axis(app.axis.get());
    let places = app.with_report(|report| axis.places(report))?;
    let (from, to) = (*places.get(here)?, *places.get(here + 1)?);
    Some(((scale.share(to as f64) - scale.share(from as f64)) * WHOLE_RUN).max(SHORTEST_PAUSE))
}
