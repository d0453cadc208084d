//! The dialog for expert ids without a shape: number of layers, experts per token, experts.

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
        <Modal open=|dialog| matches!(dialog, Dialog::Shape(_)) title="Shape of the expert ids" id="shape-dialog">
            <Form/>
        </Modal>
    }
}

#[component]
fn Form() -> impl IntoView {
    let app = App::get();
    // The file whose shape is set; `None` sets only the number of experts, for all files.
    let file = app.dialog.with_untracked(|dialog| match dialog {
        Some(Dialog::Shape(file)) => *file,
        _ => None,
    });
    let (layers, top_k, experts) =
        (RwSignal::new(String::new()), RwSignal::new(String::new()), RwSignal::new(String::new()));
    let (wrong_layers, wrong_top_k, wrong_experts) =
        (RwSignal::new(None), RwSignal::new(None), RwSignal::new(None));
    let submit = move || {
        app.refused.set(None);
        let read = |text: RwSignal<String>, example, wrong: RwSignal<Option<String>>, needed: bool| {
            let count = optional(&text.get_untracked(), example).and_then(|count| match count {
                None | Some(0) if needed => Err(format!("Enter a number, for example {example}.")),
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
            submit();
        }>
            <p>{if file.is_some() {
                "The file holds a flat list of expert ids. Enter its shape; the model’s config.json has these numbers."
            } else {
                "Expert ids only give a lower bound. This number applies to every file that does not state it."
            }}</p>
            <div class="fields">
                {file.map(|_| view! {
                    <Entry label="Layers" hint="MoE layers with recorded ids" text=layers wrong=wrong_layers/>
                    <Entry label="Experts per token" hint="num_experts_per_tok" text=top_k wrong=wrong_top_k/>
                })}
                <Entry
                    label="Experts"
                    hint=if file.is_some() { "per layer; if empty, inferred from the largest id" } else { "per layer: num_experts" }
                    text=experts wrong=wrong_experts
                />
            </div>
            <p class="wrong" role="status">{move || app.refused.with(|refused| refused.as_ref().map(|refused| refused.0.clone()))}</p>
            <p class="buttons">
                <button type="submit" class="primary">"Apply"</button>
                <button type="button" on:click=move |_| app.dialog.set(None)>{if file.is_some() { "Skip file" } else { "Cancel" }}</button>
            </p>
        </form>
    }
}
