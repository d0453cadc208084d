//! Layers against checkpoints, and the experts behind one cell.

use std::sync::Arc;

use leptos::html;
use leptos::prelude::*;
use report::Domain;
use wasm_bindgen::JsCast;

use crate::chart::{Chart, Plot};
use crate::format::{count, optional};
use crate::looks;
use crate::state::App;
use crate::views::controls::{CheckpointSlider, DomainChoice, TwinSwitch};

/// The view.
#[component]
pub fn Layers() -> impl IntoView {
    let app = App::get();
    let measure = RwSignal::new(figures::LayerMeasure::Distance);
    let drawn = Memo::new(move |_| app.with_report(|report| Arc::new(looks::layers(app, report, measure.get()))));
    let plot = RwSignal::new(None::<Plot>);
    view! {
        <div class="toolbar">
            <DomainChoice/>
            <label class="choice">
                <span class="soft">"Measure"</span>
                <select on:change=move |event| {
                    let place = event_target_value(&event).parse::<usize>();
                    if let Some((chosen, _)) = place.ok().and_then(|place| MEASURES.get(place)) {
                        measure.set(*chosen);
                    }
                }>
                    {MEASURES.into_iter().enumerate().map(|(place, (_, words))| view! { <option value=place.to_string()>{words}</option> }).collect_view()}
                </select>
            </label>
            <TwinSwitch/>
        </div>
        <div class="toolbar">
            <CheckpointSlider/>
            <LayerSlider/>
        </div>
        <Chart figure=drawn.into() plot>
            <Cells plot/>
        </Chart>
        <Experts measure=measure.into()/>
    }
}

/// What a cell can be, in words.
const MEASURES: [(figures::LayerMeasure, &str); 5] = [
    (figures::LayerMeasure::Distance, "distance"),
    (figures::LayerMeasure::DistanceChange, "distance, change from the first checkpoint"),
    (figures::LayerMeasure::LoadCv, "load, coefficient of variation"),
    (figures::LayerMeasure::Entropy, "entropy"),
    (figures::LayerMeasure::Saturation, "saturation"),
];

#[component]
fn LayerSlider() -> impl IntoView {
    let app = App::get();
    let last = Memo::new(move |_| app.with_report(|report| report.run.layers).unwrap_or(0).saturating_sub(1));
    let words = move || format!("layer {}", app.layer.get() + 1);
    view! {
        <div class="slider" role="group" aria-label="Layer">
            <button type="button" class="plain" aria-label="Layer above" on:click=move |_| app.step_layer(false)><kbd>"k"</kbd></button>
            <input
                type="range" min="0" step="1" aria-label="Layer"
                prop:max=move || last.get().to_string()
                prop:value=move || app.layer.get().to_string()
                aria-valuetext=words
                on:input=move |event| {
                    if let Ok(place) = event_target_value(&event).parse() {
                        app.layer.set(place);
                    }
                }
            />
            <button type="button" class="plain" aria-label="Layer below" on:click=move |_| app.step_layer(true)><kbd>"j"</kbd></button>
            <output class="step">{words}</output>
        </div>
    }
}

/// The ground over the heatmap: a click chooses a cell, a frame marks it.
#[component]
fn Cells(plot: RwSignal<Option<Plot>>) -> impl IntoView {
    let app = App::get();
    let ground = NodeRef::<html::Div>::new();
    let shape = Memo::new(move |_| app.with_report(|report| (report.checkpoints.len(), report.run.layers)).unwrap_or((0, 0)));
    let choose = move |event: &web_sys::MouseEvent| {
        let Some(element) = ground.get_untracked() else { return };
        let around = element.unchecked_ref::<web_sys::Element>().get_bounding_client_rect();
        let (checkpoints, layers) = shape.get_untracked();
        let place = |at: f64, size: f64, number: usize| {
            // Inside the plot the quotient is a small figure from 0 on.
            ((at / size * number as f64).max(0.0) as usize).min(number.saturating_sub(1))
        };
        app.checkpoint.set(place(f64::from(event.client_x()) - around.left(), around.width(), checkpoints));
        app.layer.set(place(f64::from(event.client_y()) - around.top(), around.height(), layers));
    };
    let px = move |read: fn(&Plot) -> f64| plot.with(|plot| plot.as_ref().map_or(0.0, read));
    let share = |place: usize, number: usize| format!("{}%", 100.0 * place as f64 / number.max(1) as f64);
    view! {
        <div
            node_ref=ground class="cells" aria-hidden="true"
            style:left=move || format!("{}px", px(|plot| plot.left))
            style:top=move || format!("{}px", px(|plot| plot.top))
            style:width=move || format!("{}px", px(|plot| plot.width))
            style:height=move || format!("{}px", px(|plot| plot.height))
            on:click=move |event| choose(&event)
        >
            <div
                class="cell"
                style:left=move || share(app.checkpoint.get(), shape.get().0)
                style:top=move || share(app.layer.get(), shape.get().1)
                style:width=move || share(1, shape.get().0)
                style:height=move || share(1, shape.get().1)
            ></div>
        </div>
    }
}

