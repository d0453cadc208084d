//! The figures at the cursor: the main ones by domain, and all of them in a folded table.

use leptos::prelude::*;
use report::{Band, Domain, Group, METRICS, Metric, Report, Shown, metrics::MetricUnit};

use super::domain::{DomainSwitch, Solo, names};
use crate::controls::Term;
use crate::format::{count, figure};
use crate::state::App;

/// Metrics of the sticky bar.
const MAIN: [&str; 3] = ["accuracy", "distance", "loss"];

/// Missing figures.
const MISSING: &str = "–";

/// The main figures at the cursor, one column per domain; also legend and domain switch.
#[component]
pub fn MainReadout() -> impl IntoView {
    let app = App::get();
    let domains = Memo::new(move |_| app.with_report(names).unwrap_or_default());
    let row = move |metric: &'static Metric| {
        let cells = move || {
            let (here, group) = (app.current_checkpoint(), app.group.get());
            app.with_report(|report| {
                let cell = |domain: &Domain| {
                    let off = !app.shows(&domain.name);
                    let text = at(report, domain, metric, here, group).unwrap_or_else(|| MISSING.to_owned());
                    view! { <td class="number" class:off=off>{text}</td> }
                };
                report.domains.iter().map(cell).collect_view()
            })
        };
        view! { <tr><th scope="row"><Heading metric/></th>{cells}</tr> }
    };
    view! {
        <div class="scroll readout-frame" tabindex="0" role="region" aria-label="Main figures at the cursor">
            <table class="readout">
                <thead><tr>
                    <th scope="col">{move || place(app)}</th>
                    {move || domains.get().into_iter().enumerate().map(|(place, name)| view! {
                        <th scope="col" class="number"><DomainSwitch place name/></th>
                    }).collect_view()}
                </tr></thead>
                <tbody>{MAIN.into_iter().filter_map(report::metric).map(row).collect_view()}</tbody>
            </table>
        </div>
    }
}

/// The table of all figures at the cursor, one row per domain.
#[component]
pub fn Readout() -> impl IntoView {
    let app = App::get();
    let domains = Memo::new(move |_| app.with_report(names).unwrap_or_default());
    view! {
        <details class="more">
            <summary>"All figures at the cursor"</summary>
            <div class="scroll" tabindex="0" role="region" aria-label="All figures at the cursor">
                <table class="readout">
                    <thead>
                        <tr>
                            <th scope="col">{move || place(app)}</th>
                            <td></td>
                            <th scope="col" class="number"><Term metric="memorized" name="Memorized"/></th>
                            {columns().map(|metric| view! { <th scope="col" class="number"><Heading metric/></th> }).collect_view()}
                        </tr>
                    </thead>
                    <tbody>
                        <For each=move || domains.get().into_iter().enumerate() key=Clone::clone let:entry>
                            <Row place=entry.0 name=entry.1/>
                        </For>
                    </tbody>
                </table>
            </div>
        </details>
    }
}

/// Name of a metric, which opens its definition, and its unit.
#[component]
fn Heading(metric: &'static Metric) -> impl IntoView {
    let app = App::get();
    let unit = move || {
        let unit = app.with_report(|report| metric.unit.name(report.settings.unit)).unwrap_or_default();
        let percent = metric.unit == MetricUnit::Share;
        let unit = if unit.is_empty() || percent { String::new() } else { format!(", {unit}") };
        let interval = if matches!(metric.band, Band::HalfWidth(_)) { " ± 95 %" } else { "" };
        format!("{unit}{interval}")
    };
    view! { <Term metric=metric.id name=metric.name/><span class="unit">{unit}</span> }
}

/// The checkpoint at the cursor.
fn place(app: App) -> String {
    let here = app.current_checkpoint();
    app.with_report(|report| {
        report.checkpoints.get(here).map(|checkpoint| match checkpoint.tokens {
            Some(tokens) => format!("Step {} ({} tokens)", count(checkpoint.step), count(tokens)),
            None => format!("Step {}", count(checkpoint.step)),
        })
    })
    .flatten()
    .unwrap_or_default()
}

#[component]
fn Row(place: usize, name: String) -> impl IntoView {
    let app = App::get();
    let stored = StoredValue::new(name.clone());
    let cells = move || {
        let (here, group) = (app.current_checkpoint(), app.group.get());
        app.with_report(|report| {
            stored
                .with_value(|name| report.domain(name).map(|domain| figures_at(report, domain, here, group)))
        })
        .flatten()
        .unwrap_or_default()
    };
    view! {
        <tr class:off=move || !stored.with_value(|name| app.shows(name))>
            <th scope="row"><DomainSwitch place name=name.clone()/></th>
            <td><Solo name/></td>
            {move || cells().into_iter().map(|cell| view! { <td class="number">{cell}</td> }).collect_view()}
        </tr>
    }
}

/// The metrics that have a column, in the order of the metrics table.
fn columns() -> impl Iterator<Item = &'static Metric> {
    METRICS.iter().filter(|metric| matches!(metric.shown, Shown::Chart | Shown::Cursor))
}

/// The share of memorized samples, then the metrics of [`columns`] at a checkpoint.
fn figures_at(report: &Report, domain: &Domain, here: usize, group: Group) -> Vec<String> {
    let memorized: usize = report.sample_steps(domain).iter().take(here + 1).sum();
    let memorized = (domain.samples > 0).then(|| percent(memorized as f64 / domain.samples as f64));
    let figures = columns().map(|metric| at(report, domain, metric, here, group));
    std::iter::once(memorized).chain(figures).map(|text| text.unwrap_or_else(|| MISSING.to_owned())).collect()
}

/// A metric of a domain at a checkpoint, with its interval.
fn at(
    report: &Report,
    domain: &Domain,
    metric: &'static Metric,
    here: usize,
    group: Group,
) -> Option<String> {
    let group = if metric.scope.groups { group } else { Group::All };
    let at = |id: &str| report.course(&domain.name, id, group)?.values.get(here).copied().flatten();
    let value = at(metric.id)?;
    Some(match metric.band {
        _ if metric.unit == MetricUnit::Share => percent(value),
        Band::HalfWidth(id) => match at(id) {
            Some(half) => format!("{} ± {}", figure(value), figure(half)),
            None => figure(value),
        },
        Band::None | Band::Quartiles(..) => figure(value),
    })
}

fn percent(share: f64) -> String {
    format!("{:.1} %", 100.0 * share)
}
