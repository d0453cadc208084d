//! Metrics over training: stacked charts with a shared axis and cursor.

use std::sync::Arc;

use figures::Figure;
use leptos::html;
use leptos::prelude::*;
use report::Report;
use wasm_bindgen::JsCast;

use crate::chart::{self, Chart, Overlay, Plot};
use crate::chart_options;
use crate::controls::{AxisChoice, DomainChoice, GroupChoice, TwinSwitch};
use crate::state::{App, Axis};
use crate::views::readout::Readout;

/// Charts shown while presenting; only the first two if the screen is too low for a second row.
const PRESENTED: [&str; 4] = ["accuracy", "distance", "loss", "entropy"];

/// The charts at the top, side by side if there is room.
const MAIN: usize = 2;

/// Whether a chart is among the first `number` of [`PRESENTED`].
fn is_among(id: &str, number: usize) -> bool {
    PRESENTED.iter().take(number).any(|shown| *shown == id)
}

/// The view *Timeline*: every metric over training on one step axis.
#[component]
pub fn Timeline() -> impl IntoView {
    let app = App::get();
    let drawn = Memo::new(move |_| {
        app.with_report(|report| figures::timeline(report, &chart_options::timeline(app)))
            .unwrap_or_default()
            .into_iter()
            .filter(|figure| {
                !app.presenting.get() || is_among(&figure.id, chart_options::presented_charts(app))
            })
            .map(Arc::new)
            .collect::<Vec<_>>()
    });
    let ids = Memo::new(move |_| {
        drawn.with(|figures| figures.iter().map(|figure| figure.id.clone()).collect::<Vec<_>>())
    });
    let courses = move |main: bool| {
        view! {
            <div class="charts two">
                <For each=move || ids.get().into_iter().filter(move |id| is_among(id, MAIN) == main) key=Clone::clone let:id>
                    {
                        let figure = Signal::derive(move || drawn.with(|figures| figures.iter().find(|figure| figure.id == id).cloned()));
                        view! { <Course figure/> }
                    }
                </For>
            </div>
        }
    };
    view! {
        <div class="toolbar">
            <AxisChoice/>
            <GroupChoice/>
            <TwinSwitch/>
        </div>
        {courses(true)}
        <Readout/>
        <h3 class="further">"Further metrics"</h3>
        {courses(false)}
        <Sweep/>
    }
}

/// The tau sweep: distances at every threshold.
#[component]
fn Sweep() -> impl IntoView {
    let app = App::get();
    let section = NodeRef::<html::Div>::new();
    let width = chart::available_width(section);
    let drawn = Memo::new(move |_| {
        let options = figures::ChartOptions { width: Some(width.get()?), ..chart_options::domain_chart(app) };
        app.with_report(|report| figures::sweep(report, &app.domain.get(), &options).map(Arc::new)).flatten()
    });
    view! {
        <Show when=move || drawn.with(Option::is_some) && !app.presenting.get()>
            <section class="view" aria-label="Tau sweep">
                <div class="toolbar"><DomainChoice/></div>
                <Chart figure=drawn.into()/>
            </section>
        </Show>
        <div node_ref=section></div>
    }
}

/// One chart with the shared cursor: a rule at the current checkpoint. It follows the pointer; a
/// click fixes it.
#[component]
fn Course(figure: Signal<Option<Arc<Figure>>>) -> impl IntoView {
    let app = App::get();
    let plot = RwSignal::new(None::<Plot>);
    let overlay = NodeRef::<html::Div>::new();
    // Position of each checkpoint from the plot's left edge.
    let positions = Memo::new(move |_| {
        let width = plot.with(|plot| plot.map_or(0.0, |plot| plot.width));
        let axis = app.axis.get();
        let shares = app.with_report(|report| shares(report, axis)).unwrap_or_default();
        shares.into_iter().map(|share| share * width).collect::<Vec<_>>()
    });
    let nearest = move |event: &web_sys::MouseEvent| {
        let around = overlay.get_untracked()?.unchecked_ref::<web_sys::Element>().get_bounding_client_rect();
        let (x, y) = (f64::from(event.client_x()), f64::from(event.client_y()));
        let inside = (around.left() - 8.0..=around.right() + 8.0).contains(&x)
            && (around.top()..=around.bottom()).contains(&y);
        if !inside {
            return None;
        }
        positions.with_untracked(|positions| {
            let distances = positions.iter().map(|at| (at - (x - around.left())).abs()).enumerate();
            distances.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(here, _)| here)
        })
    };
    let set_hover = move |here: Option<usize>| {
        if app.hover.get_untracked() != here {
            app.hover.set(here);
        }
    };
    let x = move || positions.with(|positions| positions.get(app.current_checkpoint()).copied());
    view! {
        <div
            class="stacked"
            on:pointermove=move |event| set_hover(nearest(&event))
            on:pointerleave=move |_| set_hover(None)
            on:click=move |event| {
                if let Some(here) = nearest(&event) {
                    app.checkpoint.set(here);
                }
            }
        >
            <Chart figure plot>
                <Overlay plot node=overlay>
                    <div
                        class="cursor"
                        class:hidden=move || x().is_none()
                        style:left=move || format!("{}px", x().unwrap_or(0.0))
                    ></div>
                </Overlay>
            </Chart>
        </div>
    }
}

/// Position of each checkpoint on the horizontal axis, in `[0, 1]`, by the scales of
/// [`figures::timeline`].
fn shares(report: &Report, axis: Axis) -> Vec<f64> {
    let axis = if chart_options::axis(axis).is_available(report) { axis } else { Axis::Steps };
    let values: Vec<f64> = report
        .checkpoints
        .iter()
        .map(|checkpoint| match (axis, checkpoint.tokens) {
            (Axis::Tokens, Some(tokens)) => tokens as f64,
            _ => checkpoint.step as f64,
        })
        .collect();
    let smallest = values.iter().copied().filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
    let scaled = |value: f64| {
        if axis == Axis::Log && smallest.is_finite() { (value / smallest).ln_1p() } else { value }
    };
    let first = values.iter().copied().fold(f64::INFINITY, f64::min);
    let last = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let last = if last > first { last } else { first + 1.0 };
    values.iter().map(|value| (scaled(*value) - scaled(first)) / (scaled(last) - scaled(first))).collect()
}
