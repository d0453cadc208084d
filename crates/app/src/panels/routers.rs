//! The routers of checkpoints that wait for samples: a table, two charts, a file to take away.

use std::sync::Arc;

use figures::{Figure, GeometryChart, Theme};
use leptos::prelude::*;
use serde_json::Value;

use crate::chart::{Chart, Grid};
use crate::download;
use crate::looks;
use crate::state::App;

/// The section; nothing where no routers were read.
#[component]
pub fn Routers() -> impl IntoView {
    let app = App::get();
    let chosen = RwSignal::new(0_usize);
    let count =
        Memo::new(move |_| app.routers.with(|sheet| sheet.as_ref().map_or(0, |sheet| sheet.charts.len())));
    let names = move || {
        app.routers.with(|sheet| {
            let tables = sheet.iter().flat_map(|sheet| &sheet.tables);
            tables.map(|named| named.title.clone()).collect::<Vec<_>>()
        })
    };
    let table = move || {
        app.routers.with(|sheet| {
            let tables = &sheet.as_ref()?.tables;
            tables.get(chosen.get()).or(tables.first()).cloned()
        })
    };
    let drawn = move |place: usize| {
        Signal::derive(move || {
            let theme = looks::theme(app);
            app.routers.with(|sheet| Some(Arc::new(figure(sheet.as_ref()?.charts.get(place)?, theme))))
        })
    };
    let save = move |_| {
        let csv = app.routers.with_untracked(|sheet| sheet.as_ref().map(|sheet| sheet.csv.clone()));
        if let Err(message) = download::text("routers.csv", "text/csv", &csv.unwrap_or_default()) {
            app.fail(message);
        }
    };
    view! {
        <Show when=move || app.routers.with(Option::is_some)>
            <section class="figures-table" data-testid="routers" aria-labelledby="routers">
                <header>
                    <h2 id="routers">"Router weights"</h2>
                    <label class="choice">
                        <span class="soft">"Layer"</span>
                        <select on:change=move |event| chosen.set(event_target_value(&event).parse().unwrap_or(0))>
                            {move || names().into_iter().enumerate().map(|(place, name)| view! {
                                <option value=place.to_string()>{name}</option>
                            }).collect_view()}
                        </select>
                    </label>
                    <button type="button" class="plain" on:click=save>"Save CSV"</button>
                </header>
                <p class="soft">{move || app.routers.with(|sheet| sheet.as_ref().map(|sheet| sheet.says.clone()).unwrap_or_default())}</p>
                <div class="scroll" tabindex="0" role="region" aria-label="Router weights by checkpoint">
                    {move || table().map(|named| view! { <Grid table=named.table caption=named.title/> })}
                </div>
                <div class="charts">
                    <For each=move || 0..count.get() key=|place| *place let:place>
                        <Chart figure=drawn(place)/>
                    </For>
                </div>
            </section>
        </Show>
    }
}

/// A chart whose specification the worker has written as text.
fn figure(chart: &GeometryChart, theme: Theme) -> Figure {
    let spec = if theme == Theme::Dark { &chart.dark } else { &chart.light };
    Figure {
        id: chart.id.clone(),
        title: chart.title.clone(),
        spec: Value::String(spec.clone()),
        table: chart.table.clone(),
        summary: chart.summary.clone(),
    }
}
