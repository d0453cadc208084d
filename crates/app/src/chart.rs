//! One chart: drawn by Vega from a specification, with its table twin, its words and its files.

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
use crate::state::App;

#[wasm_bindgen(inline_js = "export function load(address) { return import(address); }")]
extern "C" {
    /// Loads a script module once; asking again gives the same module.
    fn load(address: &str) -> Promise;
}

/// Where the plot lies inside its canvas, in CSS pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plot {
    /// Distance of the plot's left edge from the canvas's.
    pub left: f64,
    /// Distance of the plot's top edge from the canvas's.
    pub top: f64,
    /// Width of the plot.
    pub width: f64,
    /// Height of the plot.
    pub height: f64,
}

/// A chart with its title, its table twin and its files.
#[component]
pub fn Chart(
    /// What is drawn; it may change, and the chart follows.
    figure: Signal<Option<Arc<Figure>>>,
    /// Where the plot lies, once it is drawn; things are laid over it by that.
    #[prop(optional)]
    plot: RwSignal<Option<Plot>>,
    /// What is laid over the plot.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let app = App::get();
    let here = RwSignal::new(false);
    let as_table = Memo::new(move |_| app.twin.get() || here.get());
    let trouble = RwSignal::new(None::<String>);
    let canvas = NodeRef::<html::Div>::new();
    let handle = StoredValue::new_local(None::<Drawn>);
    let turn = StoredValue::new(0_u32);

    let forget = move || {
        if let Some(Some(old)) = handle.try_update_value(Option::take) {
            old.forget();
        }
    };
    Effect::new(move || {
        let Some(element) = canvas.get() else { return };
        let as_table = as_table.get();
        let Some(figure) = figure.get() else { return };
        turn.update_value(|turn| *turn += 1);
        if as_table {
            return;
        }
        let mine = turn.get_value();
        spawn_local(async move {
            let pen = take_turn().await;
            // A newer drawing, or the end of this chart, makes this one void.
            if turn.try_get_value() != Some(mine) {
                return;
            }
            let drawn = match pen {
                Ok(script) => draw(&script, &element, &figure).await,
                Err(message) => Err(message),
            };
            if turn.try_get_value() != Some(mine) {
                if let Ok(drawn) = drawn {
                    drawn.forget();
                }
                return;
            }
            match drawn {
                Ok(drawn) => {
                    forget();
                    drawn.reveal();
                    plot.set(measure(&element));
                    handle.set_value(Some(drawn));
                    trouble.set(None);
                }
                Err(message) => trouble.set(Some(message)),
            }
        });
    });
    watch_width(canvas, move |element| {
        if let Some(drawn) = handle.try_get_value().flatten() {
            drop(browser::call(
                &drawn.handle,
                "resize",
                &[JsValue::from_f64(f64::from(element.client_width()))],
            ));
            // The drawing has its new size after the browser's next frame.
            request_animation_frame(move || {
                request_animation_frame(move || {
                    let measured = measure(&element);
                    plot.try_set(measured);
                });
            });
        }
    });
    on_cleanup(forget);

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
            if let Err(message) = save(&title, &figure, drawn.as_ref().map(|drawn| &drawn.handle), what).await
            {
                trouble.set(Some(message));
            }
        });
    };
    view! {
        <article class="chart">
            <header class="chart-head" class:over-drawing=move || !as_table.get()>
                // The drawing has the same title in it, so that it is in its SVG and PNG too.
                <h3 class:unseen=move || !as_table.get()>{title}</h3>
                <button type="button" class="plain" aria-pressed=move || as_table.get().to_string()
                    aria-label=move || format!("{}: as a table", title())
                    on:click=move |_| here.update(|here| *here = !*here)>"Table"</button>
                <Show when=move || !as_table.get()>
                    <button type="button" class="plain" aria-label=move || format!("{}: save as SVG", title()) on:click=move |_| save("svg")>"SVG"</button>
                    <button type="button" class="plain" aria-label=move || format!("{}: save as PNG", title()) on:click=move |_| save("png")>"PNG"</button>
                </Show>
                <button type="button" class="plain" aria-label=move || format!("{}: save as CSV", title()) on:click=move |_| save("csv")>"CSV"</button>
            </header>
            <p class="unseen">{summary}</p>
            {move || trouble.get().map(|message| view! { <p class="wrong" role="status">{message}</p> })}
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

/// The ground that lies exactly over a plot; it lets the pointer through.
#[component]
pub fn Over(
    /// Where the plot lies.
    plot: RwSignal<Option<Plot>>,
    /// The ground's element, for measuring the pointer against it.
    ground: NodeRef<html::Div>,
    /// What is laid over the plot.
    children: Children,
) -> impl IntoView {
    let px = move |read: fn(Plot) -> f64| format!("{}px", plot.with(|plot| plot.map_or(0.0, read)));
    view! {
        <div
            node_ref=ground class="over" aria-hidden="true"
            class:hidden=move || plot.with(Option::is_none)
            style:left=move || px(|plot| plot.left)
            style:top=move || px(|plot| plot.top)
            style:width=move || px(|plot| plot.width)
            style:height=move || px(|plot| plot.height)
        >{children()}</div>
    }
}

/// A table of figures.
#[component]
pub fn Grid(
    /// Its content.
    table: Table,
    /// What it is, for screen readers.
    caption: String,
) -> impl IntoView {
    let columns: Vec<_> = table
        .columns
        .iter()
        .enumerate()
        .map(|(place, column)| (column.heading(), alignment(table.is_numeric(place))))
        .collect();
    view! {
        <table>
            <caption class="unseen">{caption}</caption>
            <thead><tr>
                {columns.into_iter().map(|(heading, class)| view! { <th scope="col" class=class>{heading}</th> }).collect_view()}
            </tr></thead>
            <tbody>
                {table.rows.iter().map(|row| {
                    view! { <tr>{row.iter().map(|cell| {
                        view! { <td class=alignment(cell.is_number())>{cell.display()}</td> }
                    }).collect_view()}</tr> }
                }).collect_view()}
            </tbody>
        </table>
    }
}

/// Figures stand at the right, under their like.
fn alignment(number: bool) -> &'static str {
    if number { "number" } else { "" }
}

