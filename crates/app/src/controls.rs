//! Controls that views and panels share.

use std::time::Duration;

use leptos::prelude::*;
use protocol::Job;
use report::Group;

use crate::analyst;
use crate::format::count;
use crate::state::{App, Axis, Dialog};

/// A choice of one among a few buttons.
#[component]
pub fn Choice<T: Copy + PartialEq + Send + Sync + 'static>(
    /// Label.
    label: &'static str,
    /// Labels and values.
    options: Vec<(&'static str, T)>,
    /// Current value.
    chosen: Signal<T>,
    /// Called with the chosen value.
    choose: impl Fn(T) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let (words, values): (Vec<_>, Vec<_>) = options.into_iter().unzip();
    let known = values.clone();
    let at = Signal::derive(move || known.iter().position(|value| *value == chosen.get()));
    let choose = Callback::new(move |at: usize| {
        if let Some(&value) = values.get(at) {
            choose(value);
        }
    });
    segments(label, words, at, choose)
}

/// The buttons of a choice; not generic, to keep the WebAssembly small.
fn segments(
    label: &'static str,
    words: Vec<&'static str>,
    chosen: Signal<Option<usize>>,
    choose: Callback<usize>,
) -> AnyView {
    view! {
        <div class="choice" role="group" aria-label=label>
            <span class="soft" aria-hidden="true">{label}</span>
            <span class="segments">
                {words.into_iter().enumerate().map(|(at, word)| view! {
                    <button
                        type="button"
                        aria-pressed=move || (chosen.get() == Some(at)).to_string()
                        on:click=move |_| choose.run(at)
                    >{word}</button>
                }).collect_view()}
            </span>
        </div>
    }
    .into_any()
}

/// The name of a metric; a click opens its definition.
#[component]
pub fn Term(
    /// Id of the metric.
    metric: &'static str,
    /// Its name.
    name: &'static str,
) -> impl IntoView {
    let app = App::get();
    let open = move |_| app.dialog.set(Some(Dialog::Definition(metric.to_owned())));
    view! { <button type="button" class="term" title="Definition" on:click=open>{name}</button> }
}

/// Memorized samples or all samples.
#[component]
pub fn GroupChoice() -> impl IntoView {
    let app = App::get();
    view! {
        <Choice
            label="Samples" options=vec![("memorized", Group::Memorized), ("all", Group::All)]
            chosen=app.group.into()
            choose=move |group| {
                app.group_chosen.set(true);
                app.group.set(group);
            }
        />
    }
}

/// Steps, tokens or the logarithm of steps.
#[component]
pub fn AxisChoice() -> impl IntoView {
    let app = App::get();
    let tokens = Memo::new(move |_| {
        app.with_report(|report| report.checkpoints.iter().all(|checkpoint| checkpoint.tokens.is_some()))
            .unwrap_or(false)
    });
    view! {
        {move || {
            let mut options = vec![("steps", Axis::Steps), ("log steps", Axis::Log)];
            if tokens.get() {
                options.insert(1, ("tokens", Axis::Tokens));
            }
            view! { <Choice label="Axis" options chosen=app.axis.into() choose=move |axis| crate::zoom::set_axis(app, axis)/> }
        }}
    }
}

/// One of the run's domains.
#[component]
pub fn DomainChoice() -> impl IntoView {
    let app = App::get();
    let names = Memo::new(move |_| {
        app.with_report(|report| report.domains.iter().map(|domain| domain.name.clone()).collect::<Vec<_>>())
            .unwrap_or_default()
    });
    view! {
        <label class="choice">
            <span class="soft">"Domain"</span>
            <select prop:value=move || app.domain.get() on:change=move |event| app.domain.set(event_target_value(&event))>
                {move || names.get().into_iter().map(|name| {
                    let selected = untrack(|| app.domain.get()) == name;
                    view! { <option value=name.clone() selected=selected>{name.clone()}</option> }
                }).collect_view()}
            </select>
        </label>
    }
}

