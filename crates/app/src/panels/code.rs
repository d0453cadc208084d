//! The link as a QR code, for a room.

use leptos::prelude::*;
use qrcodegen::{QrCode, QrCodeEcc};

use crate::codec;
use crate::format::count;
use crate::panels::dialog::Modal;
use crate::panels::share::address;
use crate::state::{App, Dialog};

/// Bytes that the largest QR code holds.
const MOST: usize = 2_953;

/// The dialog.
#[component]
pub fn CodeDialog() -> impl IntoView {
    view! {
        <Modal open=|dialog| matches!(dialog, Dialog::Code) title="The link as a QR code" id="code-dialog" class="code">
            <Code/>
        </Modal>
    }
}

#[component]
fn Code() -> impl IntoView {
    let app = App::get();
    // A code holds little, so that only the courses are in it, as finely as there is room for.
    let made = app.report.with_untracked(|report| match report {
        Some(report) => {
            codec::pack_small(report, MOST.saturating_sub(address("", false).len())).and_then(|packed| {
                let link = address(&packed.text, false);
                draw(&link).map(|drawn| (link.len(), packed.bits, drawn))
            })
        }
        None => Err("There is no report yet.".to_owned()),
    });
    match made {
        Ok((length, bits, (size, path))) => view! {
            <svg class="qr" viewBox=format!("-4 -4 {0} {0}", size + 8) role="img" aria-label="QR code of the link">
                <rect x="-4" y="-4" width=size + 8 height=size + 8 fill="#fff"></rect>
                <path d=path fill="#000"></path>
            </svg>
            <p class="soft">{format!("{} characters. Scanning it opens the same report, values rounded to {bits} bits.", count(length as u64))}</p>
        }
        .into_any(),
        Err(message) => view! { <p>{message}</p> }.into_any(),
    }
}

/// Side length in modules, and the path of the dark ones.
fn draw(link: &str) -> Result<(i32, String), String> {
    let code = QrCode::encode_text(link, QrCodeEcc::Low).map_err(|_| {
        format!(
            "The link has {} characters; a QR code holds at most {}. Share the link itself, or put the JSON file somewhere.",
            count(link.len() as u64),
            count(MOST as u64)
        )
    })?;
    let mut path = String::new();
    for y in 0..code.size() {
        let mut x = 0;
        while x < code.size() {
            let start = x;
            while x < code.size() && code.get_module(x, y) {
                x += 1;
            }
            if x > start {
                let run = x - start;
                path.push_str(&format!("M{start} {y}h{run}v1h-{run}z"));
            }
            x += 1;
        }
    }
    Ok((code.size(), path))
}
