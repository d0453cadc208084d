//! All pairwise distances of a group, a frame a checkpoint: as a matrix, or as samples in a plane.

use std::time::Duration;

use leptos::html;
use leptos::prelude::*;
use report::map::{MapOrder, MapScope};
use wasm_bindgen::prelude::*;
use web_sys::{HtmlCanvasElement, KeyboardEvent, PointerEvent};
use worker::Job;

use crate::chart::{Grid, room};
use crate::format::{count, figure};
use crate::map::paint::{Legend, Look, Paint, draw, nearest, poster};
use crate::state::{App, Origin, View};
use crate::views::controls::{CheckpointSlider, Choice, DomainChoice, GroupChoice, TwinSwitch};
use crate::{analyst, browser, download, looks, map};

/// Milliseconds in which points move to their next places.
const MOVE: f64 = 400.0;

/// Samples up to which all domains are shown at once without being asked for.
const ALL_AT_ONCE: usize = 2_000;

/// The whole map.
const WHOLE: (f64, f64, f64) = (0.0, 0.0, 1.0);

/// The view.
#[component]
pub fn Map() -> impl IntoView {
    let app = App::get();
    let own = move || app.origin.get() == Origin::Files && !app.files.with(Vec::is_empty);
    view! {
        <Show when=own fallback=|| view! {
            <p class="missing">"The map of all pairwise distances needs the run’s own files: a link or an export has only the figures of whole groups. Drop the run’s traces to see it."</p>
        }>
            <Sheet/>
        </Show>
    }
}

/// What a drag began with.
#[derive(Clone, Copy, Default)]
struct Grip {
    /// Pointers that are down, by number, with their places.
    first: Option<(i32, f64, f64)>,
    second: Option<(i32, f64, f64)>,
    /// Whether it has moved, so that its end is no click.
    moved: bool,
}

