//! The Grokscope page: drop router traces, read the report, share the link.

mod analyst;
mod browser;
mod chart;
mod chart_options;
mod codec;
mod controls;
mod download;
mod files;
mod format;
mod keys;
mod link_state;
mod map;
mod meter;
mod page;
mod panels;
mod present;
mod state;
mod theme;
mod views;
mod zoom;

fn main() {
    console_error_panic_hook::set_once();
    leptos::mount::mount_to_body(page::Page);
}
