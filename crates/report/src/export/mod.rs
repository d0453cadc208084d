//! A report as text for other programs: JSON with every digit, CSV tables in long form.

mod json;
mod rows;
mod tables;

pub use json::{json, parse_json};
pub(crate) use rows::{Table, count, figure};
pub use tables::csv_tables;
