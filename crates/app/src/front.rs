//! The page without files. It is static HTML in `index.html`, so it is painted before this program has started.

use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use web_sys::{Element, MouseEvent};

use crate::browser;
use crate::clipboard;
use crate::files;
use crate::follow;
use crate::panels::kept::KeepSwitch;
use crate::state::{App, Dialog, Stage};

/// Shows the static part while there are no files, and makes its buttons work.
pub fn install(app: App) {
    let Some(front) = browser::document().get_element_by_id("front") else { return };
    drop(front.remove_attribute("inert"));
    if let Some(place) = browser::document().get_element_by_id("keep").and_then(|place| place.dyn_into().ok())
    {
        leptos::mount::mount_to(place, move || {
            provide_context(app);
            view! { <KeepSwitch/> }
        })
        .forget();
    }
    let shown = front.clone();
    Effect::new(move || drop(shown.toggle_attribute_with_force("hidden", app.stage() != Stage::Empty)));
    let closure = Closure::<dyn Fn(MouseEvent)>::new(move |event: MouseEvent| {
        let button = event
            .target()
            .and_then(|target| target.dyn_into::<Element>().ok())
            .and_then(|target| target.closest("[data-action]").ok().flatten());
        let Some(button) = button else { return };
        match button.get_attribute("data-action").as_deref() {
            Some("example") => files::open_example(app),
            Some("files") => browser::click("#file-input"),
            Some("folder") => browser::click("#folder-input"),
            Some("follow") => follow::choose_folder(app),
            Some("about") => {
                event.prevent_default();
                app.dialog.set(Some(Dialog::About));
            }
            Some("address") => app.dialog.set(Some(Dialog::Address)),
            Some("copy") => {
                let lines = button.previous_element_sibling().and_then(|lines| lines.text_content());
                clipboard::copy(app, lines.unwrap_or_default());
            }
            _ => {}
        }
    });
    drop(front.add_event_listener_with_callback("click", closure.as_ref().unchecked_ref()));
    closure.forget();
}
