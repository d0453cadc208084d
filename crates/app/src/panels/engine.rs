//! The line above the file table while checkpoints are loaded: backend, processor, results.

use leptos::prelude::*;
use protocol::{Backend, Job, ProcessorInfo};

use crate::analyst;
use crate::format::bytes;
use crate::state::App;

/// Backend and results; shown while checkpoints are among the files.
#[component]
pub fn Engine() -> impl IntoView {
    let app = App::get();
    let has_checkpoints = move || app.files.with(|rows| rows.iter().any(|row| row.checkpoint));
    let has_results = move || app.files.with(|rows| rows.iter().any(|row| row.made));
    view! {
        <Show when=has_checkpoints>
            <p class="engine" data-testid="engine">
                <label>"Checkpoints run on "<BackendChoice id="backend"/></label>
                <span class="soft" data-testid="processor">
                    {move || app.processor.with(|processor| processor.as_ref().map(describe).unwrap_or_default())}
                </span>
                <Show when=has_results>
                    <button type="button" on:click=move |_| analyst::post(app, &Job::Save { id: None })>"Save benchmark results"</button>
                </Show>
            </p>
        </Show>
    }
}

/// Selects the backend of distances and checkpoints.
#[component]
pub fn BackendChoice(
    /// Test id.
    id: &'static str,
) -> impl IntoView {
    let app = App::get();
    let options = [(Backend::Auto, "automatic"), (Backend::Gpu, "GPU (WebGPU)"), (Backend::Cpu, "CPU")];
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
                .map(|(backend, name)| view! {
                    <option value=backend.slug() selected=move || app.backend.get() == backend>{name}</option>
                })
                .collect_view()}
        </select>
    }
}

/// `GPU: NVIDIA H100, buffers up to 2.0 GiB, 4.0 GiB for token states.`
fn describe(processor: &ProcessorInfo) -> String {
    let ProcessorInfo { gpu, name, buffer, budget, note } = processor;
    let mut text = if *gpu { "GPU".to_owned() } else { "CPU".to_owned() };
    if !name.is_empty() {
        text.push_str(": ");
        text.push_str(name);
    }
    if let Some(buffer) = buffer {
        text.push_str(&format!(", buffers up to {}", bytes(*buffer)));
    }
    text.push_str(&format!(", {} for token states.", bytes(*budget)));
    if let Some(note) = note {
        text.push(' ');
        text.push_str(note);
    }
    text
}