#[component]
fn Sheet() -> impl IntoView {
    let app = App::get();
    let samples = app.with_report(|report| report.run.samples).unwrap_or(0);
    let all = RwSignal::new(samples <= ALL_AT_ONCE);
    let order = RwSignal::new(MapOrder::Cluster);
    let plane = RwSignal::new(false);
    let paint = RwSignal::new(Paint::Domain);
    let sight = RwSignal::new(WHOLE);
    let marked = RwSignal::new(None::<(usize, usize)>);
    // The first of two points that are picked in the plane.
    let held = RwSignal::new(None::<usize>);
    let opening = RwSignal::new(false);
    let canvas = NodeRef::<html::Canvas>::new();
    let frame = NodeRef::<html::Div>::new();
    let width = room(frame);
    let points = StoredValue::new(Vec::<f32>::new());
    let grip = StoredValue::new(Grip::default());
    app.map_pair.set(String::new());

    let ask = move || {
        let domain = (!all.get_untracked()).then(|| app.domain.get_untracked());
        map::ask(app, MapScope { domain, group: app.group.get_untracked() }, order.get_untracked());
    };
    let complete = Memo::new(move |_| app.complete.get());
    let scope = Memo::new(move |_| {
        (all.get(), if all.get() { String::new() } else { app.domain.get() }, app.group.get())
    });
    Effect::new(move || {
        order.track();
        scope.track();
        if complete.get() {
            marked.set(None);
            held.set(None);
            app.map_pair.set(String::new());
            ask();
        }
    });
    // The frame that is looked at comes first; one that was let go comes again.
    Effect::new(move || {
        let here = app.checkpoint.get();
        let missing =
            map::with(|sheet| sheet.number() > 0 && !sheet.halted && !sheet.frames.contains_key(&here));
        if missing && complete.get_untracked() {
            ask();
        }
    });
    Effect::new(move || {
        app.alignment.track();
        if opening.get_untracked() {
            opening.set(false);
            app.view.set(View::Pathways);
        }
    });

    let look = move || Look {
        checkpoint: app.checkpoint.get(),
        plane: plane.get(),
        paint: paint.get(),
        sight: sight.get(),
        marked: marked.get(),
        dark: app.dark.get(),
        checkpoints: app.with_report(|report| report.checkpoints.len()).unwrap_or(0),
    };
    let show = move |look: Look| {
        let Some(element) = canvas.get_untracked() else { return };
        let element: &HtmlCanvasElement = &element;
        let unit = browser::window().device_pixel_ratio().max(1.0);
        let size = (f64::from(element.client_width()) * unit).round().max(1.0);
        if (f64::from(element.width()) - size).abs() > 0.5 {
            element.set_width(size as u32);
            element.set_height(size as u32);
        }
        points.with_value(|points| draw(element, (0.0, 0.0), size, look, points, unit));
    };
    Effect::new(move || {
        app.map.track();
        width.track();
        app.presenting.track();
        let look = look();
        let goal = map::with(|sheet| sheet.frames.get(&look.checkpoint).map(|frame| frame.points.clone()));
        let Some(goal) = goal else {
            show(look);
            return;
        };
        let still = browser::window().match_media("(prefers-reduced-motion: reduce)").ok().flatten();
        let still = still.is_none_or(|query| query.matches());
        let from = points.get_value();
        if !look.plane || still || from.len() != goal.len() || from == goal {
            points.set_value(goal);
            show(look);
        } else {
            travel(from, goal, points, browser::now(), move || {
                show(untrack(look_now(look, app, plane, sight, marked)));
            });
        }
        map::look_closely(app, look.sight);
    });

    let size =
        move || canvas.get_untracked().map_or(1.0, |element| f64::from(element.client_width()).max(1.0));
    let zoom = move |factor: f64, (x, y): (f64, f64)| {
        sight.update(|sight| {
            let (left, top, span) = *sight;
            let number = map::with(map::Sheet::number).max(16) as f64;
            let next = (span / factor).clamp(8.0 / number, 1.0);
            *sight = inside((left + x * (span - next), top + y * (span - next), next));
        });
    };
    let pan = move |x: f64, y: f64| {
        sight.update(|(left, top, span)| (*left, *top, _) = inside((*left + x, *top + y, *span)));
    };
    // What lies at a place of the canvas, in shares of it.
    let find = move |(x, y): (f64, f64)| {
        let (left, top, span) = sight.get_untracked();
        if plane.get_untracked() {
            let size = size();
            let at = points
                .with_value(|points| nearest(points, sight.get_untracked(), size, (x * size, y * size)))?;
            return Some((held.get_untracked().unwrap_or(at), at));
        }
        let number = map::with(map::Sheet::number);
        let place =
            |share: f64| (share >= 0.0).then_some((share * number as f64) as usize).filter(|at| *at < number);
        place(top + y * span).zip(place(left + x * span))
    };
    let tell = move |open: bool| {
        let Some((a, b)) = marked.get_untracked() else { return };
        let place = |at: usize| {
            let row = map::with(|sheet| sheet.order.get(at).copied());
            if plane.get_untracked() { Some(at as u32) } else { row }
        };
        let Some(places) = place(a).zip(place(b)) else { return };
        let open = open && places.0 != places.1;
        opening.set(open);
        analyst::post(app, &Job::MapPair { places, checkpoint: app.checkpoint.get_untracked(), open });
    };
    let mark = move |found: Option<(usize, usize)>| {
        if found.is_some() && marked.get_untracked() != found {
            marked.set(found);
            tell(false);
        }
    };
    Effect::new(move || {
        app.checkpoint.track();
        tell(false);
    });
    let share = move |event: &PointerEvent| {
        let size = size();
        (f64::from(event.offset_x()) / size, f64::from(event.offset_y()) / size)
    };
    let down = move |event: PointerEvent| {
        let (x, y) = share(&event);
        grip.update_value(|grip| {
            let slot = if grip.first.is_none() { &mut grip.first } else { &mut grip.second };
            *slot = Some((event.pointer_id(), x, y));
            grip.moved &= grip.second.is_some();
        });
    };
    let moved = move |event: PointerEvent| {
        let (x, y) = share(&event);
        let before = grip.get_value();
        let id = event.pointer_id();
        let (mine, other) = match (before.first, before.second) {
            (Some(first), second) if first.0 == id => (first, second),
            (first, Some(second)) if second.0 == id => (second, first),
            _ => {
                mark(find((x, y)));
                return;
            }
        };
        let (from_x, from_y) = (mine.1, mine.2);
        if !before.moved && (x - from_x).abs().max((y - from_y).abs()) * size() < 4.0 {
            return;
        }
        if let Some((_, other_x, other_y)) = other {
            let apart = |x: f64, y: f64| {
                let (x, y) = (x - other_x, y - other_y);
                (x * x + y * y).sqrt().max(0.01)
            };
            zoom(apart(x, y) / apart(from_x, from_y), (f64::midpoint(x, other_x), f64::midpoint(y, other_y)));
        } else {
            let span = sight.get_untracked().2;
            pan((from_x - x) * span, (from_y - y) * span);
        }
        grip.update_value(|grip| {
            grip.moved = true;
            for slot in [&mut grip.first, &mut grip.second].into_iter().flatten().filter(|slot| slot.0 == id)
            {
                *slot = (id, x, y);
            }
        });
    };
    let up = move |event: PointerEvent| {
        grip.update_value(|grip| {
            let id = event.pointer_id();
            grip.first = grip.first.filter(|slot| slot.0 != id);
            grip.second = grip.second.filter(|slot| slot.0 != id);
        });
    };
    let choose = move || {
        if plane.get_untracked() && held.get_untracked().is_none() {
            held.set(marked.get_untracked().map(|(_, at)| at));
        } else {
            held.set(None);
            tell(true);
        }
    };
    let click = move |event: web_sys::MouseEvent| {
        let was_dragged = grip.get_value().moved;
        grip.set_value(Grip::default());
        if was_dragged {
            return;
        }
        let size = size();
        let found = find((f64::from(event.offset_x()) / size, f64::from(event.offset_y()) / size));
        // A finger has no way to look first: its first tap looks.
        // A click has whole pixels where the way to it had fractions, so that a few pixels count as the same place.
        let near = |(a, b): (usize, usize), (c, d): (usize, usize)| {
            let cells = 3.0 * sight.get_untracked().2 * map::with(map::Sheet::number) as f64 / size;
            b == d && plane.get_untracked()
                || !plane.get_untracked() && a.abs_diff(c).max(b.abs_diff(d)) as f64 <= cells.max(1.0)
        };
        let seen = found.zip(marked.get_untracked()).is_some_and(|(found, marked)| near(found, marked));
        if seen {
            choose();
        } else {
            mark(found);
        }
    };
    let key = move |event: KeyboardEvent| {
        let (left, top, span) = sight.get_untracked();
        let (x, y) = match &event.key()[..] {
            "+" | "=" => {
                event.prevent_default();
                return zoom(1.5, (0.5, 0.5));
            }
            "-" => {
                event.prevent_default();
                return zoom(1.0 / 1.5, (0.5, 0.5));
            }
            "0" => {
                event.prevent_default();
                return sight.set(WHOLE);
            }
            "Enter" => {
                event.prevent_default();
                return choose();
            }
            "ArrowLeft" => (-1.0, 0.0),
            "ArrowRight" => (1.0, 0.0),
            "ArrowUp" => (0.0, -1.0),
            "ArrowDown" => (0.0, 1.0),
            _ => return,
        };
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        event.prevent_default();
        let number = map::with(map::Sheet::number);
        if plane.get_untracked() || event.shift_key() || number == 0 {
            pan(0.1 * span * x, 0.1 * span * y);
            return;
        }
        // One sample where they can be told apart, else a hundredth of what is in sight.
        let step = (0.01 * span * number as f64).max(1.0);
        let walk = |at: usize, by: f64| (at as f64 + by * step).clamp(0.0, (number - 1) as f64) as usize;
        let middle = |from: f64| ((from + span / 2.0) * number as f64) as usize;
        let (row, column) = marked.get_untracked().unwrap_or((middle(top), middle(left)));
        let next = (walk(row, y), walk(column, x));
        let keep = |from: f64, at: usize| {
            let at = at as f64 / number as f64;
            from.min(at).max(at + 1.0 / number as f64 - span)
        };
        sight.set(inside((keep(left, next.1), keep(top, next.0), span)));
        mark(Some(next));
    };

    let facts = move |read: fn(&worker::MapFrame) -> String| {
        app.map.track();
        let here = app.checkpoint.get();
        map::with(|sheet| sheet.frames.get(&here).map(|frame| read(&frame.facts)))
    };
    let known = move || {
        app.map.track();
        let known = map::with(|sheet| sheet.frames.len());
        let all = app.with_report(|report| report.checkpoints.len()).unwrap_or(0);
        (known, all)
    };
    let halted = move || {
        let (known, all) = known();
        known < all && map::with(|sheet| sheet.halted)
    };
    let step = move |at: usize| {
        let step = app.with_report(|report| report.checkpoints.get(at).map(|at| at.step)).flatten();
        format!("step {}", count(step.unwrap_or(0)))
    };
    let legend = move || {
        app.map.track();
        let (low, high) = map::with(map::Sheet::range);
        let unit = app.with_report(report_unit).unwrap_or_default();
        match (plane.get(), paint.get()) {
            (false, _) => Legend::Ends(format!("{low} {unit} or less"), format!("{high} or more")),
            (true, Paint::Domain) => {
                let theme = looks::theme(app);
                let names = app.with_report(|report| {
                    report.domains.iter().map(|domain| domain.name.clone()).collect::<Vec<_>>()
                });
                let shown = map::with(|sheet| sheet.domains.clone());
                let names = names.unwrap_or_default().into_iter().enumerate();
                let names = names.filter(|(at, _)| shown.contains(&(*at as u32)));
                Legend::Names(
                    names.map(|(at, name)| (name, figures::palette::domain(at, theme).color)).collect(),
                )
            }
            (true, Paint::TStar) => {
                let last = known().1.saturating_sub(1);
                Legend::Ends(format!("memorized at {}", step(0)), format!("{}; grey: never", step(last)))
            }
            (true, Paint::Loss) => {
                let (low, high) = map::with(map::Sheet::losses);
                Legend::Ends(format!("loss {}", figure(low)), format!("{} nats", figure(high)))
            }
        }
    };
    let title = move || {
        let who = if all.get_untracked() { "all domains".to_owned() } else { app.domain.get_untracked() };
        let tau = app.with_report(|report| report.settings.tau).unwrap_or(0.0);
        format!("Pathway distances, {who}, {}, tau {tau}", step(app.checkpoint.get_untracked()))
    };
    let save_picture = move |_| {
        let name = download::file_name(&title(), ".png");
        let made = points.with_value(|points| poster(untrack(look), points, &title(), &untrack(legend)));
        let Some(made) = made else { return };
        let taken = Closure::once_into_js(move |blob: JsValue| {
            let saved = blob.dyn_ref().map_or_else(
                || Err("The browser could not make the picture.".to_owned()),
                |blob| download::blob(&name, blob),
            );
            if let Err(message) = saved {
                app.fail(message);
            }
        });
        drop(made.to_blob(taken.unchecked_ref()));
    };
    let save = move |checkpoint: Option<usize>| {
        app.cancelled.set(false);
        analyst::post(app, &Job::MapSave { checkpoint });
    };
    view! {
        <div class="toolbar">
            <Choice label="Domains" options=vec![("all", true), ("one", false)] chosen=all.into() choose=move |chosen| all.set(chosen)/>
            <Show when=move || !all.get()><DomainChoice/></Show>
            <GroupChoice/>
            <Choice label="Show" options=vec![("matrix", false), ("plane", true)] chosen=plane.into() choose=move |chosen| {
                sight.set(WHOLE);
                marked.set(None);
                plane.set(chosen);
            }/>
            <Show when=move || !plane.get()>
                <Choice
                    label="Order" options=vec![("alike", MapOrder::Cluster), ("domain", MapOrder::Domain), ("t*", MapOrder::TStar), ("file", MapOrder::File)]
                    chosen=order.into() choose=move |chosen| order.set(chosen)
                />
            </Show>
            <Show when=move || plane.get()>
                <Choice
                    label="Colour" options=vec![("domain", Paint::Domain), ("t*", Paint::TStar), ("loss", Paint::Loss)]
                    chosen=paint.into() choose=move |chosen| paint.set(chosen)
                />
            </Show>
            <TwinSwitch/>
        </div>
        <div class="toolbar">
            <CheckpointSlider/>
            <span class="buttons">
                <button type="button" class="plain" aria-label="Zoom in" on:click=move |_| zoom(1.5, (0.5, 0.5))><kbd>"+"</kbd></button>
                <button type="button" class="plain" aria-label="Zoom out" on:click=move |_| zoom(1.0 / 1.5, (0.5, 0.5))><kbd>"−"</kbd></button>
                <button type="button" class="plain" on:click=move |_| sight.set(WHOLE)>"All "<kbd>"0"</kbd></button>
                <button type="button" class="plain" data-testid="map-png" on:click=save_picture>"PNG"</button>
                <button type="button" class="plain" data-testid="map-npy" on:click=move |_| save(Some(app.checkpoint.get_untracked()))>"NPY"</button>
                <button type="button" class="plain" data-testid="map-csv" on:click=move |_| save(None)>"Rows as CSV"</button>
            </span>
        </div>
        <p class="soft" data-testid="map-says" role="status">
            {move || facts(|facts| facts.says.clone()).unwrap_or_else(|| if complete.get() {
                format!("{} is not measured yet.", step(app.checkpoint.get()))
            } else {
                "The map is measured as soon as the report is complete.".to_owned()
            })}
            {move || { app.map.track(); map::with(|sheet| sheet.note.clone()) }}
            <Show when=move || known().0 < known().1>
                <span data-testid="map-known">{move || { let (known, all) = known(); format!(" {known} of {all} checkpoints are measured. ") }}</span>
            </Show>
            <Show when=halted><button type="button" on:click=move |_| ask()>"Go on"</button></Show>
        </p>
        <Show when=move || app.twin.get()>
            <div class="twin">{move || facts(|facts| facts.table.clone()).map(|text| view! {
                <Grid table=figures::table_from_text(&text) caption="Mean distances inside domains and between them".to_owned()/>
            })}</div>
        </Show>
        <div class="map" node_ref=frame class:away=move || app.twin.get()>
            <p class="map-legend">{move || match legend() {
                Legend::Ends(low, high) => view! { <span>{low}</span><span class="scale"></span><span>{high}</span> }.into_any(),
                Legend::Names(names) => names.into_iter().map(|(name, color)| view! {
                    <span><span style:color=color>"● "</span>{name}</span>
                }).collect_view().into_any(),
            }}</p>
            <canvas
                node_ref=canvas tabindex="0" role="grid" data-testid="map"
                aria-label="Map of distances: arrows move, plus and minus zoom, Enter opens the pair"
                style:touch-action=move || if sight.get().2 < 1.0 { "none" } else { "pan-y" }
                on:pointerdown=down on:pointermove=moved on:pointerup=up on:pointercancel=up on:pointerleave=up
                on:click=click on:keydown=key
                on:wheel=move |event| {
                    // At the full size the wheel scrolls the page onward.
                    if event.delta_y() < 0.0 || sight.get_untracked().2 < 1.0 {
                        event.prevent_default();
                        let size = size();
                        let at = (f64::from(event.offset_x()) / size, f64::from(event.offset_y()) / size);
                        zoom(if event.delta_y() < 0.0 { 1.2 } else { 1.0 / 1.2 }, at);
                    }
                }
            ></canvas>
            <p class="figure-line" data-testid="map-pair" aria-live="polite">{move || match app.map_pair.get() {
                text if !text.is_empty() => text,
                _ if plane.get() => "Point at a sample to see which it is; click two to compare their pathways.".to_owned(),
                _ => "Point at a cell to see its two samples; a click compares their pathways.".to_owned(),
            }}</p>
            <Show when=move || marked.get().is_some_and(|(a, b)| a != b)>
                <button type="button" data-testid="map-open" on:click=move |_| tell(true)>"Compare their pathways"</button>
            </Show>
        </div>
    }
}

