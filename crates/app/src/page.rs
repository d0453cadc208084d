//! The page: its layout in each of its three states.

use std::time::Duration;

use leptos::prelude::*;

use crate::panels::{
    about::AboutDialog,
    address::{AddressDialog, SourceDialog},
    code::CodeDialog,
    definition::DefinitionDialog,
    empty::Empty,
    errors::Errors,
    export::ExportDialog,
    file_inputs::HiddenFileInputs,
    file_table::FileTable,
    followed::FollowedFolder,
    header::Header,
    help::HelpDialog,
    mapping::MappingDialog,
    offline::Update,
    progress::Working,
    routers::Routers,
    runs_table::RunsDialog,
    second_run::{CloseDialog, SecondRunDialog},
    settings::SettingsDialog,
    shape::ShapeDialog,
    share::ShareDialog,
    tour::TourPanel,
};
use crate::state::{App, Stage};
use crate::views::Report;
use crate::{
    analyst, browser, chart, embed, files, follow, front, keep, keys, link_state, offline, present, session,
    speaker, theme,
};

/// The root component.
#[component]
pub fn Page() -> impl IntoView {
    let app = App::new();
    provide_context(app);
    theme::install(app);
    link_state::install(app);
    keys::install(app);
    files::install(app);
    embed::install(app);
    front::install(app);
    present::install(app);
    keep::install(app);
    session::install(app);
    follow::install(app);
    offline::install(app);
    speaker::install(app);
    // Also for a report from a link: the analyst writes its exports.
    analyst::start(app);
    // Chart scripts are fetched once the first rendering is done.
    set_timeout(chart::prepare, Duration::from_millis(400));
    Effect::new(move || {
        let title = app.with_report(|report| report.title.clone()).filter(|title| !title.is_empty());
        browser::document()
            .set_title(&title.map_or_else(|| "Grokscope".to_owned(), |title| format!("{title} · Grokscope")));
    });
    let stage = Memo::new(move |_| app.stage());
    Effect::new(move |before: Option<()>| {
        stage.track();
        app.view.track();
        app.presenting.track();
        // An embedded page must not take the focus of its host.
        if before.is_some() && !app.embedded.get_untracked() {
            request_animation_frame(browser::keep_focus);
        }
    });
    let body = move || {
        match stage.get() {
        Stage::Empty => view! { <Empty/> }.into_any(),
        Stage::Working => view! { <main id="main" class="page" tabindex="-1"><h1 class="quiet-title">{move || if app.working.get() { "Reading files" } else { "Files" }}</h1><Errors/><Working/><FileTable/><Routers/></main> }.into_any(),
        Stage::Report => view! { <Report/> }.into_any(),
    }
    };
    view! {
        <div
            class="root"
            class:presenting=move || app.presenting.get()
            class:embedded=move || app.embedded.get()
            class:one=move || app.only.with(Option::is_some)
            class:dragging=move || app.dragging.get()
            class:short=move || stage.get() == Stage::Empty
        >
            <a class="skip" href=move || if stage.get() == Stage::Empty { "#front" } else { "#main" } on:click=move |event| {
                // The URL fragment holds the report and must not change.
                event.prevent_default();
                browser::focus("#main, #front:not([hidden])");
            }>"Skip to content"</a>
            <Header/>
            <Update/>
            <FollowedFolder/>
            {body}
            <TourPanel/>
            <p class="unseen" role="status">{move || app.announcement.get()}</p>
            <p class="drop-hint" aria-hidden="true">"Drop to open"</p>
        </div>
        <HiddenFileInputs/>
        <SettingsDialog/>
        <ShareDialog/>
        <ExportDialog/>
        <HelpDialog/>
        <RunsDialog/>
        <SecondRunDialog/>
        <CloseDialog/>
        <AddressDialog/>
        <SourceDialog/>
        <CodeDialog/>
        <DefinitionDialog/>
        <AboutDialog/>
        <MappingDialog/>
        <ShapeDialog/>
    }
}
