//! The maps of the two compared runs side by side.

use std::sync::Arc;

use leptos::html;
use leptos::prelude::*;
use protocol::{Job, ReportText};

use crate::chart::{Grid, available_width};
use crate::map::still;
use crate::state::{App, Origin};
use crate::views::map::report_unit;
use crate::{analyst, browser};

/// The distance matrices of both runs at their last checkpoints, with one colour scale.
#[component]
pub fn ComparedMaps() -> impl IntoView {
    let app = App::get();
    let a = Signal::derive(move || {
        app.report.track();
        app.text.get_value()
    });
    let b = Signal::derive(move || app.other.with(|run| run.as_ref().and_then(|run| run.text.clone())));
    Effect::new(move || {
        let Some(text) = a.get() else { return };
        if app.complete.get() && app.origin.get() == Origin::Files && still::facts(&text).is_none() {
            let checkpoints = app.with_report(|report| report.checkpoints.len()).unwrap_or(0);
            app.cancelled.set(false);
            app.stopped.set(false);
            analyst::post(app, &Job::Map(still::request(&text, checkpoints)));
        }
    });
    let scale = Memo::new(move |_| {
        app.map.track();
        let known = [a.get(), b.get()].into_iter().flatten().filter_map(|text| still::facts(&text));
        known
            .map(|(facts, _)| (facts.low, facts.high))
            .reduce(|one, other| (one.0.min(other.0), one.1.max(other.1)))
    });
    let legend = move || {
        let (low, high) = scale.get()?;
        let unit = app.with_report(report_unit).unwrap_or_default();
        Some(view! {
            <p class="map-legend">
                <span>{format!("{low} {unit} or less")}</span><span class="scale"></span><span>{format!("{high} or more")}</span>
            </p>
        })
    };
    view! {
        <section class="stills" data-testid="compare-maps">
            <h3>"Maps"</h3>
            <p class="soft">
                "Pathway distances between all samples at the last checkpoint of each run, on one colour scale. Samples are \
                 ordered by domain, similar ones adjacent, in each run on its own."
            </p>
            {legend}
            <div class="pair-of-charts">
                <StillMap name="A" text=a scale/>
                <StillMap name="B" text=b scale/>
            </div>
        </section>
    }
}

/// The map of one run, or why there is none.
#[component]
fn StillMap(
    name: &'static str,
    text: Signal<Option<Arc<ReportText>>>,
    scale: Memo<Option<(u32, u32)>>,
) -> impl IntoView {
    let app = App::get();
    let frame = NodeRef::<html::Div>::new();
    let canvas = NodeRef::<html::Canvas>::new();
    let width = available_width(frame);
    let facts = Memo::new(move |_| {
        app.map.track();
        text.get().and_then(|text| still::facts(&text))
    });
    let is_measured = Memo::new(move |_| facts.with(Option::is_some));
    Effect::new(move || {
        app.map.track();
        width.track();
        if let (Some(text), Some(canvas), Some(scale)) = (text.get(), canvas.get(), scale.get()) {
            let unit = browser::window().device_pixel_ratio().max(1.0);
            still::draw(&text, &canvas, scale, app.dark.get(), unit);
        }
    });
    let words = move || {
        if let Some((facts, note)) = facts.get() {
            return format!("{name}: {} {note}", facts.sheet.says);
        }
        let has_traces = if name == "A" {
            app.origin.get() == Origin::Files && !app.stopped.get()
        } else {
            app.comparing.get()
        };
        if has_traces {
            format!("The map of {name} is being measured.")
        } else {
            format!("{name} is open without its traces, so it has no map.")
        }
    };
    view! {
        <div node_ref=frame data-testid=format!("compare-map-{}", name.to_ascii_lowercase())>
            <p class="soft" role="status">{words}</p>
            <Show when=move || is_measured.get()>
                <canvas node_ref=canvas role="img" aria-label=format!("Distance matrix of {name}") class:away=move || app.twin.get()></canvas>
                <Show when=move || app.twin.get()>
                    {move || facts.get().map(|(facts, _)| view! {
                        <div class="scroll" tabindex="0" role="region" aria-label=format!("Rows: map of {name}")>
                            <Grid table=facts.sheet.table caption=format!("Mean distances within and between domains of {name}")/>
                        </div>
                    })}
                </Show>
            </Show>
        </div>
    }
}
