//! All figures of the report, in tables that can be copied and saved.

use leptos::prelude::*;
use protocol::Drawing;

use crate::browser;
use crate::drawings;
use crate::named_table::Named;

/// The view *Table*: every figure of the report, in tables.
#[component]
pub fn Tables() -> impl IntoView {
    let drawn = drawings::draw(|| Some(Drawing::Tables));
    let tables = Memo::new(move |_| drawn.get().map(|drawn| drawn.tables.clone()).unwrap_or_default());
    let titles =
        move || tables.with(|tables| tables.iter().map(|named| named.title.clone()).collect::<Vec<_>>());
    view! {
        <div class="tables">
            <nav aria-label="Tables">
                {move || titles().into_iter().enumerate().map(|(place, title)| view! {
                    <button type="button" class="plain" on:click=move |_| browser::scroll_to(&format!("#table-{place}"))>{title}</button>
                }).collect_view()}
            </nav>
            <div class="frame" tabindex="0" role="region" aria-label="All tables">
                {move || tables.get().into_iter().enumerate().map(|(place, named)| view! { <Named place named/> }).collect_view()}
            </div>
        </div>
    }
}
