//! The alignment of two samples' pathways, layer by layer.

use leptos::prelude::*;
use pathway::Edit;
use protocol::{Alignment, Job, PairChoice, SampleRef};

use crate::analyst;
use crate::controls::{DomainChoice, sample_search};
use crate::format::{count, counted};
use crate::state::{App, Origin};

/// The view *Pathways*: the pathways of two samples, aligned layer by layer.
#[component]
pub fn Pathways() -> impl IntoView {
    let app = App::get();
    let has_traces = move || app.origin.get() == Origin::Files && !app.files.with(Vec::is_empty);
    view! {
        <Show when=has_traces>
            <Pair/>
        </Show>
    }
}

#[component]
fn Pair() -> impl IntoView {
    let app = App::get();
    // Opens the pair of the address, or the nearest one, unless a pair is already selected.
    Effect::new(move || {
        if app.complete.get() && app.alignment.with_untracked(Option::is_none) {
            choose(
                app,
                match app.pair.get_untracked() {
                    Some((a, b)) => PairChoice::Samples { a, b },
                    None => PairChoice::Nearest { domain: app.domain.get_untracked() },
                },
            );
        }
    });
    view! {
        <div class="toolbar">
            <DomainChoice/>
            <span class="segments" role="group" aria-label="Choose a pair of the domain">
                <button type="button" on:click=move |_| choose(app, PairChoice::Nearest { domain: app.domain.get_untracked() })>"Nearest pair"</button>
                <button type="button" on:click=move |_| choose(app, PairChoice::Farthest { domain: app.domain.get_untracked() })>"Farthest pair"</button>
                <button type="button" on:click=move |_| choose(app, PairChoice::Random { domain: app.domain.get_untracked(), seed: crate::browser::now() as u64 })>"Random pair"</button>
            </span>
        </div>
        <div class="split">
            <Picker/>
            <div class="aligned">
                {move || match app.alignment.get() {
                    Some(alignment) => view! { <Aligned alignment/> }.into_any(),
                    None => view! { <p class="soft">"No pair is selected. Nearest and farthest need measured pairs; a random pair or two samples from the list always work."</p> }.into_any(),
                }}
            </div>
        </div>
    }
}

fn choose(app: App, choice: PairChoice) {
    analyst::post(app, &Job::ChoosePair { choice, checkpoint: app.checkpoint.get_untracked() });
}

/// Sample search; two selected samples form a pair.
#[component]
fn Picker() -> impl IntoView {
    let app = App::get();
    let first = RwSignal::new(None::<SampleRef>);
    let (search, more) = sample_search(app);
    let has_more = move || app.samples.with(|(samples, matching)| samples.len() < *matching);
    let pick = move |sample: SampleRef| match first.get_untracked() {
        Some(held) if held.index != sample.index => {
            first.set(None);
            choose(app, PairChoice::Samples { a: held.index, b: sample.index });
        }
        Some(_) => first.set(None),
        None => first.set(Some(sample)),
    };
    view! {
        <section class="picker" aria-label="Samples">
            <label class="search">
                <span class="soft">"Search samples "<kbd>"/"</kbd></span>
                <input
                    id="sample-search" type="search" autocomplete="off" spellcheck="false" placeholder="id or domain"
                    on:input=move |event| search(event_target_value(&event))
                />
            </label>
            <p class="soft" role="status">{move || {
                let (listed, matching) = app.samples.with(|(samples, matching)| (samples.len(), *matching));
                let hint = match first.get() {
                    Some(held) => format!("{} is A; choose B.", held.id),
                    None => "Choose two samples.".to_owned(),
                };
                if matching > listed {
                    format!("{} of {} shown. {hint}", count(listed as u64), count(matching as u64))
                } else {
                    format!("{}. {hint}", counted(matching as u64, "sample", "samples"))
                }
            }}</p>
            <ul class="samples">
                {move || app.samples.with(|(samples, _)| samples.clone()).into_iter().map(|sample| {
                    let index = sample.index;
                    let role = move || {
                        if first.with(|held| held.as_ref().is_some_and(|held| held.index == index)) {
                            return "A";
                        }
                        app.alignment.with(|alignment| match alignment {
                            Some(alignment) if first.with(Option::is_none) && alignment.a.index == index => "A",
                            Some(alignment) if first.with(Option::is_none) && alignment.b.index == index => "B",
                            _ => "",
                        })
                    };
                    let shown = sample.clone();
                    view! {
                        <li><button type="button" aria-pressed=move || (!role().is_empty()).to_string() on:click=move |_| pick(sample.clone())>
                            <span class="role">{role}</span>
                            <span class="id">{shown.id}</span>
                            <span class="soft">{shown.domain}</span>
                        </button></li>
                    }
                }).collect_view()}
            </ul>
            <Show when=has_more>
                <button type="button" on:click=move |_| more()>"Show more"</button>
            </Show>
        </section>
    }
}

/// Number of edits of each kind.
#[derive(Clone, Copy, Default, PartialEq)]
struct Tally {
    keep: usize,
    delete: usize,
    insert: usize,
    substitute: usize,
}

