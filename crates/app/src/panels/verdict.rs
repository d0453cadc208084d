//! The verdict: the report's findings in sentences.

use leptos::prelude::*;

use crate::browser::window;
use crate::format::counted;
use crate::state::{App, View};

/// Page width in pixels below which only the headline is open at first.
const WIDE: f64 = 720.0;

/// The verdict: a headline, and one paragraph per domain in a collapsible section, which is open in
/// the Timeline.
#[component]
pub fn Verdict() -> impl IntoView {
    let app = App::get();
    let lines = Memo::new(move |_| app.with_report(figures::verdict).unwrap_or_default());
    let wide = window().inner_width().ok().and_then(|width| width.as_f64()).is_none_or(|width| width >= WIDE);
    let open = Memo::new(move |_| wide && app.view.get() == View::Timeline);
    // Figures of a growing report may change with every checkpoint.
    let so_far = move || {
        (!app.complete.get()).then(|| {
            let checkpoints = app.with_report(|report| report.checkpoints.len() as u64).unwrap_or(0);
            format!("So far, with {}: ", counted(checkpoints, "checkpoint", "checkpoints"))
        })
    };
    view! {
        <section class="verdict" data-testid="verdict" aria-label="Verdict">
            <details prop:open=move || open.get()>
                <summary>{so_far}{move || lines.with(|lines| lines.first().cloned())}</summary>
                <div class="paragraphs">
                    {move || lines.get().into_iter().skip(1).map(|line| view! { <p>{line}</p> }).collect_view()}
                </div>
            </details>
        </section>
    }
}
