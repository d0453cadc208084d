//! Progress: amount, rate, time left, and a button to cancel.

use leptos::prelude::*;

use crate::analyst;
use crate::state::App;

/// Progress before the first report, or a hint while nothing runs.
#[component]
pub fn Working() -> impl IntoView {
    let app = App::get();
    view! {
        <Progress/>
        <Show when=move || !app.working.get()>
            <p class="soft">
                {move || if app.cancelled.get() {
                    "Cancelled. Drop files to continue."
                } else {
                    "Waiting for files. A report needs traces of at least two checkpoints of one run."
                }}
            </p>
        </Show>
    }
}

/// The progress bar; empty while nothing runs.
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
                    aria-label="Share completed"
                    prop:value=move || app.meter.with(|meter| meter.as_ref().and_then(crate::meter::Meter::share).unwrap_or(0.0))
                ></progress>
                <span class="amount">{move || with(crate::meter::Meter::amount)}</span>
                <span class="pace soft">{move || with(crate::meter::Meter::pace)}</span>
                <button type="button" data-testid="cancel" on:click=move |_| analyst::cancel(app)>"Cancel "<kbd>"Esc"</kbd></button>
            </section>
        </Show>
    }
}
