//! Router geometry of checkpoints that wait for samples: tables, charts, CSV.

use std::sync::Arc;

use figures::{Figure, GeometryChart, GeometrySheet, Theme};
use leptos::prelude::*;

use crate::chart::{Chart, Grid};
use crate::chart_options;
use crate::download;
use crate::state::App;

/// The section; empty if no routers were read.
#[component]
pub fn Routers() -> impl IntoView {
    let app = App::get();
    move || app.routers.get().map(|sheet| section(app, sheet))
}

/// Rebuilt for every sheet; a new sheet arrives with each added or removed checkpoint.
fn section(app: App, sheet: Arc<GeometrySheet>) -> AnyView {
    let chosen = RwSignal::new(0_usize);
    let options: Vec<AnyView> = (sheet.tables.iter().enumerate())
        .map(|(place, (title, _))| view! { <option value=place>{title.clone()}</option> }.into_any())
        .collect();
    let charts: Vec<AnyView> = (0..sheet.charts.len())
        .map(|place| {
            let sheet = Arc::clone(&sheet);
            let figure = Signal::derive(move || {
                let theme = chart_options::theme(app);
                sheet.charts.get(place).map(|chart| Arc::new(figure(chart, theme)))
            });
            view! { <Chart figure/> }.into_any()
        })
        .collect();
    let caption = sheet.says.clone();
    let shown = Arc::clone(&sheet);
    let table = move || {
        shown
            .tables
            .get(chosen.get())
            .map(|(title, table)| view! { <Grid table=table.clone() caption=title.clone()/> })
    };
    let save = move |_| {
        if let Err(message) = download::text("routers.csv", "text/csv", &sheet.csv) {
            app.fail(message);
        }
    };
    view! {
        <section class="figures-table" data-testid="routers" aria-labelledby="routers">
            <header>
                <h2 id="routers">"Router weights"</h2>
                <select aria-label="Layer" on:change=move |event| chosen.set(event_target_value(&event).parse().unwrap_or(0))>
                    {options}
                </select>
                <button type="button" class="plain" on:click=save>"Save CSV"</button>
            </header>
            <p class="soft">{caption}</p>
            <div class="scroll" tabindex="0" role="region" aria-label="Router weights by checkpoint">{table}</div>
            <div class="charts">{charts}</div>
        </section>
    }
    .into_any()
}

/// The figure of a chart whose specification the worker has written.
fn figure(chart: &GeometryChart, theme: Theme) -> Figure {
    let spec = if theme == Theme::Dark { &chart.dark } else { &chart.light };
    Figure {
        id: chart.id.clone(),
        title: chart.title.clone(),
        spec: spec.clone(),
        table: chart.table.clone(),
        summary: chart.summary.clone(),
    }
}
