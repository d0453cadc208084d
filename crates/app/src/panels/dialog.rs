//! A dialog: the browser's own, which keeps the focus inside and closes on Esc.

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::state::{App, Dialog};

/// A dialog that is open while `open` says so; its content is made each time it opens.
#[component]
pub fn Modal(
    /// Which of the page's dialogs it is.
    open: fn(&Dialog) -> bool,
    /// Its heading.
    title: &'static str,
    /// Its id, for tests and for its heading.
    id: &'static str,
    /// Extra class: `side` stands at the right edge.
    #[prop(default = "")]
    class: &'static str,
    /// Its content.
    children: ChildrenFn,
) -> impl IntoView {
    let app = App::get();
    let node = NodeRef::<html::Dialog>::new();
    let wanted = Memo::new(move |_| app.dialog.with(|dialog| dialog.as_ref().is_some_and(open)));
    let close = move || {
        if wanted.get_untracked() {
            app.dialog.set(None);
        }
    };
    Effect::new(move || {
        let wanted = wanted.get();
        let Some(dialog) = node.get() else { return };
        if wanted && !dialog.open() {
            // It cannot be shown only when it is not in the page, where it always is.
            drop(dialog.show_modal());
        } else if !wanted && dialog.open() {
            dialog.close();
        }
    });
    let heading = format!("{id}-heading");
    let named_by = heading.clone();
    view! {
        <dialog
            node_ref=node
            id=id
            data-testid=id
            class=format!("dialog {class}")
            aria-labelledby=named_by
            on:close=move |_| {
                // The browser says so later, when the dialog may be open again.
                if node.get_untracked().is_none_or(|dialog| !dialog.open()) {
                    close();
                }
            }
            on:click=move |event| {
                // A click on the dialog itself is one beside its content.
                let on_itself = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok())
                    .is_some_and(|element| element.tag_name() == "DIALOG");
                if on_itself {
                    close();
                }
            }
        >
            <Show when=move || wanted.get()>
                <div class="dialog-body">
                    <header class="dialog-head">
                        <h2 id=heading.clone()>{title}</h2>
                        <button type="button" class="plain" on:click=move |_| close()>"Close "<kbd>"Esc"</kbd></button>
                    </header>
                    {children()}
                </div>
            </Show>
        </dialog>
    }
}
