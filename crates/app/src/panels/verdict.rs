//! What the figures say, in sentences.

use leptos::prelude::*;

use crate::state::App;

/// The verdict: its headline, and one paragraph a domain that folds away.
#[component]
pub fn Verdict() -> impl IntoView {
    let app = App::get();
    let lines = Memo::new(move |_| app.with_report(figures::verdict).unwrap_or_default());
    view! {
        <section class="verdict" data-testid="verdict" aria-label="Verdict">
            <details prop:open=true>
                <summary>{move || lines.with(|lines| lines.first().cloned())}</summary>
                <div class="paragraphs">
                    {move || lines.get().into_iter().skip(1).map(|line| view! { <p>{line}</p> }).collect_view()}
                </div>
            </details>
        </section>
    }
}
