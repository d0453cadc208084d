//! A field of a form that is sent as a whole.

use leptos::prelude::*;

/// A whole number to be typed, with what is wrong with it.
#[component]
pub fn Entry(
    /// Its name.
    label: &'static str,
    /// What it is, in a few words.
    hint: &'static str,
    /// What is typed.
    text: RwSignal<String>,
    /// What is wrong with it.
    wrong: RwSignal<Option<String>>,
) -> impl IntoView {
    view! {
        <label class="field">
            <span class="name">{label}</span>
            <input
                type="text" inputmode="numeric" autocomplete="off"
                prop:value=move || text.get()
                on:input=move |event| text.set(event_target_value(&event))
            />
            <span class="soft">{hint}</span>
            <span class="wrong" role="status">{move || wrong.get()}</span>
        </label>
    }
}

/// The whole number that was typed; none where nothing was.
///
/// # Errors
/// What is wrong with it, in a sentence.
pub fn optional(text: &str, example: &str) -> Result<Option<u64>, String> {
    let digits: String = text.chars().filter(|letter| !matches!(letter, ',' | ' ' | '_')).collect();
    if digits.is_empty() {
        return Ok(None);
    }
    // Above 2^53 a number would change on its way to the worker, and counts have 32 bits there.
    let number = digits.parse().ok().filter(|number| *number < 1 << 53);
    number.map(Some).ok_or_else(|| format!("“{text}” is not a whole number, for example {example}."))
}
