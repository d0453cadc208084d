//! Speaker notes in a second window, which follows this page and drives it.

use leptos::prelude::*;
use wasm_bindgen::prelude::*;

use crate::format::count;
use crate::present;
use crate::state::{App, View};
use crate::tour;

#[wasm_bindgen(module = "/src/speaker.js")]
extern "C" {
    /// Opens the window, which calls back with what its buttons ask for; false if the browser blocks it.
    fn open(drive: &JsValue) -> bool;
    /// Sends what the window shows: view, step, heading, text, limits and what is next.
    fn tell(
        place: &str,
        heading: &str,
        text: &str,
        limits: &str,
        next: &str,
        presenting: bool,
        playing: bool,
    );
}

/// Opens the window of the notes, or brings it to the front.
pub fn open_window(app: App) {
    let drive = Closure::<dyn Fn(String)>::new(move |command: String| match command.as_str() {
        "next" => present::turn(app, true),
        "previous" => present::turn(app, false),
        _ => present::play(app),
    });
    if open(&drive.into_js_value()) {
        app.speaker.set(true);
    } else {
        app.fail(
            "The browser blocked the window of the notes. Allow pop-ups for this page and press n again.",
        );
    }
}

/// Sends what changes to the window once it was opened.
pub fn install(app: App) {
    Effect::new(move || {
        if app.speaker.get() {
            send(app);
        }
    });
}

fn send(app: App) {
    let view = app.view.get();
    let here = app.checkpoint.get();
    let place = app
        .with_report(|report| {
            let step = report.checkpoints.get(here).map_or(0, |checkpoint| checkpoint.step);
            let (at, all) = (here + 1, report.checkpoints.len());
            format!("{}, step {} (checkpoint {at} of {all})", view.title(), count(step))
        })
        .unwrap_or_default();
    let (heading, text, limits) = match tour::step(app, 0) {
        Some(step) => (step.title, step.shows, step.limits),
        None => (String::new(), verdict(app, view), String::new()),
    };
    let next = if app.tour.get().is_some() {
        tour::step(app, 1).map_or_else(|| "the tour ends here".to_owned(), |step| step.title)
    } else {
        match view.adjacent(true, app) {
            next if next == view => "this is the last view".to_owned(),
            next => next.title().to_owned(),
        }
    };
    tell(&place, &heading, &text, &limits, &next, app.presenting.get(), app.playing.get());
}

/// The lines of the verdict about what is on the screen: of one domain in views that show one.
fn verdict(app: App, view: View) -> String {
    let lines = app.with_report(figures::verdict).unwrap_or_default();
    let opening = format!("{}: ", app.domain.get());
    let one = matches!(view, View::Layers | View::Delays | View::Flow | View::Tokens);
    let shown = lines.into_iter().filter(|line| !one || line.starts_with(&opening));
    shown.collect::<Vec<_>>().join("\n")
}
