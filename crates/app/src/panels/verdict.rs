//! What the figures say, in sentences.

use leptos::prelude::*;

use crate::browser::window;
use crate::state::{App, View};

/// Narrower pages show the headline alone at first, so that figures are near, in pixels.
const WIDE: f64 = 720.0;

/// The verdict: its headline, and one paragraph a domain that folds away. It is unfolded beside the courses over training,
/// which it tells about; other views have the room for themselves.
#[component]
pub fn Verdict() -> impl IntoView {
    let app = App::get();
    let lines = Memo::new(move |_| app.with_report(figures::verdict).unwrap_or_default());
    let wide = window().inner_width().ok().and_then(|width| width.as_f64()).is_none_or(|width| width >= WIDE);
    let open = Memo::new(move |_| wide && app.view.get() == View::Timeline);
    view! {
        <section class="verdict" data-testid="verdict" aria-label="Verdict">
            <details prop:open=move || open.get()>
                <summary>{move || lines.with(|lines| lines.first().cloned())}</summary>
                <div class="paragraphs">
                    {move || lines.get().into_iter().skip(1).map(|line| view! { <p>{line}</p> }).collect_view()}
                </div>
            </details>
        </section>
    }
}
