//! Dialogs that load from URLs: entered by the user, or named in a link and confirmed first.

use leptos::prelude::*;

use crate::files;
use crate::panels::dialog::Modal;
use crate::state::{App, Dialog};

/// The dialog to enter URLs.
#[component]
pub fn AddressDialog() -> impl IntoView {
    let app = App::get();
    let text = RwSignal::new(String::new());
    let load = move || {
        let urls: Vec<String> = text.with(|text| text.split_whitespace().map(str::to_owned).collect());
        if urls.is_empty() {
            return;
        }
        if let Some(bad) = urls.iter().find(|url| !url.starts_with("https://") && !url.starts_with("http://"))
        {
            app.fail(format!("“{bad}” is not a URL. Enter the full address, starting with https://."));
        } else {
            text.set(String::new());
            files::add_urls(app, urls);
        }
        app.dialog.set(None);
    };
    view! {
        <Modal open=|dialog| matches!(dialog, Dialog::Address) title="Load from URL" id="address-dialog">
            <label for="addresses">"URLs of files, folders (ending in /) or an index.json that lists files, one per line"</label>
            <textarea
                id="addresses" rows="5" spellcheck="false" placeholder="https://example.org/run/step-1000.safetensors"
                prop:value=move || text.get()
                on:input=move |event| text.set(event_target_value(&event))
            ></textarea>
            <p class="soft">"Requests go only to these servers. They must allow cross-origin requests (CORS)."</p>
            <p class="buttons"><button type="button" class="primary" on:click=move |_| load()>"Load"</button></p>
        </Modal>
    }
}

/// Asks for confirmation before a URL from a link is fetched.
#[component]
pub fn SourceDialog() -> impl IntoView {
    let app = App::get();
    let source = move || {
        app.dialog.with(|dialog| match dialog {
            Some(Dialog::Source(source, seconds)) => (source.clone(), *seconds),
            _ => (String::new(), None),
        })
    };
    view! {
        <Modal open=|dialog| matches!(dialog, Dialog::Source(..)) title="Load from another server?" id="source-dialog">
            <p>"This link asks the page to load:"</p>
            <p><code class="long">{move || source().0}</code></p>
            <p class="soft">
                "That server will see your request. Nothing has been sent yet."
                {move || source().1.map(|seconds| format!(" It is asked for new files every {seconds} s."))}
            </p>
            <p class="buttons">
                <button type="button" class="primary" on:click=move |_| {
                    let (url, seconds) = untrack(source);
                    app.dialog.set(None);
                    match seconds {
                        Some(seconds) => app.follow_folder(url, seconds, false),
                        None => files::add_urls(app, vec![url]),
                    }
                }>"Load"</button>
                <button type="button" on:click=move |_| app.dialog.set(None)>"Cancel"</button>
            </p>
        </Modal>
    }
}
