//! What the program adds to the page without files, whose static part is in `index.html`.

use leptos::prelude::*;

use crate::panels::errors::Errors;

/// Error messages above the static part.
#[component]
pub fn Empty() -> impl IntoView {
    view! { <div class="page above"><Errors/></div> }
}
