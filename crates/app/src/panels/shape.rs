//! Expert ids without a shape: how many layers there are, and experts a token.

use leptos::prelude::*;
use worker::Job;

use crate::analyst;
use crate::panels::dialog::Modal;
use crate::panels::entry::{Entry, optional};
use crate::state::{App, Dialog};

/// The dialog, from the file table.
#[component]
pub fn ShapeDialog() -> impl IntoView {
    view! {
        <Modal open=|dialog| matches!(dialog, Dialog::Shape(_)) title="The shape of these ids" id="shape-dialog">
            <Form/>
        </Modal>
    }
}

#[component]
fn Form() -> impl IntoView {
    let app = App::get();
    let file = app.dialog.with_untracked(|dialog| match dialog {
        Some(Dialog::Shape(id)) => *id,
        _ => 0,
    });
    let (layers, top_k, experts) =
        (RwSignal::new(String::new()), RwSignal::new(String::new()), RwSignal::new(String::new()));
    let wrong = [RwSignal::new(None), RwSignal::new(None), RwSignal::new(None)];
    let take = move || {
        app.refused.set(None);
        let needed = |text: RwSignal<String>, example| {
            optional(&text.get_untracked(), example).and_then(|count| {
                count
                    .filter(|&count| count > 0)
                    .ok_or_else(|| format!("It is needed, for example {example}."))
            })
        };
        let read = [needed(layers, "16"), needed(top_k, "8")];
        let experts = optional(&experts.get_untracked(), "64");
        let [wrong_layers, wrong_top_k, wrong_experts] = wrong;
        wrong_experts.set(experts.as_ref().err().cloned());
        for (read, wrong) in read.iter().zip([wrong_layers, wrong_top_k]) {
            wrong.set(read.as_ref().err().cloned());
        }
        if let ([Ok(layers), Ok(top_k)], Ok(experts)) = (read, experts) {
            let (layers, top_k, experts) =
                (layers as usize, top_k as usize, experts.map(|count| count as usize));
            analyst::post(app, &Job::UseShape { id: file, layers, top_k, experts });
        }
    };
    let [wrong_layers, wrong_top_k, wrong_experts] = wrong;
    view! {
        <form on:submit=move |event| {
            event.prevent_default();
            take();
        }>
            <p>"The file has expert ids in a row, and does not say how many belong to a token. The model’s config.json has these numbers."</p>
            <div class="fields">
                <Entry label="Layers" hint="of which a token has ids" text=layers wrong=wrong_layers/>
                <Entry label="Experts a token" hint="num_experts_per_tok" text=top_k wrong=wrong_top_k/>
                <Entry label="Experts" hint="of a layer; empty: told by the largest id" text=experts wrong=wrong_experts/>
            </div>
            <p class="wrong" role="status">{move || app.refused.with(|refused| refused.as_ref().map(|refused| refused.0.clone()))}</p>
            <p class="buttons">
                <button type="submit" class="primary">"Use"</button>
                <button type="button" on:click=move |_| app.dialog.set(None)>"Leave out"</button>
            </p>
        </form>
    }
}
