//! JSON with next to no code, for a page that must be small.
//!
//! `serde_json` is the library for this, and natively it writes all JSON here and is what the tests hold this crate against.
//! But what it makes of a report's types costs a page more than its charts do. [`Read`] is what a value needs to be read by
//! [`from_text`]; [`object!`](crate::object) and [`words!`](crate::words) list fields and names, and make a table of them
//! instead of code for each. [`json!`](crate::json) writes: what is known when the program is built is one text with gaps.
//! In a browser numbers are read and written by [`number`] with the browser's own functions.

// `json!` goes through what it is given token by token.
#![recursion_limit = "512"]

pub mod number;
mod read;
mod value;
mod write;

pub use read::{Reader, Slot, TakeField, Wrong};
pub use value::{Read, from_text};
pub use write::{Json, Written};