fn report_unit(report: &report::Report) -> String {
    match report.settings.unit {
        report::Unit::Symbol => "symbols",
        report::Unit::Character => "characters",
    }
    .to_owned()
}

/// What is in sight, kept on the map.
fn inside((left, top, span): (f64, f64, f64)) -> (f64, f64, f64) {
    let most = (1.0 - span).max(0.0);
    (left.clamp(0.0, most), top.clamp(0.0, most), span)
}

/// The look of now, of a frame that is on its way.
fn look_now(
    look: Look,
    app: App,
    plane: RwSignal<bool>,
    sight: RwSignal<(f64, f64, f64)>,
    marked: RwSignal<Option<(usize, usize)>>,
) -> impl FnOnce() -> Look {
    move || Look {
        checkpoint: app.checkpoint.get(),
        plane: plane.try_get().unwrap_or(look.plane),
        sight: sight.try_get().unwrap_or(look.sight),
        marked: marked.try_get().unwrap_or(look.marked),
        ..look
    }
}

/// Moves points to their next places, a picture at a time, unless others have set off since.
fn travel(
    from: Vec<f32>,
    goal: Vec<f32>,
    points: StoredValue<Vec<f32>>,
    start: f64,
    show: impl Fn() + 'static,
) {
    let share = ((browser::now() - start) / MOVE).clamp(0.0, 1.0) as f32;
    let now: Vec<f32> = from.iter().zip(&goal).map(|(from, to)| from + share * (to - from)).collect();
    if points.try_set_value(now.clone()).is_some() {
        return;
    }
    show();
    if share < 1.0 {
        set_timeout(
            move || {
                if points.try_get_value().is_some_and(|known| known == now) {
                    travel(from, goal, points, start, show);
                }
            },
            Duration::from_millis(16),
        );
    }
}
