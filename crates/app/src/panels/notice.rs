//! What the user can do next, or something to know about the current work.

use leptos::prelude::*;

use crate::state::App;

/// The notice, shown until it is dismissed or other work starts; empty without one.
#[component]
pub fn Notice() -> impl IntoView {
    let app = App::get();
    view! {
        <div role="status" data-testid="notice">
            <Show when=move || app.notice.with(Option::is_some)>
                <p class="banner">
                    {move || app.notice.get()}" "
                    <button type="button" class="plain" on:click=move |_| app.notice.set(None)>"Dismiss"</button>
                </p>
            </Show>
        </div>
    }
}
