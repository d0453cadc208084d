//! The report page and its views.

mod compare;
mod compared_maps;
mod delays;
mod domain;
mod domain_lines;
mod flow;
mod layers;
mod map;
mod pathways;
mod readout;
mod sticky;
mod table;
mod timeline;
mod tokens;

use leptos::prelude::*;

use crate::analyst;
use crate::format::counted;
use crate::panels::{
    banner::Banner, errors::Errors, file_table::FileTable, notice::Notice, progress::Progress,
    verdict::Verdict,
};
use crate::state::{App, Origin, View};

/// The page with a report.
#[component]
pub fn Report() -> impl IntoView {
    let app = App::get();
    let title = Memo::new(move |_| app.with_report(|report| report.title.clone()).unwrap_or_default());
    let failed = Memo::new(move |_| {
        app.files.with(|rows| rows.iter().filter(|row| row.state == protocol::FileState::Failed).count())
    });
    let timeline = Memo::new(move |_| app.view.get() == View::Timeline);
    view! {
        <main
            id="main" class="page report" tabindex="-1" data-testid="report"
            data-complete=move || app.complete.get().to_string() data-view=move || app.view.get().slug()
        >
            <h1 class="unseen">{move || format!("Report: {}", title.get())}</h1>
            <Banner/>
            <Errors/>
            <Notice/>
            <Progress/>
            <Incomplete/>
            <Verdict/>
            <Show when=move || timeline.get()><domain_lines::DomainLines/></Show>
            <sticky::StickyBar/>
            <section class="view" aria-labelledby="view-heading">
                <h2 id="view-heading" class="unseen">{move || app.view.get().title()}</h2>
                {move || match app.view.get() {
                    View::Timeline => view! { <timeline::Timeline/> }.into_any(),
                    View::Layers => view! { <layers::Layers/> }.into_any(),
                    View::Pathways => view! { <pathways::Pathways/> }.into_any(),
                    View::Map => view! { <map::Map/> }.into_any(),
                    View::Flow => view! { <flow::Flow/> }.into_any(),
                    View::Tokens => view! { <tokens::Tokens/> }.into_any(),
                    View::Delays => view! { <delays::Delays/> }.into_any(),
                    View::Table => view! { <table::Tables/> }.into_any(),
                    View::Compare => view! { <compare::Compare/> }.into_any(),
                }}
            </section>
            <Show when=move || !app.files.with(Vec::is_empty)>
                <details class="fold" prop:open=move || failed.get() != 0>
                    <summary>
                        {move || counted(app.files.with(Vec::len) as u64, "file", "files")}
                        {move || match failed.get() {
                            0 => String::new(),
                            number => format!(", {number} cannot be read"),
                        }}
                    </summary>
                    <FileTable/>
                </details>
            </Show>
        </main>
    }
}

/// The banner of a report whose computation stopped early, with a button to resume it.
#[component]
fn Incomplete() -> impl IntoView {
    let app = App::get();
    let incomplete = move || !app.working.get() && !app.complete.get() && app.origin.get() == Origin::Files;
    view! {
        <Show when=incomplete>
            <p class="banner">
                "The computation stopped early: these figures are provisional. "
                <button type="button" on:click=move |_| analyst::resume(app)>"Resume"</button>
            </p>
        </Show>
    }
}
