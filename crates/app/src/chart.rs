//! A chart: drawn by Vega from a specification, with an equivalent table, a summary and exports.

use std::cell::RefCell;
use std::sync::Arc;

use figures::{Figure, Table};
use js_sys::Promise;
use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{Element, HtmlElement};

use crate::browser;
use crate::download;
use crate::state::{App, Dialog};

#[wasm_bindgen(inline_js = "export function load(address) { return import(address); }")]
extern "C" {
    /// Loads a script module; later calls return the same module.
    fn load(address: &str) -> Promise;
}

/// Position of the plot inside its canvas, in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plot {
    /// Distance from the canvas's left edge.
    pub left: f64,
    /// Distance from the canvas's top edge.
    pub top: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// A chart with its title, table and export buttons.
#[component]
pub fn Chart(
    /// The figure to draw.
    figure: Signal<Option<Arc<Figure>>>,
    /// Receives the plot's position once it is drawn, for overlays.
    #[prop(optional)]
    plot: RwSignal<Option<Plot>>,
    /// Whether the chart can be hidden; its view lists hidden charts.
    #[prop(optional)]
    can_hide: bool,
    /// Overlays.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let app = App::get();
    let table_chosen = RwSignal::new(false);
    let as_table = Memo::new(move |_| app.twin.get() || table_chosen.get());
    let error = RwSignal::new(None::<String>);
    let canvas = NodeRef::<html::Div>::new();
    let handle = StoredValue::new_local(None::<Drawn>);
    let revision = StoredValue::new(0_u32);

    let remove = move || {
        if let Some(Some(old)) = handle.try_update_value(Option::take) {
            old.remove();
        }
    };
    Effect::new(move || {
        let Some(element) = canvas.get() else { return };
        let as_table = as_table.get();
        let Some(figure) = figure.get() else { return };
        revision.update_value(|revision| *revision += 1);
        if as_table {
            return;
        }
        let own = revision.get_value();
        spawn_local(async move {
            let script = wait_for_turn().await;
            // Outdated if a newer drawing was started or the chart was removed.
            if revision.try_get_value() != Some(own) {
                return;
            }
            // Most changes need no new drawing.
            let old = handle.try_get_value().flatten().filter(|old| old.slot.is_connected());
            if let Some(old) = old
                && old.update(&figure).await
            {
                plot.try_set(measure(&element, &old));
                error.try_set(None);
                return;
            }
            let drawn = match script {
                Ok(script) => draw(&script, &element, &figure).await,
                Err(message) => Err(message),
            };
            if revision.try_get_value() != Some(own) {
                if let Ok(drawn) = drawn {
                    drawn.remove();
                }
                return;
            }
            match drawn {
                Ok(drawn) => {
                    remove();
                    drawn.draw_up_to(app.drawn_up_to());
                    drawn.reveal();
                    plot.set(measure(&element, &drawn));
                    handle.set_value(Some(drawn));
                    error.set(None);
                }
                Err(message) => error.set(Some(message)),
            }
        });
    });
    watch_width(canvas, move |element| {
        if let Some(drawn) = handle.try_get_value().flatten() {
            let width = JsValue::from_f64(f64::from(element.client_width()));
            spawn_local(async move {
                // Measured once the drawing has its new size, however long that takes.
                drop(browser::call_later(&drawn.handle, "resize", &[width]).await);
                plot.try_set(measure(&element, &drawn));
            });
        }
    });
    Effect::new(move || {
        let last = app.drawn_up_to();
        if let Some(drawn) = handle.get_value() {
            drawn.draw_up_to(last);
        }
    });
    on_cleanup(remove);

    let id =
        move || figure.with(|figure| figure.as_ref().map(|figure| figure.id.clone()).unwrap_or_default());
    let metric = move || id().trim_start_matches("layers-").replace('-', "_");
    let defined = Memo::new(move |_| figures::definition(&metric()).is_some());
    let title =
        move || figure.with(|figure| figure.as_ref().map(|figure| figure.title.clone()).unwrap_or_default());
    let summary = move || {
        figure.with(|figure| figure.as_ref().map(|figure| figure.summary.clone()).unwrap_or_default())
    };
    let table = move || figure.with(|figure| figure.as_ref().map(|figure| figure.table.clone()));
    let save = move |what: &'static str| {
        let Some(figure) = figure.get_untracked() else { return };
        let drawn = handle.get_value();
        let title = app
            .report
            .with_untracked(|report| report.as_ref().map(|report| report.title.clone()).unwrap_or_default());
        spawn_local(async move {
            match save(&title, &figure, drawn.as_ref().map(|drawn| &drawn.handle), what).await {
                Ok(()) if what == "copy" => app.say("The image was copied."),
                Ok(()) => {}
                Err(message) => error.set(Some(message)),
            }
        });
    };
    // Visible words, the end of the accessible name, and what is done.
    let actions = [
        ("SVG", "save as SVG", "svg"),
        ("PNG", "save as PNG", "png"),
        ("Copy image", "Copy image", "copy"),
        ("Open in Vega editor", "Open in Vega editor", "edit"),
    ];
    view! {
        <article class="chart" class:hidden=move || !app.shows_chart(&id()) data-testid=move || format!("chart-{}", id())>
            <header class="chart-head" class:over-drawing=move || !as_table.get()>
                // The drawing contains the same title, so SVG and PNG exports have it.
                <h3 class:unseen=move || !as_table.get()>{title}</h3>
                <Show when=move || defined.get()>
                    <button type="button" class="plain" aria-label=move || format!("{}: definition", title())
                        on:click=move |_| app.dialog.set(Some(Dialog::Definition(metric())))>"Definition"</button>
                </Show>
                <details class="menu">
                    <summary aria-label=move || format!("{}: menu", title())>"⋯"</summary>
                    <div class="menu-list">
                        <button type="button" class="plain" aria-pressed=move || as_table.get().to_string()
                            aria-label=move || format!("{}: show as table", title())
                            on:click=move |_| table_chosen.update(|chosen| *chosen = !*chosen)>"Table"</button>
                        <button type="button" class="plain" aria-label=move || format!("{}: save as CSV", title()) on:click=move |_| save("csv")>"CSV"</button>
                        {actions.map(|(words, name, what)| view! {
                            <button
                                type="button" class="plain" class:hidden=move || as_table.get()
                                aria-label=move || format!("{}: {name}", title()) on:click=move |_| save(what)
                            >{words}</button>
                        })}
                        <small class="soft" class:hidden=move || as_table.get()>"The editor is a page of vega.github.io, which receives this chart’s data."</small>
                        {can_hide.then(|| view! {
                            <button type="button" class="plain" aria-label=move || format!("{}: Hide chart", title()) on:click=move |_| {
                                if let Some(figure) = figure.get_untracked() {
                                    app.charts_away.update(|away| { away.insert(figure.id.clone()); });
                                }
                            }>"Hide chart"</button>
                        })}
                    </div>
                </details>
            </header>
            <p class="unseen">{summary}</p>
            {move || error.get().map(|message| view! { <p class="wrong" role="status">{message}</p> })}
            <div class="canvas" class:away=move || as_table.get()>
                <div class="drawing" node_ref=canvas></div>
                {children.map(|children| children())}
            </div>
            <Show when=move || as_table.get()>
                <div class="scroll twin" tabindex="0" role="region" aria-label=title>
                    {move || table().map(|table| view! { <Grid table caption=title()/> })}
                </div>
            </Show>
        </article>
    }
}

