//! Copying text.

use wasm_bindgen_futures::spawn_local;

use crate::browser;
use crate::state::App;

/// Copies a text and says so, or why the browser did not allow it.
pub fn copy(app: App, text: String) {
    spawn_local(async move {
        match browser::copy(&text).await {
            Ok(()) => app.say("Copied."),
            Err(message) => app.fail(message),
        }
    });
}
