//! What the program adds to the page without files, whose static part is in `index.html`.

use leptos::prelude::*;

use crate::panels::errors::Errors;
use crate::panels::kept::Continue;

/// Error messages and kept runs above the static part.
#[component]
pub fn Empty() -> impl IntoView {
    view! { <div class="page above"><Errors/><Continue/></div> }
}
