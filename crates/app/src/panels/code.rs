//! The link as a QR code, for an audience to scan.

use leptos::prelude::*;
use qrcodegen::{QrCode, QrCodeEcc};
use wasm_bindgen_futures::spawn_local;

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
        <Modal open=|dialog| matches!(dialog, Dialog::Code) title="QR code of the link" id="code-dialog" class="code">
            <Code/>
        </Modal>
    }
}

#[component]
fn Code() -> impl IntoView {
    let app = App::get();
    // A QR code holds little: the link has the main courses only, at the highest precision that
    // fits.
    let result = RwSignal::new(None::<Result<Drawn, String>>);
    spawn_local(async move {
        let packed = codec::pack_small(app, MOST.saturating_sub(address(app, "", false).len())).await;
        let drawn = packed.and_then(|packed| draw(&address(app, &packed.text, false), packed.bits));
        // The dialog may be closed by now.
        result.try_set(Some(drawn));
    });
    move || {
        match result.get() {
        None => view! { <p>"Creating the link…"</p> }.into_any(),
        Some(Ok(Drawn { length, bits, size, path })) => view! {
            <svg class="qr" viewBox=format!("-4 -4 {0} {0}", size + 8) role="img" aria-label="QR code of the link">
                <rect x="-4" y="-4" width=size + 8 height=size + 8 fill="#fff"></rect>
                <path d=path fill="#000"></path>
            </svg>
            <p class="soft">{format!("{} characters. The code opens the same report with values rounded to {bits} bits.", count(length as u64))}</p>
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
    /// Bits per figure.
    bits: u8,
    /// Side length in modules.
    size: i32,
    /// SVG path of the dark modules.
    path: String,
}

fn draw(link: &str, bits: u8) -> Result<Drawn, String> {
    let code = QrCode::encode_text(link, QrCodeEcc::Low).map_err(|_| {
        format!(
            "The link has {} characters; a QR code holds at most {}. Share the link itself or the JSON file.",
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
    Ok(Drawn { length: link.len(), bits, size: code.size(), path })
}