/// A layer exactly over a plot; it is transparent to the pointer.
#[component]
pub fn Overlay(
    /// Position of the plot.
    plot: RwSignal<Option<Plot>>,
    /// The layer's element, to locate the pointer.
    node: NodeRef<html::Div>,
    /// Content.
    children: Children,
) -> impl IntoView {
    let px = move |read: fn(Plot) -> f64| format!("{}px", plot.with(|plot| plot.map_or(0.0, read)));
    view! {
        <div
            node_ref=node class="over" aria-hidden="true"
            class:hidden=move || plot.with(Option::is_none)
            style:left=move || px(|plot| plot.left)
            style:top=move || px(|plot| plot.top)
            style:width=move || px(|plot| plot.width)
            style:height=move || px(|plot| plot.height)
        >{children()}</div>
    }
}

/// An HTML table of figures, which headings sort: ascending, descending, then as given.
#[component]
pub fn Grid(
    /// Content.
    table: Table,
    /// Caption for screen readers.
    caption: String,
) -> impl IntoView {
    let columns: Vec<_> = table
        .columns
        .iter()
        .enumerate()
        .map(|(place, column)| (column.heading(), cell_class(table.is_numeric(place))))
        .collect();
    // The column and whether it descends.
    let sorted = RwSignal::new(None::<(usize, bool)>);
    let turn = move |column: usize| {
        sorted.update(|sorted| {
            *sorted = match *sorted {
                Some((at, false)) if at == column => Some((column, true)),
                Some((at, true)) if at == column => None,
                _ => Some((column, false)),
            };
        });
    };
    let rows = StoredValue::new(table);
    view! {
        <table>
            <caption class="unseen">{caption}</caption>
            <thead><tr>
                {columns.into_iter().enumerate().map(|(at, (heading, class))| {
                    let descends = move || sorted.get().filter(|(column, _)| *column == at).map(|(_, descends)| descends);
                    view! {
                        <th
                            scope="col" class=class
                            aria-sort=move || descends().map(|descends| if descends { "descending" } else { "ascending" })
                        >
                            <button type="button" class="sort" on:click=move |_| turn(at)>
                                {heading}
                                <span aria-hidden="true">{move || match descends() {
                                    None => "",
                                    Some(false) => " ▲",
                                    Some(true) => " ▼",
                                }}</span>
                            </button>
                        </th>
                    }
                }).collect_view()}
            </tr></thead>
            <tbody>
                {move || rows.with_value(|table| {
                    let order = match sorted.get() {
                        Some((column, descends)) => table.order(column, descends),
                        None => (0..table.rows.len()).collect(),
                    };
                    order.into_iter().filter_map(|at| table.rows.get(at)).map(|row| {
                        view! { <tr>{row.iter().map(|cell| {
                            view! { <td class=cell_class(cell.is_number())>{cell.display()}</td> }
                        }).collect_view()}</tr> }
                    }).collect_view()
                })}
            </tbody>
        </table>
    }
}

