//! Metrics over training: stacked charts with a shared axis and cursor.

use std::sync::Arc;

use figures::Figure;
use leptos::html;
use leptos::prelude::*;
use protocol::{Drawing, Job};
use report::{Group, Report};
use wasm_bindgen::JsCast;

use crate::analyst;
use crate::chart::{self, Chart, Overlay, Plot};
use crate::chart_options;
use crate::controls::{AxisChoice, Choice, DomainChoice, GroupChoice, TwinSwitch};
use crate::drawings;
use crate::format::count;
use crate::state::{App, Origin};
use crate::tour;
use crate::views::readout::Readout;
use crate::zoom;

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
    let charts = NodeRef::<html::Div>::new();
    // All figures in the user's order.
    let drawn = drawings::draw(move || Some(Drawing::Timeline { options: chart_options::timeline(app) }));
    let figures = Memo::new(move |_| {
        let drawn = drawn.get().unwrap_or_default();
        drawn.figures.iter().cloned().map(Arc::new).collect::<Vec<_>>()
    });
    let all = Memo::new(move |_| {
        let mut figures = figures.get();
        app.chart_order.with(|order| {
            figures.sort_by_key(|figure| order.iter().position(|id| *id == figure.id).unwrap_or(usize::MAX));
        });
        figures
    });
    let ids = Memo::new(move |_| {
        all.with(|figures| {
            let ids = figures.iter().map(|figure| figure.id.clone());
            let toured = tour::timeline_chart(app);
            ids.filter(|id| {
                if !app.shows_chart(id) {
                    false
                } else if toured.as_ref() == Some(id) {
                    true
                } else if app.presenting.get() && toured.is_some() {
                    // Beside a main chart, the other one.
                    is_among(id, MAIN) && toured.as_ref().is_some_and(|toured| is_among(toured, MAIN))
                } else if app.presenting.get() {
                    is_among(id, chart_options::presented_charts(app))
                } else {
                    app.charts_away.with(|away| !away.contains(id))
                }
            })
            .collect::<Vec<_>>()
        })
    });
    Effect::new(move || {
        let Some(element) = charts.get() else { return };
        chart::watch_pointer((*element).clone(), move |kind, a, b| match kind {
            "range" => zoom::part(app, untrack(|| zoom::shown(app)), a, b),
            "whole" => zoom::part(app, untrack(|| zoom::whole(app)), a, b),
            "zoom" => zoom::about(app, a, b),
            _ => app.range.set(None),
        });
    });
    let courses = move |main: bool| {
        view! {
            <div class="charts two">
                <For each=move || ids.get().into_iter().filter(move |id| is_among(id, MAIN) == main) key=Clone::clone let:id>
                    {
                        let figure = Signal::derive(move || all.with(|figures| figures.iter().find(|figure| figure.id == id).cloned()));
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
            <Choice
                label="Smoothing" options=vec![("none", 1), ("3", 3), ("5", 5)]
                chosen=app.smooth.into() choose=move |width| app.smooth.set(width)
            />
            <button
                type="button" title="Logarithmic vertical axis of positive metrics"
                aria-pressed=move || app.log.get().to_string() on:click=move |_| app.log.update(|log| *log = !*log)
            >"Log y"</button>
            <TwinSwitch/>
            <ChartList all/>
        </div>
        <Compared/>
        <div node_ref=charts class="plots">
            <Overview/>
            {courses(true)}
            <Readout/>
            <h3 class="further">"Further metrics"</h3>
            {courses(false)}
        </div>
        <Sweep/>
    }
}

/// The menu of the charts: which are shown, and in which order.
#[component]
fn ChartList(all: Memo<Vec<Arc<Figure>>>) -> impl IntoView {
    let app = App::get();
    let names = Memo::new(move |_| {
        all.with(|figures| {
            figures.iter().map(|figure| (figure.id.clone(), figure.title.clone())).collect::<Vec<_>>()
        })
    });
    let shift = move |at: usize, by: isize| {
        let mut order: Vec<String> =
            names.with_untracked(|names| names.iter().map(|(id, _)| id.clone()).collect());
        if let Some(to) = at.checked_add_signed(by).filter(|to| *to < order.len()) {
            order.swap(at, to);
            app.chart_order.set(order);
        }
    };
    view! {
        <details class="menu" data-testid="charts-menu">
            <summary>"Charts"</summary>
            <ul class="menu-list">
                {move || names.get().into_iter().enumerate().map(|(at, (id, title))| {
                    let (up, down) = (format!("Move up: {title}"), format!("Move down: {title}"));
                    let shown = id.clone();
                    view! {
                        <li>
                            <label class="check">
                                <input
                                    type="checkbox" prop:checked=move || app.charts_away.with(|away| !away.contains(&shown))
                                    on:change=move |_| app.charts_away.update(|away| {
                                        if !away.remove(&id) {
                                            away.insert(id.clone());
                                        }
                                    })
                                />
                                {title}
                            </label>
                            <button type="button" class="plain" aria-label=up on:click=move |_| shift(at, -1)>"↑"</button>
                            <button type="button" class="plain" aria-label=down on:click=move |_| shift(at, 1)>"↓"</button>
                        </li>
                    }
                }).collect_view()}
            </ul>
        </details>
    }
}

/// While zoomed: the whole run with the part shown, and a button that shows all. charts.js moves the
/// window.
#[component]
fn Overview() -> impl IntoView {
    let app = App::get();
    let window = move || {
        let (whole, (from, to)) = (zoom::whole(app)?, zoom::shown(app)?.range);
        let (from, to) = (whole.share(from as f64), whole.share(to as f64));
        Some((format!("{}%", 100.0 * from), format!("{}%", 100.0 * (to - from))))
    };
    let window = Memo::new(move |_| window().unwrap_or_default());
    // The accuracy of each domain in a box of 1000 × 100.
    let lines = move || {
        let whole = zoom::whole(app)?;
        let axis = chart_options::axis(app.axis.get());
        app.with_report(|report| {
            let places = axis.places(report);
            let courses = report.domains.iter().enumerate().filter_map(|(at, domain)| {
                let values = &report.course(&domain.name, "accuracy", Group::All)?.values;
                let points: String = places
                    .iter()
                    .zip(values)
                    .filter_map(|(place, value)| {
                        Some(format!(
                            "{:.1},{:.1} ",
                            1000.0 * whole.share(*place as f64),
                            100.0 * (1.0 - (*value)?)
                        ))
                    })
                    .collect();
                let color = figures::palette::domain(at, chart_options::theme(app)).color;
                Some(view! { <polyline points=points stroke=color></polyline> })
            });
            courses.collect_view()
        })
    };
    view! {
        <Show when=move || app.range.get().is_some()>
            <div class="zoomed">
                <div class="overview" aria-hidden="true" data-testid="overview">
                    <svg viewBox="0 0 1000 100" preserveAspectRatio="none">{lines}</svg>
                    <div class="window" style:left=move || window.get().0 style:width=move || window.get().1></div>
                </div>
                <button type="button" data-testid="zoom-reset" on:click=move |_| app.range.set(None)>"Show all "<kbd>"0"</kbd></button>
            </div>
        </Show>
    }
}

/// What changed between the pinned and the current checkpoint, one part per domain.
#[component]
fn Compared() -> impl IntoView {
    let app = App::get();
    // The report has means only: the interval of their change is paired by sample.
    Effect::new(move || {
        let (Some(from), to) = (app.pin.get(), app.checkpoint.get()) else { return };
        if from != to && app.origin.get() == Origin::Files && app.complete.get() {
            analyst::post(app, &Job::Change { from, to });
        }
    });
    let words = move || {
        let (from, to) = (app.pin.get()?, app.checkpoint.get());
        let group = app.group.get();
        app.with_report(|report| {
            let step = |at: usize| report.checkpoints.get(at).map(|checkpoint| count(checkpoint.step));
            let (pinned, here) = (step(from)?, step(to)?);
            if from == to {
                return Some(format!("Step {pinned} is pinned: select another checkpoint to compare."));
            }
            let shown = report.domains.iter().filter(|domain| app.shows(&domain.name));
            let parts: Vec<String> =
                shown.filter_map(|domain| change(app, report, &domain.name, group, (from, to))).collect();
            let from_link =
                if app.origin.get() == Origin::Files { "" } else { " Intervals need the run’s files." };
            Some(format!("From step {pinned} (pinned) to step {here}. {}.{from_link}", parts.join("; ")))
        })
        .flatten()
    };
    view! { <p class="compared" role="status" data-testid="compared">{words}</p> }
}

/// `math: accuracy +12.0 points, distance −14.2 % (95 % interval −16.0 to −12.1 %)`.
fn change(
    app: App,
    report: &Report,
    domain: &str,
    group: Group,
    (from, to): (usize, usize),
) -> Option<String> {
    let both = |metric: &str, group: Group| {
        let values = &report.course(domain, metric, group)?.values;
        Some(((*values.get(from)?)?, (*values.get(to)?)?))
    };
    let signed = |value: f64| {
        let sign = if value < 0.0 { "−" } else { "+" };
        format!("{sign}{:.1}", 100.0 * value.abs())
    };
    let mut parts = Vec::new();
    if let Some((before, after)) = both("accuracy", Group::All) {
        parts.push(format!("accuracy {} points", signed(after - before)));
    }
    if let Some((before, after)) = both("distance", group).filter(|(before, _)| *before > 0.0) {
        let of_report = report.domain(domain).into_iter().flat_map(|domain| &domain.changes);
        let measured = app.changes.get();
        let requested = measured.iter().filter(|(name, _)| name == domain).map(|(_, change)| change);
        let found = of_report.chain(requested).find(|change| {
            (change.from, change.to, change.group) == (from, to, group) && change.metric == "distance"
        });
        let interval = found.map(|found| {
            let (low, high) = (found.ratio - found.half_width - 1.0, found.ratio + found.half_width - 1.0);
            format!(" (95 % interval {} to {} %)", signed(low), signed(high))
        });
        parts.push(format!("distance {} %{}", signed(after / before - 1.0), interval.unwrap_or_default()));
    }
    (!parts.is_empty()).then(|| format!("{domain}: {}", parts.join(", ")))
}

/// The tau sweep: distances at every threshold.
#[component]
fn Sweep() -> impl IntoView {
    let app = App::get();
    let section = NodeRef::<html::Div>::new();
    let width = chart::available_width(section);
    let figure = drawings::first(drawings::draw(move || {
        let options = figures::ChartOptions { width: Some(width.get()?), ..chart_options::domain_chart(app) };
        Some(Drawing::Sweep { domain: app.domain.get(), options })
    }));
    view! {
        <Show when=move || figure.with(Option::is_some) && !app.presenting.get()>
            <section class="view" aria-label="Tau sweep">
                <div class="toolbar"><DomainChoice/></div>
                <Chart figure/>
            </section>
        </Show>
        <div node_ref=section></div>
    }
}

/// One chart with the shared cursor: a rule at the current checkpoint, and a dashed one at the
/// pinned. It follows the pointer; a click fixes it.
#[component]
fn Course(figure: Signal<Option<Arc<Figure>>>) -> impl IntoView {
    let app = App::get();
    let plot = RwSignal::new(None::<Plot>);
    let overlay = NodeRef::<html::Div>::new();
    // Distance of each checkpoint in the range from the plot's left edge.
    let positions = Memo::new(move |_| {
        let width = plot.with(|plot| plot.map_or(0.0, |plot| plot.width));
        let axis = chart_options::axis(app.axis.get());
        let places = app.with_report(|report| axis.places(report)).unwrap_or_default();
        let scale = zoom::shown(app);
        let at = |place: u64| {
            Some(scale.as_ref()?.share(place as f64)).filter(|share| (0.0..=1.0).contains(share))
        };
        places.into_iter().map(|place| at(place).map(|share| share * width)).collect::<Vec<_>>()
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
            let distances = positions
                .iter()
                .enumerate()
                .filter_map(|(here, at)| Some((here, ((*at)? - (x - around.left())).abs())));
            distances.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(here, _)| here)
        })
    };
    let set_hover = move |here: Option<usize>| {
        if app.hover.get_untracked() != here {
            app.hover.set(here);
        }
    };
    let at = move |checkpoint: Option<usize>| {
        positions.with(|positions| positions.get(checkpoint?).copied().flatten())
    };
    let rule = move |class: &'static str, checkpoint: fn(App) -> Option<usize>| {
        let x = Memo::new(move |_| at(checkpoint(app)));
        view! {
            <div
                class=class class:hidden=move || x.get().is_none()
                style:left=move || format!("{}px", x.get().unwrap_or(0.0))
            ></div>
        }
    };
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
            <Chart figure plot can_hide=true>
                <Overlay plot node=overlay>
                    {rule("cursor pin", |app| app.pin.get())}
                    {rule("cursor", |app| Some(app.current_checkpoint()))}
                </Overlay>
            </Chart>
        </div>
    }
}
