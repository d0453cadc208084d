//! Progress: amount, rate, time left, and a button to cancel.

use leptos::prelude::*;

use protocol::{FileState, Question};

use crate::analyst;
use crate::panels::notice::Notice;
use crate::state::App;

/// Progress before the first report, or the next thing to do while nothing runs.
#[component]
pub fn Working() -> impl IntoView {
    let app = App::get();
    let stopped = move || app.stopped.get() && !app.working.get();
    let idle = move || !app.stopped.get() && !app.working.get() && app.notice.with(Option::is_none);
    view! {
        <Progress/>
        <Notice/>
        <Show when=stopped>
            <p class="banner">
                "Stopped before the first report. "
                <button type="button" on:click=move |_| analyst::resume(app)>"Resume"</button>
            </p>
        </Show>
        <Show when=idle>
            <p class="banner" data-testid="next">{move || next(app)}</p>
        </Show>
    }
}

/// The next thing to do, from what the files wait for.
fn next(app: App) -> &'static str {
    app.files.with(|rows| {
        if rows.iter().any(|row| row.question == Some(Question::Mapping)) {
            "Describe the tensors of the marked files."
        } else if rows.iter().any(|row| row.question == Some(Question::Shape)) {
            "Set the shape of the marked files."
        } else if rows.iter().any(|row| row.checkpoint && row.state == FileState::Waiting) {
            "Add samples to run the checkpoints on, as JSON lines with id, domain, and text or input_ids."
        } else {
            "Add the traces of at least two checkpoints of one run."
        }
    })
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
