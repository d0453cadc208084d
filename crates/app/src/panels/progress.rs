//! How far the work is: a number with its unit, its rate and the time left, and a way out.

use leptos::prelude::*;

use crate::analyst;
use crate::state::App;

/// Progress while nothing can be shown yet, or the word that work was stopped.
#[component]
pub fn Working() -> impl IntoView {
    let app = App::get();
    view! {
        <Progress/>
        <Show when=move || !app.working.get()>
            <p class="soft">
                {move || if app.cancelled.get() {
                    "Cancelled. Drop files to go on."
                } else {
                    "Nothing is under way. A report needs traces of at least two checkpoints of one run."
                }}
            </p>
        </Show>
    }
}

/// The bar, while there is work.
#[component]
pub fn Progress() -> impl IntoView {
    let app = App::get();
    let with = move |read: fn(&crate::meter::Meter) -> String| {
        app.meter.with(|meter| meter.as_ref().map(read).unwrap_or_default())
    };
    view! {
        <Show when=move || app.working.get()>
            <section class="progress" data-testid="progress" aria-label="Progress">
                <span class="stage">
                    {move || app.meter.with(|meter| meter.as_ref().map_or_else(|| "Opening".to_owned(), |meter| meter.progress.stage.clone()))}
                </span>
                <progress
                    max="1"
                    aria-label="Share of the work done"
                    prop:value=move || app.meter.with(|meter| meter.as_ref().and_then(crate::meter::Meter::share).unwrap_or(0.0))
                ></progress>
                <span class="amount">{move || with(crate::meter::Meter::amount)}</span>
                <span class="pace soft">{move || with(crate::meter::Meter::pace)}</span>
                <button type="button" data-testid="cancel" on:click=move |_| analyst::cancel(app)>"Cancel "<kbd>"Esc"</kbd></button>
            </section>
        </Show>
    }
}
