//! Dark and light: the system's wish, or the reader's own.

use leptos::prelude::*;
use wasm_bindgen::prelude::*;

use crate::browser;
use crate::state::{App, Theme};

const KEPT_AS: &str = "grokscope-theme";

/// Follows the system and the reader, and writes the outcome to the root of the page.
pub fn install(app: App) {
    if let Some(kept) = kept() {
        app.theme.set(kept);
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

/// Goes on to the next theme and remembers it for this browser.
pub fn next(app: App) {
    let next = match app.theme.get_untracked() {
        Theme::System => Theme::Dark,
        Theme::Dark => Theme::Light,
        Theme::Light => Theme::System,
    };
    app.theme.set(next);
    if let Ok(Some(storage)) = browser::window().local_storage() {
        // A browser that keeps nothing forgets the theme, no more.
        drop(storage.set_item(KEPT_AS, next.slug()));
    }
}

fn kept() -> Option<Theme> {
    let storage = browser::window().local_storage().ok().flatten()?;
    Theme::from_slug(&storage.get_item(KEPT_AS).ok().flatten()?)
}