impl Tally {
    fn of(edits: &[Edit]) -> Self {
        let mut tally = Self::default();
        for edit in edits {
            match edit {
                Edit::Keep { .. } => tally.keep += 1,
                Edit::Delete { .. } => tally.delete += 1,
                Edit::Insert { .. } => tally.insert += 1,
                Edit::Substitute { .. } => tally.substitute += 1,
            }
        }
        tally
    }

    fn words(self) -> String {
        format!(
            "{} in both, {} only in A, {} only in B, {} substituted",
            self.keep, self.delete, self.insert, self.substitute
        )
    }
}

#[component]
fn Aligned(alignment: std::sync::Arc<Alignment>) -> impl IntoView {
    let app = App::get();
    let layers = alignment.checkpoints.iter().map(|checkpoint| checkpoint.layers.len()).max().unwrap_or(0);
    let stored = StoredValue::new(alignment.clone());
    let here = move || app.checkpoint.get();
    let distance = move || {
        stored.with_value(|alignment| {
            alignment.checkpoints.get(here()).map_or_else(
                || "This checkpoint is not aligned yet.".to_owned(),
                |checkpoint| {
                    format!(
                        "distance {} symbols at step {}",
                        count(u64::from(checkpoint.distance)),
                        count(checkpoint.step)
                    )
                },
            )
        })
    };
    view! {
        <h3 class="pair">
            <span class="role">"A"</span>" "{alignment.a.id.clone()}<span class="soft">" "{alignment.a.domain.clone()}</span>
            <span class="role">"B"</span>" "{alignment.b.id.clone()}<span class="soft">" "{alignment.b.domain.clone()}</span>
        </h3>
        <p class="figure-line" role="status">{distance}</p>
        <Course alignment=alignment.clone()/>
        <p class="edit-legend">
            <span class="col keep"><b>"7"</b><i>"="</i><b>"7"</b></span>" in both "
            <span class="col delete"><b>"7"</b><i>"−"</i><b></b></span>" only in A "
            <span class="col insert"><b></b><i>"+"</i><b>"7"</b></span>" only in B "
            <span class="col substitute"><b>"7"</b><i>"≠"</i><b>"9"</b></span>" substituted"
        </p>
        <ol class="lanes" start="0">
            {(0..layers).map(|layer| {
                let edits = move || stored.with_value(|alignment| {
                    alignment.checkpoints.get(here()).and_then(|checkpoint| checkpoint.layers.get(layer)).cloned().unwrap_or_default()
                });
                view! {
                    <li class="lane" class:here=move || app.layer.get() == layer>
                        <p class="lane-head">
                            <button type="button" class="plain" on:click=move |_| app.layer.set(layer)>{format!("Layer {layer}")}</button>
                            <span class="soft">" "{move || Tally::of(&edits()).words()}</span>
                        </p>
                        <div class="cols" aria-hidden="true">{move || edits().into_iter().map(column).collect_view()}</div>
                    </li>
                }
            }).collect_view()}
        </ol>
    }
}

/// One edit: A's expert above, B's below, the sign of the edit between them.
fn column(edit: Edit) -> impl IntoView {
    let (class, above, sign, below) = match edit {
        Edit::Keep { expert } => ("col keep", Some(expert), "=", Some(expert)),
        Edit::Delete { expert } => ("col delete", Some(expert), "−", None),
        Edit::Insert { expert } => ("col insert", None, "+", Some(expert)),
        Edit::Substitute { from, to } => ("col substitute", Some(from), "≠", Some(to)),
    };
    view! { <span class=class><b>{above}</b><i>{sign}</i><b>{below}</b></span> }
}

/// The pair's distance over the checkpoints, with the current one marked.
#[component]
fn Course(alignment: std::sync::Arc<Alignment>) -> impl IntoView {
    const WIDTH: f64 = 600.0;
    const HEIGHT: f64 = 48.0;
    let app = App::get();
    let most = alignment.checkpoints.iter().map(|checkpoint| checkpoint.distance).max().unwrap_or(0).max(1);
    let number = alignment.checkpoints.len();
    let across = move |place: usize| {
        if number < 2 { WIDTH / 2.0 } else { 6.0 + (WIDTH - 12.0) * place as f64 / (number - 1) as f64 }
    };
    let up = move |distance: u32| HEIGHT - 6.0 - (HEIGHT - 12.0) * f64::from(distance) / f64::from(most);
    let dots: Vec<(f64, f64)> = alignment
        .checkpoints
        .iter()
        .enumerate()
        .map(|(place, checkpoint)| (across(place), up(checkpoint.distance)))
        .collect();
    let line: Vec<String> = dots.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let first = alignment.checkpoints.first().map_or(0, |checkpoint| checkpoint.distance);
    let last = alignment.checkpoints.last().map_or(0, |checkpoint| checkpoint.distance);
    let label = format!(
        "Distance of the pair over {number} checkpoints: from {first} at the first to {last} at the last, at most {most}."
    );
    let marked = move || dots.get(app.checkpoint.get()).copied();
    view! {
        <svg class="course" viewBox=format!("0 0 {WIDTH} {HEIGHT}") role="img" aria-label=label preserveAspectRatio="none">
            <polyline points=line.join(" ") fill="none" vector-effect="non-scaling-stroke"></polyline>
            {move || marked().map(|(x, _)| view! {
                <line x1=x x2=x y1="0" y2=HEIGHT vector-effect="non-scaling-stroke"></line>
            })}
        </svg>
    }
}
