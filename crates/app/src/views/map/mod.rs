//! The distance matrix of a group, one frame per checkpoint: as a matrix, or as samples in a plane.

mod interaction;
mod transition;

use figures::MapSheet;
use leptos::html;
use leptos::prelude::*;
use protocol::Job;
use report::map::{MapOrder, MapScope};
use wasm_bindgen::prelude::*;
use web_sys::HtmlCanvasElement;

use self::interaction::{MapInteraction, WHOLE};
use self::transition::{Fade, transition};
use crate::chart::{Grid, available_width};
use crate::controls::{Choice, DomainChoice, GroupChoice, TwinSwitch};
use crate::format::{count, figure};
use crate::map::paint::{Legend, MapView, PointColor, draw, export_image, fit};
use crate::state::{App, Origin, View};
use crate::{analyst, browser, chart_options, download, map, present};

/// Largest number of samples of which all domains are shown at first.
const ALL_DOMAINS_MAX: usize = 2_000;

/// Milliseconds in which the map changes after the checkpoint was changed by hand.
const STEP_DURATION: f64 = 400.0;

/// The view *Map*: the distances between all samples of a group, as a matrix or in a plane.
#[component]
pub fn Map() -> impl IntoView {
    let app = App::get();
    let has_traces = move || app.origin.get() == Origin::Files && !app.files.with(Vec::is_empty);
    view! {
        <Show when=has_traces>
            <DistanceMap/>
        </Show>
    }
}

/// Requests a map, or its missing frames.
fn request_map(app: App, scope: MapScope, order: MapOrder) {
    app.cancelled.set(false);
    analyst::post(app, &Job::Map(map::request(app, scope, order)));
}

