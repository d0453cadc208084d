//! A domain in lists of domains: its marker, and buttons that show, hide or solo it.

use leptos::prelude::*;

use crate::chart_options;
use crate::state::App;

/// Marker and name of a domain; shows or hides it.
#[component]
pub fn DomainSwitch(place: usize, name: String) -> impl IntoView {
    let app = App::get();
    let stored = StoredValue::new(name.clone());
    let shown = move || stored.with_value(|name| app.shows(name));
    let toggle = move |_| {
        let name = stored.get_value();
        app.hidden.update(|hidden| {
            if !hidden.remove(&name) {
                hidden.insert(name);
            }
        });
    };
    view! {
        <button type="button" class="domain" aria-pressed=move || shown().to_string() title="Show or hide this domain" on:click=toggle>
            <Swatch place/>{name}
        </button>
    }
}

/// Shows only this domain, or all domains again.
#[component]
pub fn Solo(name: String) -> impl IntoView {
    let app = App::get();
    let label = format!("Show only {name}");
    let stored = StoredValue::new(name);
    let alone = Memo::new(move |_| {
        app.with_report(|report| {
            let visible = |other: &str| app.shows(other) == stored.with_value(|name| other == name);
            report.domains.iter().all(|domain| visible(&domain.name))
        }) == Some(true)
    });
    let solo = move |_| {
        let all = app
            .report
            .with_untracked(|report| report.as_deref().map(|report| names(report)))
            .unwrap_or_default();
        let name = stored.get_value();
        let was_alone = alone.get_untracked();
        app.hidden.update(|hidden| {
            hidden.clear();
            if !was_alone {
                hidden.extend(all.into_iter().filter(|other| *other != name));
            }
        });
    };
    view! { <button type="button" class="only" aria-label=label aria-pressed=move || alone.get().to_string() on:click=solo>"only"</button> }
}

/// Names of the domains, in the order of the report.
pub fn names(report: &report::Report) -> Vec<String> {
    report.domains.iter().map(|domain| domain.name.clone()).collect()
}

/// The marker of a domain in its chart colour.
#[component]
fn Swatch(place: usize) -> impl IntoView {
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
