//! The text on the example run.

use leptos::html;
use leptos::prelude::*;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;

use super::dialog::Modal;
use crate::browser;
use crate::state::{App, Dialog};

#[wasm_bindgen(module = "/src/about.js")]
extern "C" {
    #[wasm_bindgen(catch)]
    async fn about(into: &JsValue) -> Result<JsValue, JsValue>;
}

/// What the example run is, what its report shows and what it does not show.
#[component]
pub fn AboutDialog() -> impl IntoView {
    let app = App::get();
    let content = move || {
        let node = NodeRef::<html::Div>::new();
        Effect::new(move || {
            let Some(place) = node.get() else { return };
            spawn_local(async move {
                if let Err(error) = about(place.as_ref()).await {
                    app.fail(format!(
                        "The text on the example could not be loaded ({}).",
                        browser::reason(&error)
                    ));
                }
            });
        });
        view! { <div node_ref=node class="prose" data-testid="about">"Loading…"</div> }
    };
    view! {
        <Modal open=|dialog| matches!(dialog, Dialog::About) title="The example run" id="about-dialog" class="wide">
            {content}
        </Modal>
    }
}
