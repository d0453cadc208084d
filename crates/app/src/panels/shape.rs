//! Expert ids without a shape: how many layers there are, and experts a token.

use leptos::prelude::*;
use protocol::Job;

use crate::analyst;
use crate::panels::dialog::Modal;
use crate::panels::entry::{Entry, optional};
use crate::state::{App, Dialog};

/// The dialog, from the file table.
#[component]
pub fn ShapeDialog() -> impl IntoView {
    view! {
        <Modal open=|dialog| matches!(dialog, Dialog::Shape(_)) title="What these ids are of" id="shape-dialog">
            <Form/>
        </Modal>
    }
}

#[component]
fn Form() -> impl IntoView {
    let app = App::get();
    // A file whose shape is asked for; without one, only how many experts there are.
    let file = app.dialog.with_untracked(|dialog| match dialog {
        Some(Dialog::Shape(file)) => *file,
        _ => None,
    });
    let (layers, top_k, experts) =
        (RwSignal::new(String::new()), RwSignal::new(String::new()), RwSignal::new(String::new()));
    let (wrong_layers, wrong_top_k, wrong_experts) =
        (RwSignal::new(None), RwSignal::new(None), RwSignal::new(None));
    let take = move || {
        app.refused.set(None);
        let read = |text: RwSignal<String>, example, wrong: RwSignal<Option<String>>, needed: bool| {
            let count = optional(&text.get_untracked(), example).and_then(|count| match count {
                None | Some(0) if needed => Err(format!("It is needed, for example {example}.")),
                count => Ok(count.map(|count| count as usize)),
            });
            wrong.set(count.as_ref().err().cloned());
            count.ok()
        };
        let experts = read(experts, "64", wrong_experts, file.is_none());
        if let Some(id) = file {
            let shape = [read(layers, "16", wrong_layers, true), read(top_k, "8", wrong_top_k, true)];
            if let ([Some(Some(layers)), Some(Some(top_k))], Some(experts)) = (shape, experts) {
                analyst::post(app, &Job::UseShape { id, layers, top_k, experts });
            }
        } else if let Some(Some(experts)) = experts {
            analyst::post(app, &Job::UseExperts { experts });
        }
    };
    view! {
        <form on:submit=move |event| {
            event.prevent_default();
            take();
        }>
            <p>{if file.is_some() {
                "The file has expert ids in a row, and does not say how many belong to a token. The model’s config.json has these numbers."
            } else {
                "Ids tell how many experts there are at least. What is said here holds for all files that do not tell it."
            }}</p>
            <div class="fields">
                {file.map(|_| view! {
                    <Entry label="Layers" hint="of which a token has ids" text=layers wrong=wrong_layers/>
                    <Entry label="Experts a token" hint="num_experts_per_tok" text=top_k wrong=wrong_top_k/>
                })}
                <Entry
                    label="Experts"
                    hint=if file.is_some() { "of a layer; empty: told by the largest id" } else { "of a layer: num_experts" }
                    text=experts wrong=wrong_experts
                />
            </div>
            <p class="wrong" role="status">{move || app.refused.with(|refused| refused.as_ref().map(|refused| refused.0.clone()))}</p>
            <p class="buttons">
                <button type="submit" class="primary">"Use"</button>
                <button type="button" on:click=move |_| app.dialog.set(None)>{if file.is_some() { "Leave out" } else { "Close" }}</button>
            </p>
        </form>
    }
}