/// The range input of a slider: sets `place`, which is between 0 and `last`; screen readers say `words`.
fn range(
    label: &'static str,
    last: Memo<usize>,
    place: RwSignal<usize>,
    words: impl Fn() -> String + Send + 'static,
) -> impl IntoView {
    view! {
        <input
            type="range" min="0" step="1" aria-label=label
            prop:max=move || last.get().to_string()
            prop:value=move || place.get().to_string()
            aria-valuetext=words
            on:input=move |event| {
                if let Ok(value) = event_target_value(&event).parse() {
                    place.set(value);
                }
            }
        />
    }
}

/// A slider over the checkpoints with buttons and the current step.
#[component]
pub fn CheckpointSlider() -> impl IntoView {
    let app = App::get();
    let last =
        Memo::new(move |_| app.with_report(|report| report.checkpoints.len()).unwrap_or(0).saturating_sub(1));
    let words = move || {
        let here = app.checkpoint.get();
        app.with_report(|report| {
            report.checkpoints.get(here).map(|checkpoint| format!("step {}", count(checkpoint.step)))
        })
        .flatten()
        .unwrap_or_default()
    };
    view! {
        <div class="slider" role="group" aria-label="Checkpoint">
            <button type="button" class="plain" aria-label="Previous checkpoint" on:click=move |_| app.step_checkpoint(false)><kbd>"["</kbd></button>
            {range("Checkpoint", last, app.checkpoint, words)}
            <button type="button" class="plain" aria-label="Next checkpoint" on:click=move |_| app.step_checkpoint(true)><kbd>"]"</kbd></button>
            <button
                type="button" class="plain" aria-pressed=move || app.playing.get().to_string()
                on:click=move |_| crate::present::play(app)
            >{move || if app.playing.get() { "Pause" } else { "Play" }}</button>
            <button
                type="button" class="plain" data-testid="pin" title="Compare with this checkpoint"
                aria-pressed=move || app.pin.get().is_some().to_string()
                on:click=move |_| app.toggle_pin()
            >"Pin "<kbd>"r"</kbd></button>
            <output class="step">{words}</output>
        </div>
    }
}

/// A slider over the layers with buttons and the current layer.
#[component]
pub fn LayerSlider() -> impl IntoView {
    let app = App::get();
    let last = Memo::new(move |_| app.with_report(|report| report.run.layers).unwrap_or(0).saturating_sub(1));
    let words = move || format!("layer {}", app.layer.get());
    view! {
        <div class="slider" role="group" aria-label="Layer">
            <button type="button" class="plain" aria-label="Previous layer" on:click=move |_| app.step_layer(false)><kbd>"k"</kbd></button>
            {range("Layer", last, app.layer, words)}
            <button type="button" class="plain" aria-label="Next layer" on:click=move |_| app.step_layer(true)><kbd>"j"</kbd></button>
            <output class="step">{words}</output>
        </div>
    }
}

/// Switches all charts to tables.
#[component]
pub fn TwinSwitch() -> impl IntoView {
    let app = App::get();
    view! {
        <button
            type="button"
            aria-pressed=move || app.twin.get().to_string()
            on:click=move |_| app.twin.update(|twin| *twin = !*twin)
        >"Show tables "<kbd>"t"</kbd></button>
    }
}

/// Number of samples that a search lists first.
const LISTED: usize = 40;
/// Number of samples that are listed in addition on request.
const MORE_LISTED: usize = 200;

/// A search of the run's samples, to be called with each typed text, and a function that lists more;
/// [`App::samples`] gets the answer. It starts with all samples.
pub fn sample_search(app: App) -> (impl Fn(String) + Copy, impl Fn() + Copy) {
    let query = StoredValue::new(String::new());
    let limit = StoredValue::new(LISTED);
    let search = move || {
        analyst::post(app, &Job::FindSamples { query: query.get_value(), limit: limit.get_value() });
    };
    Effect::new(move || {
        // The complete report may have more samples.
        app.complete.track();
        search();
    });
    let debounce = StoredValue::new(None::<TimeoutHandle>);
    let find = move |text: String| {
        query.set_value(text);
        limit.set_value(LISTED);
        // Debounced: not one search per letter.
        if let Some(timer) = debounce.get_value() {
            timer.clear();
        }
        debounce.set_value(set_timeout_with_handle(search, Duration::from_millis(120)).ok());
    };
    let more = move || {
        limit.update_value(|limit| *limit += MORE_LISTED);
        search();
    };
    (find, more)
}
