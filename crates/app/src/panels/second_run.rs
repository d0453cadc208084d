//! Questions about a second run and about an unsaved one.

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::codec;
use crate::download;
use crate::panels::dialog::Modal;
use crate::session::{self, Answer};
use crate::state::{App, Dialog, Origin};

/// Asks what to do with files, URLs or a report while another report is shown.
#[component]
pub fn SecondRunDialog() -> impl IntoView {
    view! {
        <Modal open=|dialog| matches!(dialog, Dialog::SecondRun) title="A report is shown" id="second-run">
            <Question/>
        </Modal>
    }
}

#[component]
fn Question() -> impl IntoView {
    let app = App::get();
    let always = RwSignal::new(false);
    on_cleanup(session::dismiss);
    let from_files = app.origin.get_untracked() == Origin::Files;
    let answer = move |answer| move |_| session::answer(app, answer, always.get_untracked());
    view! {
        <p>"What should happen with what you opened?"</p>
        <div class="answers">
            {(!session::is_report_waiting()).then(|| view! {
                <button type="button" class="primary" data-testid="second-run-add" autofocus on:click=answer(Answer::Add)>
                    {if from_files { "Add to this run" } else { "Recompute this report from these files" }}
                </button>
            })}
            <button type="button" data-testid="second-run-compare" on:click=answer(Answer::Compare)>"Compare with this run"</button>
            <button type="button" data-testid="second-run-replace" on:click=answer(Answer::Replace)>"Replace this run"</button>
        </div>
        <Show when=move || from_files && !app.saved.get()>
            <p class="soft">"This run is not saved: replacing it loses its traces."</p>
        </Show>
        {from_files.then(|| view! {
            <label><input type="checkbox" prop:checked=move || always.get() on:change=move |event| always.set(event_target_checked(&event))/>" From now on, add without asking"</label>
        })}
    }
}

/// Asks before an unsaved run is closed.
#[component]
pub fn CloseDialog() -> impl IntoView {
    let app = App::get();
    let save = move || {
        let title = untrack(|| app.with_report(|report| report.title.clone())).unwrap_or_default();
        spawn_local(async move {
            let saved = codec::write_text(app, protocol::Form::Json).await.and_then(|text| {
                download::text(&download::file_name(&title, ".json"), "application/json", &text)
            });
            match saved {
                Ok(()) => session::close(app),
                Err(message) => app.fail(message),
            }
        });
    };
    view! {
        <Modal open=|dialog| matches!(dialog, Dialog::Close) title="Close this run?" id="close-dialog">
            <p>"Its figures are neither kept nor exported."</p>
            <p class="buttons">
                <button type="button" class="primary" on:click=move |_| save()>"Save JSON and close"</button>
                <button type="button" data-testid="close-unsaved" on:click=move |_| session::close(app)>"Close without saving"</button>
                <button type="button" on:click=move |_| app.dialog.set(None)>"Cancel"</button>
            </p>
        </Modal>
    }
}
