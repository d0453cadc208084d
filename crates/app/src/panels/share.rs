//! The share dialog: content and length of the link, and buttons to copy it.

use leptos::prelude::*;
use wasm_bindgen_futures::spawn_local;

use crate::browser;
use crate::codec::{self, Packed};
use crate::embed;
use crate::format::{bytes, count, counted};
use crate::link_state;
use crate::panels::dialog::Modal;
use crate::state::{App, Dialog, TokenChoice};

/// Links up to this many characters work in every program.
const EVERYWHERE: usize = 2_000;
/// Links up to this many characters work in browsers and most chat programs.
const MOST_PLACES: usize = 8_000;

/// The dialog.
#[component]
pub fn ShareDialog() -> impl IntoView {
    view! {
        <Modal open=|dialog| matches!(dialog, Dialog::Share) title="Share" id="share-dialog">
            <Share/>
        </Modal>
    }
}

#[component]
fn Share() -> impl IntoView {
    let app = App::get();
    let parts = RwSignal::new(codec::usual());
    let status = RwSignal::new(String::new());
    // Id of the chart to embed; empty for the view.
    let chart = RwSignal::new(String::new());
    // None while the link is being written.
    let written = RwSignal::new(None::<Result<Packed, String>>);
    let request = StoredValue::new(0_u32);
    Effect::new(move || {
        app.report.track();
        let parts = parts.get();
        request.update_value(|request| *request += 1);
        let own = request.get_value();
        spawn_local(async move {
            let packed = codec::pack(app, parts).await;
            // Outdated if a newer request was made or the dialog was closed.
            if request.try_get_value() == Some(own) {
                written.set(Some(packed));
            }
        });
    });
    let packed = Memo::new(move |_| written.get().unwrap_or_else(|| Err(String::new())));
    let link = Memo::new(move |_| {
        packed.with(|packed| packed.as_ref().map(|packed| address(app, &packed.text)).unwrap_or_default())
    });
    // The address bar keeps the link that was copied.
    let keep = move || {
        packed.with_untracked(|packed| app.link.set(packed.as_ref().ok().map(|packed| packed.text.clone())));
    };
    let copy = move |text: String, what: &'static str| {
        keep();
        spawn_local(async move {
            match browser::copy(&text).await {
                Ok(()) => status.set(format!("{what} copied.")),
                Err(message) => status.set(message),
            }
        });
    };
    view! {
        <p>
            "The link contains the figures after its "<code>"#"</code>", a part that browsers never send to a server. \
             It contains no prompt text and no file names. "
            {move || packed.with(|packed| packed.as_ref().map(|packed| format!("Values are rounded to {} bits.", packed.bits)).unwrap_or_default())}
        </p>
        <dl class="pairs">
            <dt>"Content"</dt><dd>{move || content(app, packed.with(|packed| packed.as_ref().map_or(0, |packed| packed.text.len())))}</dd>
            <dt>"Length"</dt><dd data-testid="share-length">{move || length(link.with(String::len))}</dd>
        </dl>
        {move || packed.with(|packed| packed.as_ref().err().filter(|message| !message.is_empty()).cloned()).map(|message| view! { <p class="wrong">{message}</p> })}
        <div class="checks" role="group" aria-label="Parts to include in the link">
            {codec::OFFERED.into_iter().map(|(part, label)| view! {
                <Check
                    label
                    on=Signal::derive(move || *part(&mut parts.get()))
                    set=move |on| parts.update(|parts| *part(parts) = on)
                />
            }).collect_view()}
        </div>
        <label for="share-link">"Link"</label>
        <textarea
            id="share-link" data-testid="share-link" readonly rows="4" spellcheck="false"
            prop:value=move || link.get()
            on:focus=move |event| { event_target::<web_sys::HtmlTextAreaElement>(&event).select(); }
        ></textarea>
        <p class="buttons">
            <button type="button" class="primary" on:click=move |_| copy(link.get_untracked(), "Link")>"Copy link"</button>
            <button type="button" on:click=move |_| copy(markdown(app, &link.get_untracked()), "Markdown")>"Copy Markdown"</button>
            <button type="button" on:click=move |_| {
                let chart = Some(chart.get_untracked()).filter(|chart| !chart.is_empty());
                let height = if chart.is_some() { 360 } else { 640 };
                let address = packed.with_untracked(|packed| packed.as_ref().map(|packed| fragment_address(app, &packed.text, true, chart)).unwrap_or_default());
                copy(iframe(app, &address, height), "iframe");
            }>"Copy iframe"</button>
            <label class="choice">
                <span class="soft">"of"</span>
                <select data-testid="embed-what" on:change=move |event| chart.set(event_target_value(&event))>
                    <option value="">"this view"</option>
                    {embed::shown_charts().into_iter().map(|(id, title)| view! { <option value=id>{title}</option> }).collect_view()}
                </select>
            </label>
            <button type="button" on:click=move |_| { keep(); app.dialog.set(Some(Dialog::Code)); }>"Show QR code"</button>
            <button type="button" on:click=move |_| app.dialog.set(Some(Dialog::Export))>"Export files"</button>
        </p>
        <p class="soft" role="status">{move || status.get()}</p>
    }
}