/// What stands behind the chosen cell.
#[component]
fn Experts(measure: Signal<figures::LayerMeasure>) -> impl IntoView {
    let app = App::get();
    let loaded = Memo::new(move |_| {
        let (checkpoint, domain) = (app.checkpoint.get(), app.domain.get());
        app.with_report(|report| {
            report.domain(&domain).is_some_and(|domain| domain.load.get(checkpoint).is_some_and(Option::is_some))
        }) == Some(true)
    });
    let drawn = Memo::new(move |_| app.with_report(|report| Arc::new(looks::experts(app, report))));
    let headline = move || {
        let (checkpoint, layer, domain, measure) = (app.checkpoint.get(), app.layer.get(), app.domain.get(), measure.get());
        app.with_report(|report| {
            let step = report.checkpoints.get(checkpoint).map_or(0, |checkpoint| checkpoint.step);
            let value = report.domain(&domain).and_then(|domain| value_of(domain, measure, checkpoint, layer));
            let words = MEASURES.iter().find(|(known, _)| *known == measure).map_or("", |(_, words)| words);
            format!("{domain}, layer {}, step {}: {words} {}", layer + 1, count(step), optional(value))
        })
        .unwrap_or_default()
    };
    let coactive = move || {
        let (layer, domain) = (app.layer.get(), app.domain.get());
        app.with_report(|report| {
            report.domain(&domain).and_then(|domain| domain.coactivation.get(layer)).map(|list| {
                list.iter().take(8).map(|pair| format!("{} → {} ({:.0} %)", pair.first, pair.second, 100.0 * pair.probability)).collect::<Vec<_>>()
            })
        })
        .flatten()
        .unwrap_or_default()
    };
    view! {
        <section class="experts" aria-labelledby="experts-heading">
            <h3 id="experts-heading" aria-live="polite">{headline}</h3>
            <Show
                when=move || loaded.get()
                fallback=|| view! {
                    <p class="soft">"The load of single experts needs selections: traces with top-k ids. These have none at this checkpoint."</p>
                }
            >
                <Chart figure=drawn.into()/>
            </Show>
            <Show when=move || !coactive().is_empty()>
                <p class="soft">"Selected together at the last checkpoint, P(second | first): "{move || coactive().join(", ")}</p>
            </Show>
        </section>
    }
}

/// The figure of a cell.
fn value_of(domain: &Domain, measure: figures::LayerMeasure, checkpoint: usize, layer: usize) -> Option<f64> {
    let cell = |rows: &[Vec<Option<f64>>], checkpoint: usize| rows.get(checkpoint)?.get(layer).copied().flatten();
    match measure {
        figures::LayerMeasure::Distance => cell(&domain.distance_by_layer, checkpoint),
        figures::LayerMeasure::DistanceChange => {
            Some(cell(&domain.distance_by_layer, checkpoint)? - cell(&domain.distance_by_layer, 0)?)
        }
        figures::LayerMeasure::LoadCv => domain.load.get(checkpoint)?.as_ref()?.layers.get(layer)?.cv,
        figures::LayerMeasure::Entropy => cell(&domain.entropy_by_layer, checkpoint),
        figures::LayerMeasure::Saturation => {
            domain.saturation.get(checkpoint)?.as_ref()?.k_by_layer.get(layer).copied()
        }
    }
}
