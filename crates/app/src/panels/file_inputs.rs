//! The file inputs behind the buttons that open files and folders.

use leptos::html;
use leptos::prelude::*;

use crate::files;
use crate::state::App;

/// One hidden input for files and one for a folder; buttons click them.
#[component]
pub fn HiddenFileInputs() -> impl IntoView {
    let app = App::get();
    let files_input = NodeRef::<html::Input>::new();
    let folder_input = NodeRef::<html::Input>::new();
    let picked = move |node: NodeRef<html::Input>| {
        if let Some(input) = node.get_untracked() {
            files::open_picked(app, &input);
        }
    };
    view! {
        <input
            node_ref=files_input id="file-input" data-testid="file-input" class="unseen" type="file" multiple
            tabindex="-1" aria-label="Choose trace files" aria-hidden="true" on:change=move |_| picked(files_input)
        />
        <input
            node_ref=folder_input id="folder-input" data-testid="folder-input" class="unseen" type="file" multiple
            prop:webkitdirectory=true tabindex="-1" aria-label="Choose a folder of traces" aria-hidden="true"
            on:change=move |_| picked(folder_input)
        />
    }
}
