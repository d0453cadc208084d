//! What checkpoints are computed on, and what was made of them, above the table of files.

use leptos::prelude::*;
use protocol::{Backend, Job, ProcessorInfo};

use crate::analyst;
use crate::format::bytes;
use crate::state::App;

/// A line while there are checkpoints among the files.
#[component]
pub fn Engine() -> impl IntoView {
    let app = App::get();
    let present = move || app.files.with(|rows| rows.iter().any(|row| row.checkpoint));
    let made = move || app.files.with(|rows| rows.iter().any(|row| row.made));
    view! {
        <Show when=present>
            <p class="engine" data-testid="engine">
                <label>"Checkpoints run on "<BackendChoice id="backend"/></label>
                <span class="soft" data-testid="processor">
                    {move || app.processor.with(|processor| processor.as_ref().map(tell).unwrap_or_default())}
                </span>
                <Show when=made>
                    <button type="button" on:click=move |_| analyst::post(app, &Job::Save { id: None })>"Save results of the items"</button>
                </Show>
            </p>
        </Show>
    }
}

/// What is computed on: distances and checkpoints.
#[component]
pub fn BackendChoice(
    /// What tests call it.
    id: &'static str,
) -> impl IntoView {
    let app = App::get();
    let options = [
        (Backend::Auto, "whatever is faster"),
        (Backend::Gpu, "the GPU (WebGPU)"),
        (Backend::Cpu, "the CPU"),
    ];
    view! {
        <select
            data-testid=id
            on:change=move |event| {
                if let Some(backend) = Backend::from_slug(&event_target_value(&event)) {
                    analyst::use_backend(app, backend);
                }
            }
        >
            {options
                .map(|(backend, word)| view! {
                    <option value=backend.slug() selected=move || app.backend.get() == backend>{word}</option>
                })
                .collect_view()}
        </select>
    }
}

/// `GPU: NVIDIA H100, buffers of 2.0 GiB. …`
fn tell(processor: &ProcessorInfo) -> String {
    let ProcessorInfo { gpu, name, buffer, budget, note } = processor;
    let mut told = if *gpu { "GPU".to_owned() } else { "CPU".to_owned() };
    if !name.is_empty() {
        told.push_str(": ");
        told.push_str(name);
    }
    if let Some(buffer) = buffer {
        told.push_str(&format!(", buffers of {}", bytes(*buffer)));
    }
    told.push_str(&format!(", {} for the states of tokens.", bytes(*budget)));
    if let Some(note) = note {
        told.push(' ');
        told.push_str(note);
    }
    told
}
