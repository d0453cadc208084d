//! Error messages, shown until they are dismissed.

use leptos::prelude::*;

use crate::state::App;

/// The messages, newest last; empty without any.
#[component]
pub fn Errors() -> impl IntoView {
    let app = App::get();
    view! {
        <div class="errors" data-testid="errors" role="alert">
            <Show when=move || !app.errors.with(Vec::is_empty)>
                <ul>
                    {move || app.errors.get().into_iter().map(|message| view! { <li>{message}</li> }).collect_view()}
                </ul>
                <button type="button" class="plain" on:click=move |_| app.errors.set(Vec::new())>"Dismiss"</button>
            </Show>
        </div>
    }
}
