//! What the figures say, in sentences.

use leptos::prelude::*;

use crate::state::App;

/// The verdict, one sentence a line.
#[component]
pub fn Verdict() -> impl IntoView {
    let app = App::get();
    let lines = Memo::new(move |_| app.with_report(figures::verdict).unwrap_or_default());
    view! {
        <section class="verdict" data-testid="verdict" aria-label="Verdict">
            {move || lines.get().into_iter().map(|line| view! { <p>{line}</p> }).collect_view()}
        </section>
    }
}
