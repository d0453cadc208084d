//! The verdict: the report's finding in a headline, and folded details.

use leptos::prelude::*;

use super::notes::{Notes, warnings};
use crate::format::counted;
use crate::state::{App, Dialog};

/// The headline; paragraphs, warnings and notes are in a folded section.
#[component]
pub fn Verdict() -> impl IntoView {
    let app = App::get();
    let lines = Memo::new(move |_| app.with_report(figures::verdict).unwrap_or_default());
    // Figures of a growing report may change with every checkpoint.
    let so_far = move || {
        app.provisional.get().then(|| {
            let checkpoints = app.with_report(|report| report.checkpoints.len() as u64).unwrap_or(0);
            format!("So far, with {}: ", counted(checkpoints, "checkpoint", "checkpoints"))
        })
    };
    let warned = move || match warnings(app) {
        0 => String::new(),
        number => format!(", {}", counted(number, "warning", "warnings")),
    };
    view! {
        <section class="verdict" data-testid="verdict" aria-label="Verdict">
            <p class="headline">{so_far}{move || lines.with(|lines| lines.first().cloned())}</p>
            <details class="more">
                <summary>"Details"{warned}</summary>
                <div class="paragraphs">
                    {move || lines.get().into_iter().skip(1).map(|line| view! { <p>{line}</p> }).collect_view()}
                </div>
                <Notes/>
                <Show when=move || app.is_example.get()>
                    <button type="button" on:click=move |_| app.dialog.set(Some(Dialog::About))>"About this run"</button>
                </Show>
            </details>
        </section>
    }
}
