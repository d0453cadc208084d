//! Notes on the report's figures.

use leptos::prelude::*;
use report::NoteLevel;

use crate::state::App;

/// Warnings, then other notes.
#[component]
pub fn Notes() -> impl IntoView {
    let app = App::get();
    let list = move |level: NoteLevel, class: &'static str| {
        let notes = app.with_report(|report| {
            let notes = report.notes.iter().filter(|note| note.level == level);
            notes.map(|note| note.text.clone()).collect::<Vec<_>>()
        });
        let notes = notes.filter(|notes| !notes.is_empty())?;
        let items = notes.into_iter().map(|note| view! { <li>{note}</li> }).collect_view();
        Some(view! { <ul class=class>{items}</ul> })
    };
    view! {
        {move || list(NoteLevel::Warning, "notes warnings")}
        {move || list(NoteLevel::Info, "notes")}
    }
}

/// Number of warnings.
pub fn warnings(app: App) -> u64 {
    let warning = |note: &&report::Note| note.level == NoteLevel::Warning;
    app.with_report(|report| report.notes.iter().filter(warning).count() as u64).unwrap_or(0)
}
