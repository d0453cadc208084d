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
mod keep;
mod keys;
mod link_state;
mod map;
mod meter;
mod offline;
mod page;
mod panels;
mod present;
mod runs;
mod session;
mod state;
mod theme;
mod views;

fn main() {
    console_error_panic_hook::set_once();
    leptos::mount::mount_to_body(page::Page);
}
