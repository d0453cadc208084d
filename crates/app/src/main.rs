//! The Grokscope page: drop router traces, read the report, share the link.

mod analyst;
mod browser;
mod chart;
mod chart_options;
mod children;
mod clipboard;
mod codec;
mod controls;
mod download;
mod drawing_requests;
mod drawings;
mod embed;
mod files;
mod follow;
mod format;
mod front;
mod keep;
mod keys;
mod link_state;
mod map;
mod meter;
mod named_table;
mod offline;
mod page;
mod panels;
mod present;
mod runs;
mod session;
mod speaker;
mod state;
mod theme;
mod tour;
mod views;
mod zoom;

use wasm_bindgen::JsCast as _;

fn main() {
    console_error_panic_hook::set_once();
    let place = browser::document().get_element_by_id("app").and_then(|place| place.dyn_into().ok());
    match place {
        Some(place) => {
            let place: web_sys::HtmlElement = place;
            // What the page showed until now.
            place.set_inner_html("");
            leptos::mount::mount_to(place, page::Page).forget();
        }
        None => leptos::mount::mount_to_body(page::Page),
    }
}
