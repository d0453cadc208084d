//! A metric by layer and checkpoint, and the experts of the selected cell.

use std::sync::Arc;

use figures::{ExpertOrder, Figure, LayerMeasure};
use leptos::html;
use leptos::prelude::*;
use protocol::Drawing;
use report::Need;
use wasm_bindgen::JsCast;

use crate::chart::{Chart, Overlay, Plot};
use crate::chart_options;
use crate::controls::{Choice, DomainChoice, GroupChoice, LayerSlider, TwinSwitch};
use crate::drawings;
use crate::format::{count, optional};
use crate::state::App;

/// The view *Layers*: a metric by layer and checkpoint, and the experts behind a selected cell.
#[component]
pub fn Layers() -> impl IntoView {
    let app = App::get();
    let measures: Vec<LayerMeasure> = LayerMeasure::all().collect();
    let Some(&first) = measures.first() else { return ().into_any() };
    let measure = RwSignal::new(first);
    let offered = measures.clone();
    let drawn = drawings::draw(move || {
        let options = chart_options::domain_chart(app);
        Some(Drawing::Layers { domain: app.domain.get(), measure: measure.get().id(), options })
    });
    view! {
        <div class="toolbar">
            <DomainChoice/>
            <label class="choice">
                <span class="soft">"Metric"</span>
                <select on:change=move |event| {
                    let id = event_target_value(&event);
                    if let Some(&chosen) = offered.iter().find(|measure| measure.id() == id) {
                        measure.set(chosen);
                    }
                }>
                    {measures.into_iter().map(|measure| view! { <option value=measure.id()>{measure.name()}</option> }).collect_view()}
                </select>
            </label>
            <a href=move || format!("metrics.html#{}", measure.get().metric.section) target="_blank">"Definition"</a>
            <Show when=move || measure.get().metric.scope.groups><GroupChoice/></Show>
            <TwinSwitch/>
            <LayerSlider/>
        </div>
        <div class="columns">
        <Show
            when=move || !drawings::lacks(drawn)
            fallback=move || view! { <p class="missing">{move || missing(measure.get())}</p> }
        >
            <Map figure=drawings::first(drawn)/>
        </Show>
        <Experts measure=measure.into()/>
        </div>
    }
    .into_any()
}

/// Why a metric cannot be shown.
fn missing(measure: LayerMeasure) -> &'static str {
    if measure.metric.needs.contains(&Need::Ids) {
        "This metric needs the selected experts of every token: write topk_ids and offsets into the traces."
    } else {
        "This report has no per-layer figures. Links include them only on request; drop the run’s files to compute them."
    }
}

/// The heatmap: a click selects a cell, which gets a frame.
#[component]
fn Map(figure: Signal<Option<Arc<Figure>>>) -> impl IntoView {
    let app = App::get();
    let plot = RwSignal::new(None::<Plot>);
    let overlay = NodeRef::<html::Div>::new();
    let shape = Memo::new(move |_| {
        app.with_report(|report| (report.checkpoints.len(), report.run.layers)).unwrap_or((0, 0))
    });
    let choose = move |event: &web_sys::MouseEvent| {
        let Some(element) = overlay.get_untracked() else { return };
        let around = element.unchecked_ref::<web_sys::Element>().get_bounding_client_rect();
        let x = (f64::from(event.client_x()) - around.left()) / around.width();
        let y = (f64::from(event.client_y()) - around.top()) / around.height();
        if !(0.0..1.0).contains(&x) || !(0.0..1.0).contains(&y) {
            return;
        }
        let (checkpoints, layers) = shape.get_untracked();
        // Both shares are in 0..1, so the products are valid indices.
        app.checkpoint.set((x * checkpoints as f64) as usize);
        app.layer.set((y * layers as f64) as usize);
    };
    let share = |place: usize, number: usize| format!("{}%", 100.0 * place as f64 / number.max(1) as f64);
    view! {
        <div class="stacked" on:click=move |event| choose(&event)>
            <Chart figure plot>
                <Overlay plot node=overlay>
                    <div
                        class="cell"
                        style:left=move || share(app.checkpoint.get(), shape.get().0)
                        style:top=move || share(app.layer.get(), shape.get().1)
                        style:width=move || share(1, shape.get().0)
                        style:height=move || share(1, shape.get().1)
                    ></div>
                </Overlay>
            </Chart>
        </div>
    }
}

/// Experts of the selected cell.
#[component]
fn Experts(measure: Signal<LayerMeasure>) -> impl IntoView {
    let app = App::get();
    let order = RwSignal::new(ExpertOrder::Id);
    let headline = move || {
        let (checkpoint, layer, domain, measure) =
            (app.checkpoint.get(), app.layer.get(), app.domain.get(), measure.get());
        app.with_report(|report| {
            let step = report.checkpoints.get(checkpoint).map_or(0, |checkpoint| checkpoint.step);
            let value = measure.at(report, &domain, app.group.get(), checkpoint, layer);
            format!(
                "{domain}, layer {layer}, step {}: {} {}",
                count(step),
                measure.name().to_ascii_lowercase(),
                optional(value)
            )
        })
        .unwrap_or_default()
    };
    let drawn = drawings::draw(move || {
        Some(Drawing::Experts {
            domain: app.domain.get(),
            checkpoint: app.checkpoint.get(),
            layer: app.layer.get(),
            order: order.get(),
            options: chart_options::domain_chart(app),
        })
    });
    let partners = drawings::first(drawings::draw(move || {
        let options = chart_options::domain_chart(app);
        Some(Drawing::Coactivation { domain: app.domain.get(), layer: app.layer.get(), options })
    }));
    view! {
        <section class="experts" aria-labelledby="experts-heading">
            <h3 id="experts-heading" aria-live="polite">{headline}</h3>
            <Show
                when=move || !drawings::lacks(drawn)
                fallback=|| view! {
                    <p class="soft">"Expert load needs the selected experts of every token, which this checkpoint lacks."</p>
                }
            >
                <div class="toolbar">
                    <Choice
                        label="Experts" options=vec![("by id", ExpertOrder::Id), ("busiest first", ExpertOrder::Load)]
                        chosen=order.into() choose=move |chosen| order.set(chosen)
                    />
                </div>
                <Chart figure=drawings::first(drawn)/>
            </Show>
            <Show when=move || partners.with(Option::is_some)>
                <Chart figure=partners/>
            </Show>
        </section>
    }
}
