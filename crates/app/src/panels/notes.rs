//! Notes on the report's figures.

use leptos::prelude::*;
use report::NoteLevel;

use crate::format::counted;
use crate::state::App;

/// Warnings are listed; other notes are in a collapsed section.
#[component]
pub fn Notes() -> impl IntoView {
    let app = App::get();
    let of = move |level: NoteLevel| {
        app.with_report(|report| {
            report
                .notes
                .iter()
                .filter(|note| note.level == level)
                .map(|note| note.text.clone())
                .collect::<Vec<_>>()
        })
        .unwrap_or_default()
    };
    let warnings = Memo::new(move |_| of(NoteLevel::Warning));
    let infos = Memo::new(move |_| of(NoteLevel::Info));
    let list = |notes: Vec<String>| notes.into_iter().map(|note| view! { <li>{note}</li> }).collect_view();
    view! {
        <Show when=move || !warnings.with(Vec::is_empty)>
            <ul class="notes warnings">{move || list(warnings.get())}</ul>
        </Show>
        <Show when=move || !infos.with(Vec::is_empty)>
            <details class="notes">
                <summary>{move || counted(infos.with(Vec::len) as u64, "note on these figures", "notes on these figures")}</summary>
                <ul>{move || list(infos.get())}</ul>
            </details>
        </Show>
    }
}
