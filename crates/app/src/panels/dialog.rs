//! A modal `<dialog>` element: the browser keeps the focus inside and closes it on Esc.

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::JsCast;

use crate::state::{App, Dialog};

/// A dialog that is shown while `open` matches the page's current dialog. Its content is created
/// each time it opens.
#[component]
pub fn Modal(
    /// Whether this dialog is the current one.
    open: fn(&Dialog) -> bool,
    /// Heading.
    title: &'static str,
    /// Element id, also used by tests.
    id: &'static str,
    /// Extra class; `side` puts the dialog at the right edge.
    #[prop(default = "")]
    class: &'static str,
    /// Content.
    children: ChildrenFn,
) -> impl IntoView {
    let app = App::get();
    let node = NodeRef::<html::Dialog>::new();
    let is_open = Memo::new(move |_| app.dialog.with(|dialog| dialog.as_ref().is_some_and(open)));
    let close = move || {
        if is_open.get_untracked() {
            app.dialog.set(None);
        }
    };
    Effect::new(move || {
        let is_open = is_open.get();
        let Some(dialog) = node.get() else { return };
        if is_open && !dialog.open() {
            // This fails only for an element outside the document.
            drop(dialog.show_modal());
        } else if !is_open && dialog.open() {
            dialog.close();
        }
    });
    let heading = format!("{id}-heading");
    let labelled_by = heading.clone();
    view! {
        <dialog
            node_ref=node
            id=id
            data-testid=id
            class=format!("dialog {class}")
            aria-labelledby=labelled_by
            on:close=move |_| {
                // The event is delayed: the dialog may be open again.
                if node.get_untracked().is_none_or(|dialog| !dialog.open()) {
                    close();
                }
            }
            on:click=move |event| {
                // A click whose target is the dialog itself is outside its content.
                let on_itself = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok())
                    .is_some_and(|element| element.tag_name() == "DIALOG");
                if on_itself {
                    close();
                }
            }
        >
            <Show when=move || is_open.get()>
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
