//! Keyboard shortcuts. Each one also has a button; none acts while the user types.

use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use web_sys::{HtmlElement, KeyboardEvent};

use crate::analyst;
use crate::browser;
use crate::files;
use crate::present;
use crate::speaker;
use crate::state::{App, Dialog, Stage, View};
use crate::tour;
use crate::zoom;

/// All shortcuts with their descriptions, as the help dialog lists them.
pub const KEYS: [(&str, &str); 27] = [
    ("?", "show this help"),
    ("o", "open files"),
    ("e", "open the example run"),
    ("1", "Timeline"),
    ("2", "Layers"),
    ("3", "Pathways"),
    ("4, m", "Map"),
    ("f", "Flow"),
    ("w", "Tokens"),
    ("5", "Delays"),
    ("6", "Table"),
    ("7", "Compare, with a second run"),
    ("[ ]", "previous, next checkpoint"),
    ("j k", "next, previous layer"),
    ("arrows, + − 0, Enter", "on the map: move, zoom, compare the pair"),
    ("+ − 0", "on the Timeline: zoom about the checkpoint, show all"),
    ("r", "pin the checkpoint to compare with it"),
    ("/", "search samples"),
    ("t", "show charts as tables"),
    ("s", "share"),
    ("d", "export"),
    (",", "settings"),
    ("g", "tour of the report; arrow keys then switch its steps"),
    ("n", "speaker notes in a second window, which ends full screen until the next key or click"),
    ("p", "present; arrow keys then switch views and checkpoints"),
    ("space, q", "while presenting: play the checkpoints, show a QR code of the link"),
    ("Esc", "cancel, close"),
];

/// Installs the page's key listener.
pub fn install(app: App) {
    let closure = Closure::<dyn Fn(KeyboardEvent)>::new(move |event: KeyboardEvent| {
        if event.default_prevented() || event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        // While a dialog is open, only Esc acts. The browser closes the dialog too, but reports it
        // later, when the next key may already have arrived.
        if app.dialog.with_untracked(Option::is_some) {
            if event.key() == "Escape" {
                app.dialog.set(None);
                event.prevent_default();
            }
            return;
        }
        if is_typing(&event) {
            return;
        }
        if handle(app, &event.key(), on_control(&event)) {
            event.prevent_default();
        }
    });
    drop(browser::document().add_event_listener_with_callback("keydown", closure.as_ref().unchecked_ref()));
    closure.forget();
}

fn target(event: &KeyboardEvent) -> Option<HtmlElement> {
    event.target()?.dyn_into().ok()
}

fn is_typing(event: &KeyboardEvent) -> bool {
    target(event).is_some_and(|element| {
        element.is_content_editable()
            || match element.tag_name().as_str() {
                "TEXTAREA" | "SELECT" => true,
                "INPUT" => !matches!(
                    element.get_attribute("type").as_deref(),
                    Some("checkbox" | "radio" | "range" | "button" | "file")
                ),
                _ => false,
            }
    })
}

/// Whether the focused control uses arrow keys and space itself.
fn on_control(event: &KeyboardEvent) -> bool {
    target(event).is_some_and(|element| {
        let tag = element.tag_name();
        tag == "INPUT"
            || matches!(tag.as_str(), "BUTTON" | "A" | "SUMMARY") && !event.key().starts_with("Arrow")
            || element.get_attribute("role").is_some_and(|role| role == "grid")
    })
}

fn on_timeline(app: App) -> bool {
    app.view.get_untracked() == View::Timeline
}

fn handle(app: App, key: &str, on_control: bool) -> bool {
    let digit = View::ALL.into_iter().find(|view| view.key() == key);
    match key {
        "?" => app.dialog.set(Some(Dialog::Help)),
        "o" => browser::click("#file-input"),
        "Escape" if app.presenting.get_untracked() => present::stop(app),
        "Escape" if tour::is_open(app) => tour::close(app),
        "Escape" if app.working.get_untracked() => analyst::cancel(app),
        "e" if app.stage_now() == Stage::Empty => files::open_example(app),
        _ if app.stage_now() != Stage::Report => return false,
        "m" => return app.open(View::Map),
        "[" => app.step_checkpoint(false),
        "]" => app.step_checkpoint(true),
        "r" => app.toggle_pin(),
        "+" | "=" if on_timeline(app) => zoom::about_checkpoint(app, 0.5),
        "-" if on_timeline(app) => zoom::about_checkpoint(app, 2.0),
        "0" if on_timeline(app) => app.range.set(None),
        "j" => app.step_layer(true),
        "k" => app.step_layer(false),
        "/" if app.open(View::Pathways) => {
            request_animation_frame(|| browser::focus("#sample-search"));
        }
        "t" => app.twin.update(|twin| *twin = !*twin),
        "s" => app.dialog.set(Some(Dialog::Share)),
        "d" => app.dialog.set(Some(Dialog::Export)),
        "," => app.dialog.set(Some(Dialog::Settings)),
        "g" => tour::toggle(app),
        "n" => speaker::open_window(app),
        "p" => present::toggle(app),
        "q" => app.dialog.set(Some(Dialog::Code)),
        " " if app.presenting.get_untracked() && !on_control => present::play(app),
        "ArrowRight" | "ArrowLeft" if tour::is_open(app) && !on_control => {
            tour::turn(app, key == "ArrowRight");
        }
        "ArrowRight" | "PageDown" if app.presenting.get_untracked() && !on_control => {
            present::turn(app, true);
        }
        "ArrowLeft" | "PageUp" if app.presenting.get_untracked() && !on_control => {
            present::turn(app, false);
        }
        "ArrowDown" if app.presenting.get_untracked() && !on_control => app.step_checkpoint(true),
        "ArrowUp" if app.presenting.get_untracked() && !on_control => app.step_checkpoint(false),
        _ => return digit.is_some_and(|view| app.open(view)),
    }
    true
}
