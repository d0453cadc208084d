//! The header bar: run, compute badge, actions.

use leptos::prelude::*;
use protocol::{FileState, Job};

use crate::analyst;
use crate::browser;
use crate::format::{count, counted};
use crate::present;
use crate::session;
use crate::speaker;
use crate::state::{App, Dialog, Origin, Theme};
use crate::theme;
use crate::tour;

/// The header in every state.
#[component]
pub fn Header() -> impl IntoView {
    let app = App::get();
    let has_report = move || app.report.with(Option::is_some);
    let open = move |dialog: Dialog| move |_| app.dialog.set(Some(dialog.clone()));
    view! {
        <header class="bar">
            <div class="run">
                <span class="mark">"Grokscope"</span>
                <Show when=has_report>
                    <Run/>
                </Show>
            </div>
            <span class="badge" data-testid="backend-badge" title=move || badge(app).1>
                {move || badge(app).0}
            </span>
            <Show when=has_report>
                <span class="actions">
                    <button type="button" data-testid="new-run" on:click=move |_| session::new_run(app)>"New"</button>
                    <button type="button" on:click=|_| browser::click("#file-input")>"Open"</button>
                    <button type="button" data-testid="share" on:click=open(Dialog::Share)>"Share"</button>
                    <button type="button" on:click=open(Dialog::Export)>"Export"</button>
                    <button type="button" on:click=move |_| present::toggle(app)>"Present"</button>
                    <button type="button" class="plain" data-testid="notes" on:click=move |_| speaker::open_window(app)>"Notes"</button>
                    <button type="button" class="plain" data-testid="tour" disabled=move || !app.complete.get() on:click=move |_| tour::toggle(app)>"Tour"</button>
                    <button type="button" data-testid="settings" on:click=open(Dialog::Settings)>"Settings"</button>
                </span>
            </Show>
            <button
                type="button" class="plain"
                title="Switch between system, dark and light theme" aria-label=move || format!("Theme: {}", theme_name(app.theme.get()))
                on:click=move |_| theme::next(app)
            >
                {move || theme_name(app.theme.get())}
            </button>
            <button type="button" class="plain" aria-label="Help and keyboard shortcuts" on:click=open(Dialog::Help)>"?"</button>
        </header>
    }
}

/// Text and tooltip of the badge: where a checkpoint runs now, else where distances are computed.
fn badge(app: App) -> (String, String) {
    let (text, note) = app.badge.get();
    let Some(processor) = app.processor.get() else { return (text, note) };
    let runs = app.working.get()
        && app.files.with(|rows| rows.iter().any(|row| row.checkpoint && row.state == FileState::Reading));
    let device = if processor.gpu { "GPU" } else { "CPU" };
    let name = if processor.name.is_empty() { String::new() } else { format!(" · {}", processor.name) };
    let note = format!("Checkpoints run on the {device}. {note}");
    (if runs { format!("{device}{name}") } else { text }, note)
}

fn theme_name(theme: Theme) -> &'static str {
    match theme {
        Theme::System => "Auto",
        Theme::Light => "Light",
        Theme::Dark => "Dark",
    }
}

/// Title and size of the run.
#[component]
fn Run() -> impl IntoView {
    let app = App::get();
    let title = Memo::new(move |_| app.with_report(|report| report.title.clone()).unwrap_or_default());
    let facts = move || {
        app.with_report(|report| {
            let mut facts = vec![format!(
                "{} × {}",
                counted(report.run.samples as u64, "sample", "samples"),
                counted(report.checkpoints.len() as u64, "checkpoint", "checkpoints")
            )];
            if report.run.layers > 0 {
                facts.push(format!(
                    "{} layers × {} experts",
                    count(report.run.layers as u64),
                    count(report.run.experts as u64)
                ));
            }
            if let Some(model) = &report.run.model {
                facts.insert(0, model.clone());
            }
            facts.join(" · ")
        })
        .unwrap_or_default()
    };
    view! {
        <input
            class="title" aria-label="Title of the run" placeholder="Untitled run" spellcheck="false" autocomplete="off"
            prop:value=move || title.get()
            on:change=move |event| rename(app, event_target_value(&event))
            // Shortcuts work again after Enter.
            on:keydown=move |event| {
                if event.key() == "Enter" {
                    event_target::<web_sys::HtmlElement>(&event).blur().ok();
                }
            }
        />
        <span class="facts">{facts}</span>
    }
}

fn rename(app: App, title: String) {
    let title = title.trim().to_owned();
    // The page shows the new title at once; the analyst uses it in later reports.
    app.report.update(|report| {
        if let Some(report) = report {
            std::sync::Arc::make_mut(report).title.clone_from(&title);
        }
    });
    if app.origin.get_untracked() == Origin::Files {
        analyst::post(app, &Job::Rename { title });
    }
    app.link.set(None);
}