thread_local! {
    /// The drawing script, once it is loaded.
    static SCRIPT: RefCell<Option<JsValue>> = const { RefCell::new(None) };
}

async fn script() -> Result<JsValue, String> {
    if let Some(script) = SCRIPT.with_borrow(Clone::clone) {
        return Ok(script);
    }
    let address = browser::meta("grokscope-charts").unwrap_or_else(|| "./vendor/charts.js".to_owned());
    let address = browser::absolute(&address);
    let script = JsFuture::from(load(&address)).await.map_err(|error| {
        format!("The drawing script could not be loaded from {address} ({}). The tables have every figure: press t.", browser::reason(&error))
    })?;
    SCRIPT.set(Some(script.clone()));
    Ok(script)
}

/// A drawing in a slot of its own: the one before stays on the page until this one is ready.
#[derive(Clone)]
struct Drawn {
    handle: JsValue,
    slot: Element,
}

impl Drawn {
    fn reveal(&self) {
        self.slot.set_class_name("slot");
    }

    fn forget(&self) {
        drop(browser::call(&self.handle, "finalize", &[]));
        self.slot.remove();
    }
}

/// Loads what drawing needs, before there is anything to draw.
pub fn prepare() {
    spawn_local(async {
        // Where it fails, the first drawing says so.
        if let Ok(script) = script().await {
            drop(browser::call(&script, "prepare", &[]));
        }
    });
}

/// Waits for the turn to draw: one drawing at a time, with the page free in between.
async fn take_turn() -> Result<JsValue, String> {
    let script = script().await?;
    // Waiting cannot fail.
    drop(browser::call_later(&script, "turn", &[]).await);
    Ok(script)
}

async fn draw(script: &JsValue, element: &HtmlElement, figure: &Figure) -> Result<Drawn, String> {
    let unfit = |error: JsValue| {
        let reason = browser::reason(&error);
        format!("The chart could not be handed over: {reason}. Its table has the figures.")
    };
    let spec = js_sys::JSON::parse(&figure.spec).map_err(unfit)?;
    let refused = |error: JsValue| {
        format!("The chart could not be drawn ({}). Its table has the figures.", browser::reason(&error))
    };
    let slot = browser::document().create_element("div").map_err(refused)?;
    slot.set_class_name("slot coming");
    element.append_child(&slot).map_err(refused)?;
    match browser::call_later(script, "embed", &[JsValue::from(slot.clone()), spec]).await {
        Ok(handle) => Ok(Drawn { handle, slot }),
        Err(error) => {
            slot.remove();
            Err(refused(error))
        }
    }
}

/// Finds the plot inside what was drawn: the background of the outermost frame.
fn measure(element: &HtmlElement) -> Option<Plot> {
    let frame: Element = element.query_selector(".role-frame.root .background").ok().flatten()?;
    let frame = frame.get_bounding_client_rect();
    let whole = element.get_bounding_client_rect();
    Some(Plot {
        left: frame.left() - whole.left(),
        top: frame.top() - whole.top(),
        width: frame.width(),
        height: frame.height(),
    })
}

/// Calls back when the canvas has another width than before.
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

/// The width that an element has for a chart that cannot follow it, in CSS pixels. It changes in coarse steps, so that
/// dragging the edge of a window does not draw anew at every pixel.
pub fn room(element: NodeRef<html::Div>) -> RwSignal<Option<u32>> {
    const STEP: i32 = 40;
    let room = RwSignal::new(None);
    let look = move |element: HtmlElement| {
        let width = element.client_width();
        let coarse = if width > 2 * STEP { width - width % STEP } else { width };
        if width > 0 && room.try_get_untracked().flatten() != Some(coarse as u32) {
            room.try_set(Some(coarse as u32));
        }
    };
    Effect::new(move || {
        if let Some(element) = element.get() {
            look((*element).clone());
        }
    });
    watch_width(element, look);
    room
}

async fn save(title: &str, figure: &Figure, drawn: Option<&JsValue>, what: &str) -> Result<(), String> {
    let name = download::file_name(&format!("{title} {}", figure.id), &format!(".{what}"));
    if what == "csv" {
        return download::text(&name, "text/csv", &figure.table.csv());
    }
    let Some(drawn) = drawn else { return Err("The chart is not drawn yet.".to_owned()) };
    let refused = |error: JsValue| format!("{name} could not be made ({}).", browser::reason(&error));
    if what == "svg" {
        let text = browser::call_later(drawn, "svg", &[]).await.map_err(refused)?;
        download::text(&name, "image/svg+xml", &text.as_string().unwrap_or_default())
    } else {
        let blob = browser::call_later(drawn, "png", &[JsValue::from_f64(2.0)]).await.map_err(refused)?;
        let blob = blob.dyn_into::<web_sys::Blob>().map_err(refused)?;
        download::blob(&name, &blob)
    }
}
