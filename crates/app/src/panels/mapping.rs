//! The dialog that maps tensors with unknown names; the proposed mapping can be confirmed or
//! corrected.

use std::sync::Arc;

use leptos::prelude::*;
use protocol::{Axis, Job, MappingChoice, MappingRow, MappingSheet, Role};

use crate::analyst;
use crate::panels::dialog::Modal;
use crate::panels::entry::{Entry, optional};
use crate::state::{App, Dialog};

/// Roles of a tensor.
const ROLES: [(Option<Role>, &str); 8] = [
    (None, "not used"),
    (Some(Role::Logits), "router logits, before softmax"),
    (Some(Role::Probabilities), "router probabilities, after softmax"),
    (Some(Role::Gates), "gates: mean router probabilities per sample"),
    (Some(Role::Ids), "selected expert ids"),
    (Some(Role::Loss), "loss per sample"),
    (Some(Role::Mask), "attention mask: 1 for real tokens"),
    (Some(Role::TokenCounts), "number of tokens per sample"),
];

/// Meanings of an axis.
const AXES: [(Axis, &str); 7] = [
    (Axis::Samples, "samples"),
    (Axis::Tokens, "tokens"),
    (Axis::Rows, "tokens, samples concatenated"),
    (Axis::Layers, "layers"),
    (Axis::Experts, "experts"),
    (Axis::Rank, "selected experts (top-k)"),
    (Axis::Single, "none (size 1)"),
];

/// The dialog. It opens automatically with the first such file, and from the file table.
#[component]
pub fn MappingDialog() -> impl IntoView {
    let app = App::get();
    view! {
        <Modal open=|dialog| matches!(dialog, Dialog::Mapping) title="Describe tensors" id="mapping-dialog" class="wide">
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
    let has_ids = Memo::new(move |_| {
        choices.with(|choices| choices.iter().any(|choice| choice.role == Some(Role::Ids)))
    });
    let submit = move || {
        app.refused.set(None);
        let experts = optional(&experts.get_untracked(), "64").map(|count| count.map(|count| count as usize));
        let step = optional(&step.get_untracked(), "5000");
        wrong_experts.set(experts.as_ref().err().cloned());
        wrong_step.set(step.as_ref().err().cloned());
        if let (Ok(experts), Ok(step)) = (experts, step) {
            let experts = experts.filter(|_| has_ids.get_untracked());
            let choices = choices.get_untracked();
            analyst::post(app, &Job::UseMapping { id, choices, experts, step });
        }
    };
    let others_note = match others {
        0 => String::new(),
        1 => "The other file with the same tensors is read the same way.".to_owned(),
        more => format!("The {more} other files with the same tensors are read the same way."),
    };
    view! {
        <form on:submit=move |event| {
            event.prevent_default();
            submit();
        }>
            <p><code class="long">{path.clone()}</code></p>
            <ul class="soft">{reasons.iter().map(|reason| view! { <li>{reason.clone()}</li> }).collect_view()}</ul>
            <div class="scroll">
                <table class="tensors">
                    <thead><tr><th scope="col">"Tensor"</th><th scope="col">"Shape"</th><th scope="col">"Content"</th><th scope="col">"Axes"</th></tr></thead>
                    <tbody>{rows.iter().enumerate().map(|(line, row)| tensor(app, line, row, choices)).collect_view()}</tbody>
                </table>
            </div>
            <p class="wrong" role="status">{move || refused(app, None)}</p>
            <div class="fields">
                <Entry label="Training step" hint="of this file; leave empty if unknown" text=step wrong=wrong_step/>
                <Show when=move || has_ids.get()>
                    <Entry label="Experts" hint="per layer; if empty, inferred from the largest id" text=experts wrong=wrong_experts/>
                </Show>
            </div>
            <p class="soft">{others_note}</p>
            <p class="buttons">
                <button type="submit" class="primary">"Apply"</button>
                <button type="button" on:click=move |_| app.dialog.set(None)>"Skip file"</button>
            </p>
        </form>
    }
    .into_any()
}

/// The analyst's error for a row, or for the whole mapping.
fn refused(app: App, line: Option<usize>) -> Option<String> {
    app.refused
        .with(|refused| refused.as_ref().filter(|refused| refused.1 == line).map(|refused| refused.0.clone()))
}

/// One row: a tensor, or the tensors of all layers.
fn tensor(app: App, line: usize, row: &MappingRow, choices: RwSignal<Vec<MappingChoice>>) -> AnyView {
    let MappingRow { name, tensors, dtype, shape, choice } = row;
    let set = move |change: &dyn Fn(&mut MappingChoice)| {
        choices.update(|choices| choices.get_mut(line).into_iter().for_each(change));
    };
    let used = Memo::new(move |_| {
        choices.with(|choices| choices.get(line).is_some_and(|choice| choice.role.is_some()))
    });
    let more = if *tensors > 1 { format!(" and {} more, one per layer", tensors - 1) } else { String::new() };
    let sizes = shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(" × ");
    let role = select(
        &format!("Content of {name}"),
        &ROLES.map(|(_, words)| words),
        index_of(&ROLES, choice.role),
        move |at| {
            if let Some(&(role, _)) = ROLES.get(at) {
                set(&|choice| choice.role = role);
            }
        },
    );
    let axes = choice.axes.iter().zip(shape).enumerate().map(|(axis, (counts, size))| {
        let label = format!("Axis {} of {name}, size {size}", axis + 1);
        select(&label, &AXES.map(|(_, words)| words), index_of(&AXES, *counts), move |at| {
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
            <td class="axes" class:away=move || !used.get()>{axes.collect_view()}</td>
        </tr>
    }
    .into_any()
}

/// Index of a value among the options.
fn index_of<T: PartialEq>(options: &[(T, &str)], value: T) -> usize {
    options.iter().position(|(other, _)| *other == value).unwrap_or(0)
}

/// A `<select>` over words.
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
