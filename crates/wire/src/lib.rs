//! A small JSON writer, for a small page.
//!
//! Everything except charts uses `serde_json`, and the tests compare this crate with it.
//! [`json!`](crate::json) is for charts, which are mostly constants: the constant parts become one
//! string at compile time, with gaps. In a browser, numbers are formatted by the
//! browser's own functions.

// `json!` recurses once per token.
#![recursion_limit = "512"]

mod number;
mod write;

pub use write::{Json, Written};