/// CSS class of a cell: numbers are right-aligned.
fn cell_class(number: bool) -> &'static str {
    if number { "number" } else { "" }
}

thread_local! {
    /// The chart script, once it is loaded.
    static SCRIPT: RefCell<Option<JsValue>> = const { RefCell::new(None) };
}

async fn script() -> Result<JsValue, String> {
    if let Some(script) = SCRIPT.with_borrow(Clone::clone) {
        return Ok(script);
    }
    let address = browser::meta("grokscope-charts").unwrap_or_else(|| "./vendor/charts.js".to_owned());
    let address = browser::absolute(&address);
    let script = JsFuture::from(load(&address)).await.map_err(|error| {
        format!(
            "The chart script could not be loaded from {address} ({}). Press t to see the figures as tables.",
            browser::reason(&error)
        )
    })?;
    SCRIPT.set(Some(script.clone()));
    Ok(script)
}

/// A drawing in its own element: the previous drawing stays visible until this one is ready.
#[derive(Clone)]
struct Drawn {
    handle: JsValue,
    slot: Element,
}

impl Drawn {
    fn reveal(&self) {
        self.slot.set_class_name("slot");
    }

    /// Shows a figure in place; false if that needs a new drawing.
    async fn update(&self, figure: &Figure) -> bool {
        let Ok(spec) = js_sys::JSON::parse(&figure.spec) else { return false };
        browser::call_later(&self.handle, "update", &[spec]).await.is_ok_and(|done| done.is_truthy())
    }

    /// Draws lines up to a checkpoint, or all of them.
    fn draw_up_to(&self, checkpoint: Option<usize>) {
        let last = checkpoint.map_or(JsValue::UNDEFINED, |last| JsValue::from_f64(last as f64));
        drop(browser::call(&self.handle, "upto", &[last]));
    }

    fn remove(&self) {
        drop(browser::call(&self.handle, "finalize", &[]));
        self.slot.remove();
    }
}

/// Preloads the chart scripts.
pub fn prepare() {
    spawn_local(async {
        // The first drawing reports an error again.
        if let Ok(script) = script().await {
            drop(browser::call(&script, "prepare", &[]));
        }
    });
}

/// Waits until this chart may draw: one drawing at a time, with control returned to the page in
/// between.
async fn wait_for_turn() -> Result<JsValue, String> {
    let script = script().await?;
    // Waiting does not fail.
    drop(browser::call_later(&script, "turn", &[]).await);
    Ok(script)
}

async fn draw(script: &JsValue, element: &HtmlElement, figure: &Figure) -> Result<Drawn, String> {
    let invalid = |error: JsValue| {
        let reason = browser::reason(&error);
        format!("The chart specification could not be parsed ({reason}). Its table has the figures.")
    };
    let spec = js_sys::JSON::parse(&figure.spec).map_err(invalid)?;
    let failed = |error: JsValue| {
        format!("The chart could not be drawn ({}). Its table has the figures.", browser::reason(&error))
    };
    let slot = browser::document().create_element("div").map_err(failed)?;
    slot.set_class_name("slot coming");
    element.append_child(&slot).map_err(failed)?;
    match browser::call_later(script, "embed", &[JsValue::from(slot.clone()), spec]).await {
        Ok(handle) => Ok(Drawn { handle, slot }),
        Err(error) => {
            slot.remove();
            Err(failed(error))
        }
    }
}