#[component]
fn Check(label: &'static str, on: Signal<bool>, set: impl Fn(bool) + 'static) -> impl IntoView {
    view! {
        <label class="check">
            <input type="checkbox" prop:checked=move || on.get() on:change=move |event| set(event_target_checked(&event))/>
            " "{label}
        </label>
    }
}

/// The URL of a packed report and the current view.
pub fn address(app: App, packed: &str) -> String {
    fragment_address(app, packed, false, None)
}

/// The same for an iframe of the view or of one of its charts.
fn fragment_address(app: App, packed: &str, embedded: bool, chart: Option<String>) -> String {
    // Links have no samples, so no pair either; a shortened one has fewer checkpoints.
    let fragment = link_state::Fragment {
        report: Some(packed.to_owned()),
        pair: None,
        pin: None,
        least: None,
        tokens: TokenChoice::default(),
        embedded,
        chart,
        ..untrack(|| link_state::place(app))
    };
    format!("{}#{}", link_state::base(), fragment.write())
}

fn content(app: App, characters: usize) -> String {
    app.with_report(|report| {
        format!(
            "{}, {}, {} compressed",
            counted(report.checkpoints.len() as u64, "checkpoint", "checkpoints"),
            counted(report.domains.len() as u64, "domain", "domains"),
            // Four characters hold three bytes.
            bytes(characters as u64 * 3 / 4),
        )
    })
    .unwrap_or_default()
}

fn length(characters: usize) -> String {
    let support = if characters <= EVERYWHERE {
        "works everywhere (up to 2,000)"
    } else if characters <= MOST_PLACES {
        "works in browsers and most chat programs (up to 8,000), too long for some mail and slide programs"
    } else {
        "too long for many programs (over 8,000): include fewer parts or send the JSON file"
    };
    format!("{} characters, {support}", count(characters as u64))
}

fn markdown(app: App, link: &str) -> String {
    app.with_report(|report| {
        let title = report.title.replace(['[', ']', '\n'], " ");
        let title = if title.trim().is_empty() { "Grokscope report" } else { title.trim() };
        let mut text = format!("[{title}]({link})\n");
        for line in figures::brief(report) {
            text.push_str("\n- ");
            text.push_str(&line);
        }
        text
    })
    .unwrap_or_default()
}

fn iframe(app: App, link: &str, height: u32) -> String {
    let title = app.with_report(|report| report.title.clone()).unwrap_or_default();
    format!(
        "<iframe src=\"{}\" title=\"{}\" width=\"100%\" height=\"{height}\" loading=\"lazy\" referrerpolicy=\"no-referrer\"></iframe>",
        escaped(link),
        escaped(&title)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;").replace('>', "&gt;")
}