#[component]
fn DistanceMap() -> impl IntoView {
    let app = App::get();
    let samples = app.with_report(|report| report.run.samples).unwrap_or(0);
    let all = RwSignal::new(samples <= ALL_DOMAINS_MAX);
    let order = RwSignal::new(MapOrder::Cluster);
    let color = RwSignal::new(PointColor::Domain);
    let interaction = MapInteraction::new(app);
    let MapInteraction { canvas, plane, viewport, marked, opening, points, .. } = interaction;
    let frame = NodeRef::<html::Div>::new();
    let width = available_width(frame);
    app.map_pair.set(String::new());

    let scope = Memo::new(move |_| MapScope {
        domain: (!all.get()).then(|| app.domain.get()),
        group: app.group.get(),
    });
    let request = move || request_map(app, scope.get_untracked(), order.get_untracked());
    let complete = Memo::new(move |_| app.complete.get());
    Effect::new(move || {
        let (scope, order) = (scope.get(), order.get());
        if complete.get() {
            interaction.clear();
            request_map(app, scope, order);
        }
    });
    // Requests the current frame first; a frame that was dropped is requested again.
    Effect::new(move || {
        let here = app.checkpoint.get();
        let missing = map::with(|map| map.number() > 0 && !map.halted && !map.frames.contains_key(&here));
        if missing && complete.get_untracked() {
            request();
        }
    });
    Effect::new(move || {
        app.alignment.track();
        if opening.get_untracked() {
            opening.set(false);
            app.view.set(View::Pathways);
        }
    });

    let fade = Fade::default();
    let current_view = move || MapView {
        checkpoint: app.checkpoint.get(),
        plane: plane.get(),
        color: color.get(),
        viewport: viewport.get(),
        marked: marked.get(),
        dark: app.dark.get(),
        checkpoints: app.with_report(|report| report.checkpoints.len()).unwrap_or(0),
        fade: fade.share(),
    };
    let show = move |view: MapView| {
        let Some(element) = canvas.get_untracked() else { return };
        let element: &HtmlCanvasElement = &element;
        let unit = browser::window().device_pixel_ratio().max(1.0);
        let size = fit(element, unit);
        points.with_value(|points| draw(element, (0.0, 0.0), size, view, points, unit));
    };
    Effect::new(move |before: Option<usize>| {
        app.map.track();
        width.track();
        app.presenting.track();
        let here = app.checkpoint.get();
        let still = browser::reduces_motion();
        // While playing, the map arrives when the next checkpoint is due, so that it never rests.
        let duration = move || {
            let playing = app.playing.get_untracked();
            playing.then(|| untrack(|| present::pause(app))).flatten().unwrap_or(STEP_DURATION)
        };
        if before.is_some_and(|before| before != here) && !plane.get_untracked() && !still {
            // Zoom and marks may change meanwhile.
            fade.start(duration(), move || show(untrack(current_view)));
        }
        let view = current_view();
        let goal = map::with(|map| map.frames.get(&view.checkpoint).map(|frame| frame.points.clone()));
        let Some(goal) = goal else {
            show(view);
            return here;
        };
        let from = points.get_value();
        if !view.plane || still || from.len() != goal.len() || from == goal {
            points.set_value(goal);
            show(view);
        } else {
            transition(from, goal, points, (browser::now(), duration()), move || {
                // Changes during the transition are shown at once.
                show(untrack(|| MapView {
                    checkpoint: app.checkpoint.get(),
                    plane: plane.try_get().unwrap_or(view.plane),
                    viewport: viewport.try_get().unwrap_or(view.viewport),
                    marked: marked.try_get().unwrap_or(view.marked),
                    ..view
                }));
            });
        }
        if let Some((rows, columns)) = map::missing_detail(here, view.viewport) {
            analyst::post(app, &Job::MapPart { rows, columns, checkpoint: here });
        }
        here
    });

    Effect::new(move || {
        app.checkpoint.track();
        interaction.request_pair(false);
    });
    let sheet = move || {
        app.map.track();
        let here = app.checkpoint.get();
        map::with(|map| map.frames.get(&here).map(|frame| frame.facts.sheet.clone()))
    };
    let measured = move || {
        app.map.track();
        let measured = map::with(|map| map.frames.len());
        let all = app.with_report(|report| report.checkpoints.len()).unwrap_or(0);
        (measured, all)
    };
    let halted = move || {
        let (measured, all) = measured();
        measured < all && map::with(|map| map.halted)
    };
    let step = move |at: usize| {
        let step = app.with_report(|report| report.checkpoints.get(at).map(|at| at.step)).flatten();
        format!("step {}", count(step.unwrap_or(0)))
    };
    let legend = move || {
        app.map.track();
        let (low, high) = map::with(map::MapData::range);
        let unit = app.with_report(report_unit).unwrap_or_default();
        match (plane.get(), color.get()) {
            (false, _) => Legend::Scale(format!("{low} {unit} or less"), format!("{high} or more")),
            (true, PointColor::Domain) => {
                let theme = chart_options::theme(app);
                let names = app.with_report(|report| {
                    report.domains.iter().map(|domain| domain.name.clone()).collect::<Vec<_>>()
                });
                let shown = map::with(|map| map.domains.clone());
                let names = names.unwrap_or_default().into_iter().enumerate();
                let names = names.filter(|(at, _)| shown.contains(&(*at as u32)));
                Legend::Names(
                    names.map(|(at, name)| (name, figures::palette::domain(at, theme).color)).collect(),
                )
            }
            (true, PointColor::TStar) => {
                let last = measured().1.saturating_sub(1);
                Legend::Scale(format!("memorized at {}", step(0)), format!("{}; grey: never", step(last)))
            }
            (true, PointColor::Loss) => {
                let (low, high) = map::with(map::MapData::losses);
                Legend::Scale(format!("loss {}", figure(low)), format!("{} nats", figure(high)))
            }
        }
    };
    let title = move || {
        let domains = if all.get_untracked() { "all domains".to_owned() } else { app.domain.get_untracked() };
        let tau = app.with_report(|report| report.settings.tau).unwrap_or(0.0);
        format!("Pathway distances, {domains}, {}, tau {tau}", step(app.checkpoint.get_untracked()))
    };
    let save_image = move |_| {
        let name = download::file_name(&title(), ".png");
        let image = points
            .with_value(|points| export_image(untrack(current_view), points, &title(), &untrack(legend)));
        let Some(image) = image else { return };
        let save = Closure::once_into_js(move |blob: JsValue| {
            let saved = blob.dyn_ref().map_or_else(
                || Err("The browser could not create the image.".to_owned()),
                |blob| download::blob(&name, blob),
            );
            if let Err(message) = saved {
                app.fail(message);
            }
        });
        drop(image.to_blob(save.unchecked_ref()));
    };
    let save = move |checkpoint: Option<usize>| {
        app.cancelled.set(false);
        analyst::post(app, &Job::MapSave { checkpoint });
    };
    view! {
        <div class="map-view">
        <div class="map" node_ref=frame class:away=move || app.twin.get()>
            <canvas
                node_ref=canvas tabindex="0" role="grid" data-testid="map"
                aria-label="Distance matrix: arrow keys move, plus and minus zoom, Enter compares the pair"
                style:touch-action=move || if viewport.get().2 < 1.0 { "none" } else { "pan-y" }
                on:pointerdown=move |event| interaction.down(&event) on:pointermove=move |event| interaction.moved(&event)
                on:pointerup=move |event| interaction.up(&event) on:pointercancel=move |event| interaction.up(&event)
                on:pointerleave=move |event| interaction.up(&event)
                on:click=move |event| interaction.click(&event) on:keydown=move |event| interaction.key(&event) on:wheel=move |event| interaction.wheel(&event)
            ></canvas>
        </div>
        <div class="map-readout" data-testid="map-readout">
        <div class="toolbar">
            <Choice label="Domains" options=vec![("all", true), ("one", false)] chosen=all.into() choose=move |chosen| all.set(chosen)/>
            <Show when=move || !all.get()><DomainChoice/></Show>
            <GroupChoice/>
            <Choice label="Show" options=vec![("matrix", false), ("plane", true)] chosen=plane.into() choose=move |chosen| interaction.set_plane(chosen)/>
            <Show when=move || !plane.get()>
                <Choice
                    label="Order" options=vec![("clustered", MapOrder::Cluster), ("domain", MapOrder::Domain), ("memorized at", MapOrder::TStar), ("file", MapOrder::File)]
                    chosen=order.into() choose=move |chosen| order.set(chosen)
                />
            </Show>
            <Show when=move || plane.get()>
                <Choice
                    label="Colour" options=vec![("domain", PointColor::Domain), ("memorized at", PointColor::TStar), ("loss", PointColor::Loss)]
                    chosen=color.into() choose=move |chosen| color.set(chosen)
                />
            </Show>
            <TwinSwitch/>
        </div>
            <span class="buttons">
                <button type="button" class="plain" aria-label="Zoom in" on:click=move |_| interaction.zoom(1.5, (0.5, 0.5))><kbd>"+"</kbd></button>
                <button type="button" class="plain" aria-label="Zoom out" on:click=move |_| interaction.zoom(1.0 / 1.5, (0.5, 0.5))><kbd>"−"</kbd></button>
                <button type="button" class="plain" on:click=move |_| viewport.set(WHOLE)>"Reset zoom "<kbd>"0"</kbd></button>
                <button type="button" class="plain" data-testid="map-png" on:click=save_image>"PNG"</button>
                <button type="button" class="plain" data-testid="map-npy" on:click=move |_| save(Some(app.checkpoint.get_untracked()))>"NPY"</button>
                <button type="button" class="plain" data-testid="map-csv" on:click=move |_| save(None)>"Rows as CSV"</button>
            </span>
        <p class="soft" data-testid="map-says" role="status">
            {move || match sheet() {
                Some(sheet) => sheet.says,
                None if complete.get() => format!("{} is not measured yet.", step(app.checkpoint.get())),
                None => "The map is measured once the report is complete.".to_owned(),
            }}
            {move || { app.map.track(); map::with(|map| map.note.clone()) }}
            <Show when=move || measured().0 < measured().1>
                <span data-testid="map-known">{move || { let (measured, all) = measured(); format!(" {measured} of {all} checkpoints are measured. ") }}</span>
            </Show>
            <Show when=halted><button type="button" on:click=move |_| request()>"Resume"</button></Show>
        </p>
        <Show when=move || app.twin.get()>
            <div class="twin">{move || sheet().map(|MapSheet { table, .. }| view! {
                <Grid table caption="Mean distances within and between domains".to_owned()/>
            })}</div>
        </Show>
            <p class="map-legend">{move || match legend() {
                Legend::Scale(low, high) => view! { <span>{low}</span><span class="scale"></span><span>{high}</span> }.into_any(),
                Legend::Names(names) => names.into_iter().map(|(name, color)| view! {
                    <span><span style:color=color>"● "</span>{name}</span>
                }).collect_view().into_any(),
            }}</p>
            <p class="figure-line" data-testid="map-pair" aria-live="polite">{move || match app.map_pair.get() {
                text if !text.is_empty() => text,
                _ if plane.get() => "Hover over a sample to identify it; click two samples to compare their pathways.".to_owned(),
                _ => "Hover over a cell to see its two samples; click it to compare their pathways.".to_owned(),
            }}</p>
            <Show when=move || marked.get().is_some_and(|(a, b)| a != b)>
                <button type="button" data-testid="map-open" on:click=move |_| interaction.request_pair(true)>"Compare pathways"</button>
            </Show>
        </div>
        </div>
    }
}

/// Unit of the distances of a report.
pub fn report_unit(report: &report::Report) -> String {
    match report.settings.unit {
        report::Unit::Symbol => "symbols",
        report::Unit::Character => "characters",
    }
    .to_owned()
}
