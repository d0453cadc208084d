//! Messages with the page around an embedded one (docs/embed.md).

use js_sys::Array;
use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use web_sys::File;

use crate::files;
use crate::state::{App, Theme};

#[wasm_bindgen(module = "/src/embed.js")]
extern "C" {
    fn start(open: &Closure<dyn Fn(Array)>, theme: &Closure<dyn Fn(String)>);
    /// Ids and titles of the charts of the view, in pairs.
    fn charts() -> Array;
}

/// Listens to the host, if the page is embedded.
pub fn install(app: App) {
    if !app.embedded.get_untracked() {
        return;
    }
    let open = Closure::<dyn Fn(Array)>::new(move |given: Array| {
        let given = given.iter().filter_map(|file| file.dyn_into::<File>().ok());
        files::open(app, given.map(|file| (file.name(), file)).collect());
    });
    let theme = Closure::<dyn Fn(String)>::new(move |theme: String| {
        if let Some(theme) = Theme::from_slug(&theme) {
            app.theme.set(theme);
        }
    });
    start(&open, &theme);
    open.forget();
    theme.forget();
}

/// Ids and titles of the charts of the view.
pub fn shown_charts() -> Vec<(String, String)> {
    let words: Vec<String> = charts().iter().filter_map(|word| word.as_string()).collect();
    words.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
}
