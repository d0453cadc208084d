//! Two runs side by side.

use std::sync::Arc;

use leptos::prelude::*;
use protocol::Drawing;

use crate::chart::{Chart, Grid};
use crate::chart_options;
use crate::controls::{AxisChoice, GroupChoice, TwinSwitch};
use crate::drawings;
use crate::runs;
use crate::state::{App, Dialog, View};
use crate::views::compared_maps::ComparedMaps;

/// The view *Compare*: run A, which the other views show, and run B.
#[component]
pub fn Compare() -> impl IntoView {
    let app = App::get();
    let other = Memo::new(move |_| app.other.with(|run| run.as_ref().and_then(|run| run.report.clone())));
    let answer = drawings::draw(move || {
        other.get()?;
        Some(Drawing::Compare { options: chart_options::timeline(app) })
    });
    let compared = Memo::new(move |_| other.get().and_then(|_| answer.get()));
    let title = |title: &str| if title.is_empty() { "untitled run".to_owned() } else { title.to_owned() };
    let titles = move || {
        let a = app.with_report(|report| title(&report.title)).unwrap_or_default();
        let b = other.with(|report| report.as_ref().map(|report| title(&report.title))).unwrap_or_default();
        format!("A: {a}. B: {b}. The other views show A.")
    };
    let charts =
        Memo::new(move |_| compared.with(|found| found.as_ref().map_or(0, |found| found.figures.len())));
    let close = move || {
        app.view.set(View::Timeline);
        app.other.set(None);
    };
    view! {
        <Show
            when=move || other.with(Option::is_some)
            fallback=|| view! { <p class="missing">"There is no second run. Drop its files, an export or a link and choose Compare."</p> }
        >
            <div class="toolbar">
                <AxisChoice/>
                <GroupChoice/>
                <TwinSwitch/>
                <button type="button" on:click=move |_| runs::swap(app) prop:disabled=move || app.working.get()>"Swap A and B"</button>
                <button type="button" on:click=move |_| close()>"Close B"</button>
                <button type="button" on:click=move |_| app.dialog.set(Some(Dialog::Runs))>"Table of kept runs"</button>
            </div>
            <p data-testid="compared">{titles}</p>
            <div class="charts">
                {move || (0..charts.get()).map(|at| {
                    let figure = Signal::derive(move || compared.with(|found| found.as_ref()?.figures.get(at).cloned().map(Arc::new)));
                    view! { <Chart figure/> }
                }).collect_view()}
            </div>
            <ComparedMaps/>
            {move || compared.get().map(|found| view! {
                {found.tables.iter().cloned().map(|named| view! {
                    <section class="figures-table" data-testid=named.id.clone()>
                        <h3>{named.title.clone()}</h3>
                        <p class="soft">{named.note}</p>
                        <div class="scroll" tabindex="0" role="region" aria-label=format!("Rows: {}", named.title)>
                            <Grid table=named.table caption=named.title.clone()/>
                        </div>
                    </section>
                }).collect_view()}
                <h3>"What differs"</h3>
                <ul class="differences" data-testid="differences">
                    {found.differences.is_empty().then(|| view! { <li>"Model, size, checkpoints and settings are the same."</li> })}
                    {found.differences.iter().cloned().map(|line| view! { <li>{line}</li> }).collect_view()}
                </ul>
            })}
        </Show>
    }
}
