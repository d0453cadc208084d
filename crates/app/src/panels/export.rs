//! The export dialog.

use leptos::prelude::*;
use protocol::Form;
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
    let status = RwSignal::new(String::new());
    let show_outcome = move |name: &str, outcome: Result<(), String>| {
        status.try_set(outcome.map_or_else(|message| message, |()| format!("Download of {name} started.")));
    };
    let title = app
        .report
        .with_untracked(|report| report.as_deref().map(|report| report.title.clone()).unwrap_or_default());
    let named = title.clone();
    let save = move |form: Form, ending: &str, kind: &'static str| {
        let name = download::file_name(&named, ending);
        spawn_local(async move {
            let saved =
                codec::write_text(app, form).await.and_then(|text| download::text(&name, kind, &text));
            if saved.is_ok() {
                app.saved.set(true);
            }
            show_outcome(&name, saved);
        });
    };
    let save_page = save.clone();
    let tables = RwSignal::new(Vec::new());
    spawn_local(async move {
        match codec::csv_tables(app).await {
            // The dialog may be closed by now.
            Ok(found) => drop(tables.try_set(found)),
            Err(message) => drop(status.try_set(message)),
        }
    });
    view! {
        <p>"Figures are exported as computed. A report opened from a link has the link’s rounded values."</p>
        <h3>"Report"</h3>
        <p class="buttons">
            <button type="button" class="primary" on:click=move |_| save(Form::Json, ".json", "application/json")>"Save JSON"</button>
            <button type="button" on:click=move |_| save_page(Form::Html, ".html", "text/html")>"Save HTML"</button>
            <span class="soft">"Drop the file on this page, or on a later version, to open the report again. The HTML file shows verdict, charts and tables anywhere, without network or scripts."</span>
        </p>
        <h3>"Tables"</h3>
        <ul class="exports">
            {move || tables.get().into_iter().map(|(name, text)| {
                let file = download::file_name(&format!("{title} {name}"), ".csv");
                let rows = text.lines().count().saturating_sub(1);
                view! {
                    <li>
                        <button type="button" on:click=move |_| show_outcome(&file, download::text(&file, "text/csv", &text))>"Save CSV"</button>
                        " "{name}<span class="soft">{format!(" {}", crate::format::counted(rows as u64, "row", "rows"))}</span>
                    </li>
                }
            }).collect_view()}
        </ul>
        <h3>"Charts"</h3>
        <p class="soft">"To save a chart, use SVG, PNG or CSV beside its title."</p>
        <p class="soft" role="status">{move || status.get()}</p>
    }
}