/// Reports drags, wheels and pinches over the plots in an element; see `watch` in charts.js.
pub fn watch_pointer(element: HtmlElement, send: impl Fn(&str, f64, f64) + 'static) {
    let closure = Closure::<dyn Fn(String, f64, f64)>::new(move |kind: String, a, b| send(&kind, a, b));
    // The listeners live as long as the element.
    let send = closure.into_js_value();
    spawn_local(async move {
        // Without the script there are no charts to drag over.
        if let Ok(script) = script().await {
            drop(browser::call(&script, "watch", &[element.into(), send]));
        }
    });
}

/// Measures the plot of a drawing: the background of the outermost frame, without the room for
/// names beside the lines.
fn measure(element: &HtmlElement, drawn: &Drawn) -> Option<Plot> {
    let frame: Element = element.query_selector(".role-frame.root .background").ok().flatten()?;
    let frame = frame.get_bounding_client_rect();
    let room = browser::call(&drawn.handle, "room", &[]).ok().and_then(|room| room.as_f64()).unwrap_or(0.0);
    let whole = element.get_bounding_client_rect();
    Some(Plot {
        left: frame.left() - whole.left(),
        top: frame.top() - whole.top(),
        width: frame.width() - room,
        height: frame.height(),
    })
}

/// Calls back when the width of the canvas changes.
fn watch_width(canvas: NodeRef<html::Div>, changed: impl Fn(HtmlElement) + Copy + 'static) {
    let observer = StoredValue::new_local(None::<(web_sys::ResizeObserver, Closure<dyn Fn()>)>);
    Effect::new(move || {
        let Some(element) = canvas.get() else { return };
        let element: HtmlElement = (*element).clone();
        let before = std::cell::Cell::new(element.client_width());
        let watched = element.clone();
        let closure = Closure::<dyn Fn()>::new(move || {
            let width = watched.client_width();
            if width > 0 && before.replace(width) != width {
                changed(watched.clone());
            }
        });
        if let Ok(watch) = web_sys::ResizeObserver::new(closure.as_ref().unchecked_ref()) {
            watch.observe(&element);
            observer.set_value(Some((watch, closure)));
        }
    });
    on_cleanup(move || {
        if let Some(Some((watch, _closure))) = observer.try_update_value(Option::take) {
            watch.disconnect();
        }
    });
}

/// The width available in an element, in CSS pixels, for charts that cannot resize. It changes in
/// coarse steps, so resizing the window does not redraw at every pixel.
pub fn available_width(element: NodeRef<html::Div>) -> RwSignal<Option<u32>> {
    const STEP: i32 = 40;
    let available = RwSignal::new(None);
    let update = move |element: HtmlElement| {
        let width = element.client_width();
        let coarse = if width > 2 * STEP { width - width % STEP } else { width };
        if width > 0 && available.try_get_untracked().flatten() != Some(coarse as u32) {
            available.try_set(Some(coarse as u32));
        }
    };
    Effect::new(move || {
        if let Some(element) = element.get() {
            update((*element).clone());
        }
    });
    watch_width(element, update);
    available
}

async fn save(title: &str, figure: &Figure, drawn: Option<&JsValue>, what: &str) -> Result<(), String> {
    let name = download::file_name(&format!("{title} {}", figure.id), &format!(".{what}"));
    if what == "csv" {
        return download::text(&name, "text/csv", &figure.table.csv());
    }
    let Some(drawn) = drawn else { return Err("The chart is not drawn yet.".to_owned()) };
    if matches!(what, "copy" | "edit") {
        let refused =
            |error| format!("The browser refused ({}). Save the chart instead.", browser::reason(&error));
        return browser::call_later(drawn, what, &[]).await.map(drop).map_err(refused);
    }
    let failed = |error: JsValue| format!("{name} could not be created ({}).", browser::reason(&error));
    if what == "svg" {
        let text = browser::call_later(drawn, "svg", &[]).await.map_err(failed)?;
        download::text(&name, "image/svg+xml", &text.as_string().unwrap_or_default())
    } else {
        let blob = browser::call_later(drawn, "png", &[JsValue::from_f64(2.0)]).await.map_err(failed)?;
        let blob = blob.dyn_into::<web_sys::Blob>().map_err(failed)?;
        download::blob(&name, &blob)
    }
}
