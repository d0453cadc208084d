//! JSON and numbers written with next to no code, for a page that must be small.
//!
//! `serde_json` is the library for this: it reads all JSON here, writes all of it natively, and is what the tests hold this
//! crate against. [`json!`](crate::json) is for charts, which are mostly constants: what is known when the program is built
//! is one text with gaps. In a browser numbers are read and written by [`number`] with the browser's own functions.

// `json!` goes through what it is given token by token.
#![recursion_limit = "512"]

pub mod number;
mod write;

pub use write::{Json, Written};
