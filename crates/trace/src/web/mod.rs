//! URLs: files behind them, pages of model hubs, lists of files, and explanations of failed requests.

// `fetch` exists only inside browsers.
#[cfg(target_arch = "wasm32")]
pub mod http;
pub mod http_error;
pub mod hub;
pub mod listing;
mod reference;
