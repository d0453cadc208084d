//! What works offline, and the offer of a new version.

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::offline;
use crate::state::App;

/// Offers a new version of the page; empty without one.
#[component]
pub fn Update() -> impl IntoView {
    let app = App::get();
    view! {
        <Show when=move || app.offline.get().update>
            <p class="banner update" data-testid="update" role="status">
                "A new version is ready. "
                <button type="button" on:click=|_| offline::load_update()>"Reload"</button>
            </p>
        </Show>
    }
}

/// What is kept for offline use, with a button that keeps the rest.
#[component]
pub fn Offline() -> impl IntoView {
    let app = App::get();
    let status = RwSignal::new(String::new());
    let words = move || match app.offline.get() {
        state if state.page && state.more => {
            "Ready offline: page, workers, engine and example are kept in this browser."
        }
        state if state.page => {
            "Ready offline: page and workers are kept in this browser. Engine and example are kept when they are first used."
        }
        _ => "Not ready offline: this browser has not kept the page.",
    };
    let keep = move || {
        status.set("Fetching engine and example.".to_owned());
        spawn_local(async move {
            let outcome = offline::keep_all(app).await;
            status.try_set(outcome.err().unwrap_or_default());
        });
    };
    view! {
        <p data-testid="offline-state">{words}</p>
        <Show when=move || { let state = app.offline.get(); state.page && !state.more }>
            <button type="button" data-testid="keep-offline" on:click=move |_| keep()>"Keep engine and example"</button>
        </Show>
        <p class="soft" role="status">{move || status.get()}</p>
    }
}
