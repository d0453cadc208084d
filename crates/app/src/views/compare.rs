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

/// Ids of the charts that do not depend on the chosen metric.
const ALWAYS: [&str; 2] = ["compare-accuracy", "compare-distance"];

/// The view *Compare*: run A, which the other views show, and run B.
#[component]
pub fn Compare() -> impl IntoView {
    let app = App::get();
    let other = Memo::new(move |_| app.other.with(|run| run.as_ref().and_then(|run| run.report.clone())));
    let metric = RwSignal::new(None::<String>);
    let answer = drawings::draw(move || {
        other.get()?;
        Some(Drawing::Compare { metric: metric.get(), options: chart_options::timeline(app) })
    });
    let compared = Memo::new(move |_| other.get().and_then(|_| answer.get()));
    let title = |title: &str| if title.is_empty() { "untitled run".to_owned() } else { title.to_owned() };
    let titles = move || {
        let a = app.with_report(|report| title(&report.title)).unwrap_or_default();
        let b = other.with(|report| report.as_ref().map(|report| title(&report.title))).unwrap_or_default();
        format!("A: {a}. B: {b}. The other views show A.")
    };
    // The number of charts above the choice of a metric, and of all. A presentation has room for the former.
    let charts = Memo::new(move |_| {
        compared.with(|found| {
            let figures = found.as_ref().map(|found| found.figures.as_slice()).unwrap_or_default();
            let always = figures.iter().filter(|figure| ALWAYS.contains(&figure.id.as_str())).count();
            (always, if app.presenting.get() && always > 0 { always } else { figures.len() })
        })
    });
    let metrics = Memo::new(move |_| {
        compared.with(|found| found.as_ref().map(|found| found.metrics.clone())).unwrap_or_default()
    });
    // What the user chose, or what was chosen in place of a metric that the runs do not have.
    let chosen = move || {
        let own = metric.get().filter(|own| metrics.with(|known| known.iter().any(|(id, _)| id == own)));
        own.or_else(|| compared.with(|found| found.as_ref().map(|found| found.metric.clone())))
            .unwrap_or_default()
    };
    let chart = move |at: usize| {
        let figure = Signal::derive(move || {
            compared.with(|found| found.as_ref()?.figures.get(at).cloned().map(Arc::new))
        });
        view! { <Chart figure/> }
    };
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
            <div class="charts two one-legend">
                {move || (0..charts.get().0).map(chart).collect_view()}
                <div class="row">
                    <label class="choice">
                        <span class="soft">"Difference of"</span>
                        <select data-testid="compare-metric" prop:value=chosen on:change=move |event| metric.set(Some(event_target_value(&event)))>
                            {move || metrics.get().into_iter().map(|(id, name)| {
                                let selected = untrack(chosen) == id;
                                view! { <option value=id selected=selected>{name}</option> }
                            }).collect_view()}
                        </select>
                    </label>
                    <div data-testid="compare-notes">
                        {move || compared.get().map(|found| found.notes.iter().cloned().map(|note| view! { <p class="soft">{note}</p> }).collect_view())}
                    </div>
                </div>
                {move || (charts.get().0..charts.get().1).map(chart).collect_view()}
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
