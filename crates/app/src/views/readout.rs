//! The figures at the cursor, one row per domain; also legend and domain switch.

use leptos::prelude::*;
use report::{Band, Domain, Group, METRICS, Metric, Report, Shown, metrics::MetricUnit};

use crate::chart_options;
use crate::format::{count, figure};
use crate::state::App;

/// The table above the charts.
#[component]
pub fn Readout() -> impl IntoView {
    let app = App::get();
    let names = Memo::new(move |_| {
        app.with_report(|report| report.domains.iter().map(|domain| domain.name.clone()).collect::<Vec<_>>())
            .unwrap_or_default()
    });
    let unit = move |metric: &Metric| {
        let unit = app.with_report(|report| metric.unit.name(report.settings.unit)).unwrap_or_default();
        let percent = metric.unit == MetricUnit::Share;
        let unit = if unit.is_empty() || percent { String::new() } else { format!(", {unit}") };
        let interval = if matches!(metric.band, Band::HalfWidth(_)) { " ± 95 %" } else { "" };
        format!("{unit}{interval}")
    };
    let place = move || {
        let here = app.current_checkpoint();
        app.with_report(|report| {
            report.checkpoints.get(here).map(|checkpoint| match checkpoint.tokens {
                Some(tokens) => format!("Step {} ({} tokens)", count(checkpoint.step), count(tokens)),
                None => format!("Step {}", count(checkpoint.step)),
            })
        })
        .flatten()
        .unwrap_or_default()
    };
    view! {
        <div class="scroll readout-frame" tabindex="0" role="region" aria-label="Figures at the cursor">
            <table class="readout">
                <caption class="unseen">"Figures at the cursor"</caption>
                <thead>
                    <tr>
                        <th scope="col">{place}</th>
                        <td></td>
                        <th scope="col" class="number">"Memorized"</th>
                        {columns().map(|metric| view! {
                            <th scope="col" class="number">
                                <a href=format!("metrics.html#{}", metric.section) target="_blank" title=metric.summary>{metric.name}</a>
                                {move || unit(metric)}
                            </th>
                        }).collect_view()}
                    </tr>
                </thead>
                <tbody>
                    <For each=move || names.get().into_iter().enumerate() key=Clone::clone let:entry>
                        <Row place=entry.0 name=entry.1/>
                    </For>
                </tbody>
            </table>
        </div>
    }
}

#[component]
fn Row(place: usize, name: String) -> impl IntoView {
    let app = App::get();
    let stored = StoredValue::new(name.clone());
    let shown = Memo::new(move |_| stored.with_value(|name| app.shows(name)));
    let alone = Memo::new(move |_| {
        let others = app.with_report(|report| {
            stored.with_value(|name| {
                report
                    .domains
                    .iter()
                    .filter(|domain| domain.name != *name)
                    .all(|domain| !app.shows(&domain.name))
            })
        });
        shown.get() && others == Some(true)
    });
    let toggle = move |_| {
        let name = stored.get_value();
        app.hidden.update(|hidden| {
            if !hidden.remove(&name) {
                hidden.insert(name);
            }
        });
    };
    let solo = move |_| {
        let all = app.report.with_untracked(|report| {
            report
                .as_ref()
                .map(|report| report.domains.iter().map(|domain| domain.name.clone()).collect::<Vec<_>>())
        });
        let name = stored.get_value();
        let was_alone = alone.get_untracked();
        app.hidden.update(|hidden| {
            hidden.clear();
            if !was_alone {
                hidden.extend(all.unwrap_or_default().into_iter().filter(|other| *other != name));
            }
        });
    };
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
        <tr class:off=move || !shown.get()>
            <th scope="row">
                <button type="button" aria-pressed=move || shown.get().to_string() title="Show or hide this domain" on:click=toggle>
                    <Swatch place/>{name.clone()}
                </button>
            </th>
            <td><button type="button" class="only" aria-label=format!("Show only {name}") aria-pressed=move || alone.get().to_string() on:click=solo>"only"</button></td>
            {move || cells().into_iter().map(|cell| view! { <td class="number">{cell}</td> }).collect_view()}
        </tr>
    }
}

/// The marker of a domain in its chart colour.
#[component]
pub fn Swatch(place: usize) -> impl IntoView {
    let app = App::get();
    let mark = move || figures::palette::domain(place, chart_options::theme(app));
    view! {
        <svg class="swatch" viewBox="-8 -8 16 16" aria-hidden="true">
            <path d=move || outline(mark().shape) fill=move || mark().color></path>
        </svg>
    }
}

/// SVG path of a Vega mark shape.
fn outline(shape: &str) -> &'static str {
    match shape {
        "square" => "M-6 -6H6V6H-6Z",
        "diamond" => "M0 -7L6 0L0 7L-6 0Z",
        "triangle-up" => "M0 -6L7 6H-7Z",
        "triangle-down" => "M0 6L7 -6H-7Z",
        "triangle-right" => "M6 0L-6 7V-7Z",
        "triangle-left" => "M-6 0L6 7V-7Z",
        "cross" => "M-2 -7H2V-2H7V2H2V7H-2V2H-7V-2H-2Z",
        _ => "M-6.5 0A6.5 6.5 0 1 1 6.5 0A6.5 6.5 0 1 1 -6.5 0Z",
    }
}

/// The metrics that have a column, in the order of the metrics table.
fn columns() -> impl Iterator<Item = &'static Metric> {
    METRICS.iter().filter(|metric| matches!(metric.shown, Shown::Chart | Shown::Cursor))
}

/// The share of memorized samples, then the metrics of [`columns`] at a checkpoint.
fn figures_at(report: &Report, domain: &Domain, here: usize, group: Group) -> Vec<String> {
    let memorized: usize = report.sample_steps(domain).iter().take(here + 1).sum();
    let memorized = (domain.samples > 0).then(|| memorized as f64 / domain.samples as f64);
    let percent = |share: f64| format!("{:.1} %", 100.0 * share);
    let metric = |metric: &'static Metric| {
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
    };
    let missing = || "–".to_owned();
    let figures = columns().map(|column| metric(column).unwrap_or_else(missing));
    std::iter::once(memorized.map_or_else(missing, percent)).chain(figures).collect()
}
