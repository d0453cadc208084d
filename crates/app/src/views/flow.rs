//! Gate mass that passes between the layers, early and late in training.

use std::sync::Arc;

use figures::LEAST_LINKS;
use leptos::prelude::*;
use protocol::Drawing;

use crate::chart::Chart;
use crate::chart_options;
use crate::controls::{Choice, DomainChoice, GroupChoice, TwinSwitch};
use crate::drawings;
use crate::state::App;

/// Labels of [`LEAST_LINKS`].
const LABELS: [&str; 6] = ["1.5×", "2×", "4×", "8×", "16×", "32×"];

/// The view *Flow*: experts by layer and the strongest links between them, at the pinned or first
/// checkpoint and at the current one.
#[component]
pub fn Flow() -> impl IntoView {
    let app = App::get();
    let mut offered = vec![("auto", None)];
    offered.extend(LABELS.into_iter().zip(LEAST_LINKS.map(Some)));
    let drawn = drawings::draw(move || {
        Some(Drawing::Flow {
            domain: app.domain.get(),
            checkpoints: [app.pin.get().unwrap_or(0), app.checkpoint.get()],
            least: app.least.get(),
            options: chart_options::domain_chart(app),
        })
    });
    // A chart that is missing leaves its side empty.
    let chart = move |id: &'static str| {
        let figure = Memo::new(move |_| {
            let found =
                drawn.with(|drawn| drawn.as_ref()?.figures.iter().find(|figure| figure.id == id).cloned());
            found.map(Arc::new)
        });
        view! { <div><Show when=move || figure.with(Option::is_some)><Chart figure=figure.into()/></Show></div> }
    };
    let missing = move || {
        let notes = drawn.with(|drawn| drawn.as_ref().map(|drawn| drawn.notes.clone()).unwrap_or_default());
        notes.into_iter().map(|note| view! { <p class="missing">{note}</p> }).collect_view()
    };
    view! {
        <div class="toolbar">
            <DomainChoice/>
            <GroupChoice/>
            <Choice label="Links from" options=offered chosen=app.least.into() choose=move |chosen| app.least.set(chosen)/>
            <a href="metrics.html#flow" target="_blank">"Definition"</a>
            <TwinSwitch/>
        </div>
        {missing}
        <Show when=move || !drawings::lacks(drawn)>
            <div class="pair-of-charts">
                {chart("flow-early")}
                {chart("flow-late")}
            </div>
        </Show>
        <p class="soft hint">
            "Left: the pinned checkpoint, or the first one. Right: the current checkpoint. Move the pointer over an expert \
             to see its links and, dashed, the strongest pathway through it."
        </p>
    }
}
