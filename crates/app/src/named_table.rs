//! A table with its title and note.

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::browser;
use crate::chart::Grid;
use crate::download;
use crate::state::App;

/// A table with buttons that copy and save it.
#[component]
pub fn Named(
    /// Position on the page, for its id.
    place: usize,
    /// The table.
    named: figures::NamedTable,
) -> impl IntoView {
    let app = App::get();
    let status = RwSignal::new(String::new());
    let stored = StoredValue::new(named.clone());
    let copy = move |what: &'static str, write: fn(&figures::Table) -> String| {
        let text = stored.with_value(|named| write(&named.table));
        spawn_local(async move {
            status.set(match browser::copy(&text).await {
                Ok(()) => format!("{what} copied."),
                Err(message) => message,
            });
        });
    };
    let save = move || {
        let run = app
            .report
            .with_untracked(|report| report.as_ref().map(|report| report.title.clone()).unwrap_or_default());
        stored.with_value(|named| {
            let name = download::file_name(&format!("{run} {}", named.title), ".csv");
            if let Err(message) = download::text(&name, "text/csv", &named.table.csv()) {
                status.set(message);
            }
        });
    };
    let title = named.title.clone();
    let note = named.note.clone();
    let caption = title.clone();
    let button = move |what: &'static str, write: fn(&figures::Table) -> String| {
        let label = format!("Copy {what}: {}", stored.with_value(|named| named.title.clone()));
        view! { <button type="button" class="plain" aria-label=label on:click=move |_| copy(what, write)>{format!("Copy {what}")}</button> }
    };
    view! {
        <section class="figures-table" id=format!("table-{place}") aria-labelledby=format!("table-{place}-heading")>
            <header>
                <h3 id=format!("table-{place}-heading")>{title.clone()}</h3>
                {button("Markdown", figures::Table::markdown)}
                {button("CSV", figures::Table::csv)}
                {button("LaTeX", figures::Table::latex)}
                <button type="button" class="plain" aria-label=format!("Save CSV: {title}") on:click=move |_| save()>"Save CSV"</button>
                <span class="soft" role="status">{move || status.get()}</span>
            </header>
            {(!note.is_empty()).then(|| view! { <p class="soft">{note}</p> })}
            <div class="scroll" tabindex="0" role="region" aria-label=format!("Rows: {title}")>
                <Grid table=named.table caption/>
            </div>
        </section>
    }
}
