//! Kept runs on the empty page, and the switch that keeps them.

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::keep::{self, KeptRun};
use crate::state::{App, Dialog};

/// The last kept run, and a list of all; empty without any.
#[component]
pub fn Continue() -> impl IntoView {
    let app = App::get();
    let runs = RwSignal::new(Vec::<KeptRun>::new());
    let used = RwSignal::new(String::new());
    let refresh = move || {
        if keep::available() {
            spawn_local(async move {
                match keep::kept().await {
                    Ok((found, usage)) => {
                        runs.try_set(found);
                        used.try_set(usage);
                    }
                    Err(message) => app.fail(message),
                }
            });
        }
    };
    refresh();
    let discard = move |id: f64| {
        spawn_local(async move {
            if let Err(message) = keep::discard(id).await {
                app.fail(message);
            }
            refresh();
        });
    };
    let last = move || runs.with(|runs| runs.iter().find(|run| !run.words.is_empty()).cloned());
    view! {
        {move || last().map(|run| view! {
            <button type="button" class="continue" data-testid="continue" on:click=move |_| keep::open(app, run.id)>
                <strong>"Continue where you left off"</strong><span>{run.words}</span>
            </button>
        })}
        <Show when=move || !runs.with(Vec::is_empty)>
            <details class="kept" data-testid="kept-runs">
                <summary>{move || format!("Recent runs ({}); storage: {}", runs.with(Vec::len), used.get())}</summary>
                <ul>
                    {move || runs.get().into_iter().map(|KeptRun { id, words }| {
                        let label = format!("Remove {words}");
                        let open = if words.is_empty() {
                            view! { <span>"This kept run cannot be read."</span> }.into_any()
                        } else {
                            view! { <button type="button" class="plain" on:click=move |_| keep::open(app, id)>{words}</button> }.into_any()
                        };
                        view! { <li>{open}<button type="button" aria-label=label on:click=move |_| discard(id)>"Remove"</button></li> }
                    }).collect_view()}
                </ul>
                <Show when=move || runs.with(|runs| runs.len() > 1)>
                    <button type="button" data-testid="runs-table" on:click=move |_| app.dialog.set(Some(Dialog::Runs))>"Compare in a table"</button>" "
                </Show>
                <button type="button" on:click=move |_| discard(0.0)>"Remove all"</button>
            </details>
        </Show>
    }
}

/// Whether finished runs are kept.
#[component]
pub fn KeepSwitch() -> impl IntoView {
    let app = App::get();
    view! {
        <label class="privacy">
            <input type="checkbox" data-testid="keep-runs" prop:checked=move || app.keeps.get() on:change=move |event| keep::set_kept(app, event_target_checked(&event))/>
            " Keep finished runs in this browser, with their files up to 256 MB. They stay on this machine."
        </label>
    }
}
