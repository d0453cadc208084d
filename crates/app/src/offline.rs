//! What works offline, and new versions of the page.

use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::browser;
use crate::state::{App, OfflineState};

#[wasm_bindgen(module = "/src/offline.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    async fn watch(tell: &Closure<dyn Fn(bool, bool, bool)>) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    async fn keep() -> Result<JsValue, JsValue>;
    #[wasm_bindgen(catch)]
    async fn update() -> Result<JsValue, JsValue>;
}

/// Follows the service worker.
pub fn install(app: App) {
    spawn_local(async move {
        let tell = Closure::<dyn Fn(bool, bool, bool)>::new(move |page, more, update| {
            app.offline.set(OfflineState { page, more, update });
        });
        // Without a service worker nothing is kept, which is what the page says by default.
        drop(watch(&tell).await);
        tell.forget();
    });
}

/// Keeps engine and example.
///
/// # Errors
/// A message for the user.
pub async fn keep_all(app: App) -> Result<(), String> {
    keep().await.map_err(|error| {
        format!("Engine and example could not be kept ({}). Connect and try again.", browser::reason(&error))
    })?;
    app.offline.update(|state| state.more = true);
    Ok(())
}

/// Loads the new version.
pub fn load_update() {
    spawn_local(async { drop(update().await) });
}
