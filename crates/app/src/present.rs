//! On stage: full screen, a lit screen, large type, one view at a time.

use std::cell::RefCell;
use std::time::Duration;

use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::browser;
use crate::state::App;

thread_local! {
    /// The browser's promise to leave the screen lit, while it is held.
    static LIT: RefCell<Option<JsValue>> = const { RefCell::new(None) };
}

/// On stage, or off it.
pub fn toggle(app: App) {
    if app.presenting.get_untracked() { stop(app) } else { start(app) }
}

fn start(app: App) {
    app.presenting.set(true);
    app.say("Presenting. Arrow keys step, Escape ends.");
    spawn_local(async {
        if let Some(root) = browser::document().document_element() {
            // Without full screen the page presents inside its window.
            drop(browser::call_later(&root, "requestFullscreen", &[]).await);
        }
    });
    spawn_local(async {
        let navigator = JsValue::from(browser::window().navigator());
        if let Some(lock) = browser::property(&navigator, "wakeLock")
            && let Ok(held) = browser::call_later(&lock, "request", &[JsValue::from_str("screen")]).await
        {
            LIT.set(Some(held));
        }
    });
}

/// Off stage.
pub fn stop(app: App) {
    app.presenting.set(false);
    app.playing.set(false);
    if is_full() {
        spawn_local(async {
            // The browser may have left it by itself meanwhile.
            drop(browser::call_later(&browser::document(), "exitFullscreen", &[]).await);
        });
    }
    if let Some(held) = LIT.take() {
        drop(browser::call(&held, "release", &[]));
    }
}

/// Whether the page has the whole screen.
fn is_full() -> bool {
    browser::property(&browser::document(), "fullscreenElement").is_some()
}

/// Lets the cursor walk through the checkpoints, or stops it.
pub fn play(app: App) {
    app.playing.update(|playing| *playing = !*playing);
    let last =
        app.report.with_untracked(|report| report.as_ref().map_or(0, |report| report.checkpoints.len()));
    if app.playing.get_untracked() && app.checkpoint.get_untracked() + 1 >= last {
        app.checkpoint.set(0);
    }
}

/// Keeps stage and browser in step: leaving full screen leaves the stage, playing ticks.
pub fn install(app: App) {
    let closure = Closure::<dyn Fn()>::new(move || {
        if !is_full() && app.presenting.get_untracked() {
            stop(app);
        }
    });
    drop(
        browser::document()
            .add_event_listener_with_callback("fullscreenchange", closure.as_ref().unchecked_ref()),
    );
    closure.forget();

    Effect::new(move |timer: Option<Option<IntervalHandle>>| {
        if let Some(Some(timer)) = timer {
            timer.clear();
        }
        if !app.playing.get() {
            return None;
        }
        // One checkpoint a second: slow enough to talk over, fast enough to see the course.
        set_interval_with_handle(
            move || {
                let last = app
                    .report
                    .with_untracked(|report| report.as_ref().map_or(0, |report| report.checkpoints.len()));
                if app.checkpoint.get_untracked() + 1 >= last {
                    app.playing.set(false);
                } else {
                    app.step_checkpoint(true);
                }
            },
            Duration::from_secs(1),
        )
        .ok()
    });
}
