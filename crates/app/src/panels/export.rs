//! Files to take away.

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::codec;
use crate::download;
use crate::panels::dialog::Modal;
use crate::state::{App, Dialog};

/// The dialog.
#[component]
pub fn ExportDialog() -> impl IntoView {
    view! {
        <Modal open=|dialog| matches!(dialog, Dialog::Export) title="Export" id="export-dialog">
            <Export/>
        </Modal>
    }
}

#[component]
fn Export() -> impl IntoView {
    let app = App::get();
    let said = RwSignal::new(String::new());
    let tell = move |name: &str, outcome: Result<(), String>| {
        said.try_set(
            outcome.map_or_else(|message| message, |()| format!("{name} was handed to the browser.")),
        );
    };
    let title = app
        .report
        .with_untracked(|report| report.as_deref().map(|report| report.title.clone()).unwrap_or_default());
    let json_name = download::file_name(&title, ".json");
    let json = move || {
        let name = json_name.clone();
        spawn_local(async move {
            let saved = codec::write_json(app)
                .await
                .and_then(|text| download::text(&name, "application/json", &text));
            tell(&name, saved);
        });
    };
    let tables = RwSignal::new(Vec::new());
    spawn_local(async move {
        match codec::csv_tables(app).await {
            // The dialog may be closed by now.
            Ok(found) => drop(tables.try_set(found)),
            Err(message) => drop(said.try_set(message)),
        }
    });
    view! {
        <p>"Exact figures, as computed; a report that came through a link has that link’s rounded ones."</p>
        <h3>"The whole report"</h3>
        <p class="buttons">
            <button type="button" class="primary" on:click=move |_| json()>"JSON"</button>
            <span class="soft">"Drop it on this page, or on any later version, to open it again."</span>
        </p>
        <h3>"Tables"</h3>
        <ul class="exports">
            {move || tables.get().into_iter().map(|(name, text)| {
                let file = download::file_name(&format!("{title} {name}"), ".csv");
                let rows = text.lines().count().saturating_sub(1);
                view! {
                    <li>
                        <button type="button" on:click=move |_| tell(&file, download::text(&file, "text/csv", &text))>"CSV"</button>
                        " "{name}<span class="soft">{format!(" {}", crate::format::counted(rows as u64, "row", "rows"))}</span>
                    </li>
                }
            }).collect_view()}
        </ul>
        <h3>"Charts"</h3>
        <p class="soft">"Each chart has its own SVG, PNG and CSV beside its title."</p>
        <p class="soft" role="status">{move || said.get()}</p>
    }
}
