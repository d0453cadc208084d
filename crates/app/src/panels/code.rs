//! The link as a QR code, for an audience to scan.

use leptos::prelude::*;
use qrcodegen::{QrCode, QrCodeEcc};
use wasm_bindgen_futures::spawn_local;

use crate::codec;
use crate::panels::dialog::Modal;
use crate::panels::share::address;
use crate::state::{App, Dialog};

/// Bytes of a URL whose QR code a phone reads from a few metres away.
const MOST: usize = 600;

/// The dialog.
#[component]
pub fn CodeDialog() -> impl IntoView {
    view! {
        <Modal open=|dialog| matches!(dialog, Dialog::Code) title="QR code of the link" id="code-dialog" class="code">
            <Code/>
        </Modal>
    }
}

#[component]
fn Code() -> impl IntoView {
    let app = App::get();
    // A code that can be scanned holds little: the link is shortened.
    let result = RwSignal::new(None::<Result<Drawn, String>>);
    spawn_local(async move {
        let packed = codec::pack_small(app, MOST.saturating_sub(address(app, "").len())).await;
        let drawn = packed.and_then(|packed| draw(&address(app, &packed.text), packed.content));
        // The dialog may be closed by now.
        result.try_set(Some(drawn));
    });
    move || {
        match result.get() {
        None => view! { <p>"Creating the link…"</p> }.into_any(),
        Some(Ok(Drawn { length, content, size, path })) => view! {
            <svg class="qr" viewBox=format!("-4 -4 {0} {0}", size + 8) role="img" aria-label="QR code of the link">
                <rect x="-4" y="-4" width=size + 8 height=size + 8 fill="#fff"></rect>
                <path d=path fill="#000"></path>
            </svg>
            <p class="soft" data-testid="code-content">{format!("The code opens this report with {content}. {length} characters.")}</p>
        }
        .into_any(),
        Some(Err(message)) => view! { <p>{message}</p> }.into_any(),
    }
    }
}

/// A drawn QR code.
#[derive(Clone)]
struct Drawn {
    /// Length of the link in characters.
    length: usize,
    /// What the link has of the report.
    content: String,
    /// Side length in modules.
    size: i32,
    /// SVG path of the dark modules.
    path: String,
}

fn draw(link: &str, content: String) -> Result<Drawn, String> {
    let code = QrCode::encode_text(link, QrCodeEcc::Low)
        .map_err(|_| "The link is too long for a QR code. Share the link itself or the JSON file.")?;
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
    Ok(Drawn { length: link.len(), content, size: code.size(), path })
}
