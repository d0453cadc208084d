//! Light and dark theme: the system's preference or the user's.

use leptos::prelude::*;
use wasm_bindgen::prelude::*;

use crate::browser;
use crate::state::{App, Theme};

const STORAGE_KEY: &str = "grokscope-theme";

/// Applies the theme and the font scale to the root element, and follows the system's preference.
pub fn install(app: App) {
    if let Some(theme) = stored() {
        app.theme.set(theme);
    }
    let system = RwSignal::new(false);
    if let Ok(Some(query)) = browser::window().match_media("(prefers-color-scheme: dark)") {
        system.set(query.matches());
        let watched = query.clone();
        let closure = Closure::<dyn Fn()>::new(move || system.set(watched.matches()));
        query.set_onchange(Some(closure.as_ref().unchecked_ref()));
        closure.forget();
    }
    Effect::new(move || {
        let dark = match app.theme.get() {
            Theme::System => system.get(),
            Theme::Light => false,
            Theme::Dark => true,
        };
        if app.dark.get_untracked() != dark {
            app.dark.set(dark);
        }
        if let Some(root) = browser::document().document_element() {
            drop(root.set_attribute("data-theme", if dark { "dark" } else { "light" }));
        }
    });
    Effect::new(move || {
        let scale = app.scale.get() * if app.presenting.get() { 1.6 } else { 1.0 };
        if let Some(root) = browser::document().document_element()
            && let Ok(root) = root.dyn_into::<web_sys::HtmlElement>()
        {
            drop(root.style().set_property("--scale", &scale.to_string()));
        }
    });
}

/// Switches to the next theme and stores it in this browser.
pub fn next(app: App) {
    let next = match app.theme.get_untracked() {
        Theme::System => Theme::Dark,
        Theme::Dark => Theme::Light,
        Theme::Light => Theme::System,
    };
    app.theme.set(next);
    if let Ok(Some(storage)) = browser::window().local_storage() {
        // Without storage, the theme lasts until the page is closed.
        drop(storage.set_item(STORAGE_KEY, next.slug()));
    }
}

fn stored() -> Option<Theme> {
    let storage = browser::window().local_storage().ok().flatten()?;
    Theme::from_slug(&storage.get_item(STORAGE_KEY).ok().flatten()?)
}
