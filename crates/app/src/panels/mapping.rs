//! Tensors under other names: what they are thought to be, to be confirmed or corrected.

use std::sync::Arc;

use leptos::prelude::*;
use protocol::{Axis, Job, MappingChoice, MappingRow, MappingSheet, Role};

use crate::analyst;
use crate::panels::dialog::Modal;
use crate::panels::entry::{Entry, optional};
use crate::state::{App, Dialog};

/// What a tensor can be.
const ROLES: [(Option<Role>, &str); 8] = [
    (None, "of no use here"),
    (Some(Role::Logits), "router logits, before softmax"),
    (Some(Role::Probabilities), "routing weights, after softmax"),
    (Some(Role::Gates), "mean routing weights of samples"),
    (Some(Role::Ids), "ids of the selected experts"),
    (Some(Role::Loss), "losses"),
    (Some(Role::Mask), "mask: 1 for real tokens"),
    (Some(Role::TokenCounts), "tokens of each sample"),
];

/// What an axis can count.
const AXES: [(Axis, &str); 7] = [
    (Axis::Samples, "samples"),
    (Axis::Tokens, "tokens"),
    (Axis::Rows, "tokens of all samples"),
    (Axis::Layers, "layers"),
    (Axis::Experts, "experts"),
    (Axis::Rank, "selected experts"),
    (Axis::Single, "nothing: one entry"),
];

/// The dialog; it opens by itself with the first such file, and from the file table.
#[component]
pub fn MappingDialog() -> impl IntoView {
    let app = App::get();
    view! {
        <Modal open=|dialog| matches!(dialog, Dialog::Mapping) title="What are these tensors?" id="mapping-dialog" class="wide">
            {move || app.sheet.get().map(|sheet| form(app, &sheet))}
        </Modal>
    }
}

fn form(app: App, sheet: &Arc<MappingSheet>) -> AnyView {
    let MappingSheet { id, ref path, ref reasons, ref rows, step, others } = **sheet;
    let choices = RwSignal::new(rows.iter().map(|row| row.choice.clone()).collect::<Vec<_>>());
    let experts = RwSignal::new(String::new());
    let step = RwSignal::new(step.map(|step| step.to_string()).unwrap_or_default());
    let (wrong_experts, wrong_step) = (RwSignal::new(None), RwSignal::new(None));
    let by_ids = Memo::new(move |_| {
        choices.with(|choices| choices.iter().any(|choice| choice.role == Some(Role::Ids)))
    });
    let take = move || {
        app.refused.set(None);
        let experts = optional(&experts.get_untracked(), "64").map(|count| count.map(|count| count as usize));
        let step = optional(&step.get_untracked(), "5000");
        wrong_experts.set(experts.as_ref().err().cloned());
        wrong_step.set(step.as_ref().err().cloned());
        if let (Ok(experts), Ok(step)) = (experts, step) {
            let experts = experts.filter(|_| by_ids.get_untracked());
            let choices = choices.get_untracked();
            analyst::post(app, &Job::UseMapping { id, choices, experts, step });
        }
    };
    let told = match others {
        0 => String::new(),
        1 => "The other file with the same tensors is read in the same way.".to_owned(),
        more => format!("The {more} other files with the same tensors are read in the same way."),
    };
    view! {
        <form on:submit=move |event| {
            event.prevent_default();
            take();
        }>
            <p><code class="long">{path.clone()}</code></p>
            <ul class="soft">{reasons.iter().map(|reason| view! { <li>{reason.clone()}</li> }).collect_view()}</ul>
            <div class="scroll">
                <table class="tensors">
                    <thead><tr><th scope="col">"Tensor"</th><th scope="col">"Shape"</th><th scope="col">"What it is"</th><th scope="col">"What its axes count"</th></tr></thead>
                    <tbody>{rows.iter().enumerate().map(|(line, row)| tensor(app, line, row, choices)).collect_view()}</tbody>
                </table>
            </div>
            <p class="wrong" role="status">{move || refused(app, None)}</p>
            <div class="fields">
                <Entry label="Training step" hint="of this file; empty: not known yet" text=step wrong=wrong_step/>
                <Show when=move || by_ids.get()>
                    <Entry label="Experts" hint="of a layer; empty: told by the largest id" text=experts wrong=wrong_experts/>
                </Show>
            </div>
            <p class="soft">{told}</p>
            <p class="buttons">
                <button type="submit" class="primary">"Use"</button>
                <button type="button" on:click=move |_| app.dialog.set(None)>"Leave out"</button>
            </p>
        </form>
    }
    .into_any()
}

/// What the analyst found wrong with a line, or with the whole.
fn refused(app: App, line: Option<usize>) -> Option<String> {
    app.refused
        .with(|refused| refused.as_ref().filter(|refused| refused.1 == line).map(|refused| refused.0.clone()))
}

/// One line: a tensor, or the tensors of all layers.
fn tensor(app: App, line: usize, row: &MappingRow, choices: RwSignal<Vec<MappingChoice>>) -> AnyView {
    let MappingRow { name, tensors, dtype, shape, choice } = row;
    let set = move |change: &dyn Fn(&mut MappingChoice)| {
        choices.update(|choices| choices.get_mut(line).into_iter().for_each(change));
    };
    let of_use = Memo::new(move |_| {
        choices.with(|choices| choices.get(line).is_some_and(|choice| choice.role.is_some()))
    });
    let more = if *tensors > 1 { format!(" and {} more, one a layer", tensors - 1) } else { String::new() };
    let sizes = shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" × ");
    let role = select(
        &format!("What {name} is"),
        &ROLES.map(|(_, words)| words),
        place(&ROLES, choice.role),
        move |at| {
            if let Some(&(role, _)) = ROLES.get(at) {
                set(&|choice| choice.role = role);
            }
        },
    );
    let axes = choice.axes.iter().zip(shape).enumerate().map(|(axis, (counts, size))| {
        let label = format!("What axis {} of {name} counts, {size} long", axis + 1);
        select(&label, &AXES.map(|(_, words)| words), place(&AXES, *counts), move |at| {
            if let Some(&(counts, _)) = AXES.get(at) {
                set(&|choice| choice.axes.get_mut(axis).into_iter().for_each(|axis| *axis = counts));
            }
        })
    });
    view! {
        <tr>
            <th scope="row" class="path">{name.clone()}<span class="soft">{more}</span></th>
            <td>{format!("{sizes}, {dtype}")}</td>
            <td>{role}<p class="wrong" role="status">{move || refused(app, Some(line))}</p></td>
            <td class="axes" class:away=move || !of_use.get()>{axes.collect_view()}</td>
        </tr>
    }
    .into_any()
}

/// Where a value stands among those on offer.
fn place<T: PartialEq>(offered: &[(T, &str)], value: T) -> usize {
    offered.iter().position(|(other, _)| *other == value).unwrap_or(0)
}

/// A choice among words.
fn select(label: &str, words: &[&'static str], chosen: usize, choose: impl Fn(usize) + 'static) -> AnyView {
    let options = words.iter().enumerate().map(|(at, word)| {
        view! { <option value=at selected=at == chosen>{*word}</option> }
    });
    view! {
        <select aria-label=label.to_owned() on:change=move |event| choose(event_target_value(&event).parse().unwrap_or(0))>
            {options.collect_view()}
        </select>
    }
    .into_any()
}
