//! The two file inputs behind all "choose" buttons.

use leptos::html;
use leptos::prelude::*;

use crate::files;
use crate::state::App;

/// The inputs, unseen; buttons click them.
#[component]
pub fn Doors() -> impl IntoView {
    let app = App::get();
    let single = NodeRef::<html::Input>::new();
    let folder = NodeRef::<html::Input>::new();
    let picked = move |node: NodeRef<html::Input>| {
        if let Some(input) = node.get_untracked() {
            files::picked(app, &input);
        }
    };
    view! {
        <input
            node_ref=single id="file-input" data-testid="file-input" class="unseen" type="file" multiple
            tabindex="-1" aria-label="Choose trace files" aria-hidden="true" on:change=move |_| picked(single)
        />
        <input
            node_ref=folder id="folder-input" data-testid="folder-input" class="unseen" type="file" multiple
            prop:webkitdirectory=true tabindex="-1" aria-label="Choose a folder of traces" aria-hidden="true"
            on:change=move |_| picked(folder)
        />
    }
}
