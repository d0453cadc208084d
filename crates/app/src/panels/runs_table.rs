//! The kept runs as a table.

use leptos::prelude::*;
use protocol::{Drawing, Job};
use wasm_bindgen_futures::spawn_local;

use super::dialog::Modal;
use crate::analyst;
use crate::drawing_requests::{self, Answer};
use crate::keep;
use crate::named_table::Named;
use crate::state::{App, Dialog};

/// The dialog.
#[component]
pub fn RunsDialog() -> impl IntoView {
    view! {
        <Modal open=|dialog| matches!(dialog, Dialog::Runs) title="Kept runs" id="runs-dialog" class="wide">
            <Runs/>
        </Modal>
    }
}

#[component]
fn Runs() -> impl IntoView {
    let app = App::get();
    let answer = Answer::new(None);
    spawn_local(async move {
        match keep::reports().await {
            Ok(reports) => {
                let request_id = drawing_requests::add(answer);
                analyst::post(app, &Job::Draw { request_id, drawing: Drawing::Runs { reports } });
            }
            Err(message) => app.fail(message),
        }
    });
    move || {
        let tables = answer.get().map(|drawn| drawn.tables.clone()).unwrap_or_default();
        tables.into_iter().map(|named| view! { <Named place=0 named/> }).collect_view()
    }
}
