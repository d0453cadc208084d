//! An input field of a form with a submit button.

use leptos::prelude::*;

/// An input for a whole number, with its error message.
#[component]
pub fn Entry(
    /// Label.
    label: &'static str,
    /// Short description.
    hint: &'static str,
    /// The text of the field.
    text: RwSignal<String>,
    /// The error message.
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

/// Parses a whole number; `None` if the field is empty.
///
/// # Errors
/// A message that says what to enter.
pub fn optional(text: &str, example: &str) -> Result<Option<u64>, String> {
    let digits: String = text.chars().filter(|letter| !matches!(letter, ',' | ' ' | '_')).collect();
    if digits.is_empty() {
        return Ok(None);
    }
    // JavaScript numbers are exact up to 2^53, and counts in the worker have 32 bits.
    let number = digits.parse().ok().filter(|number| *number < 1 << 53);
    number
        .map(Some)
        .ok_or_else(|| format!("“{text}” is not a whole number. Enter one, for example {example}."))
}
