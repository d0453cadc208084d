//! Exports of a report for other programs: JSON with exact figures, CSV tables in long form.

mod json;
mod onsets;
mod rows;
mod statistics;
mod tables;

pub use json::{json, parse_json};
pub(crate) use rows::{Table, count, figure};
pub use tables::csv_tables;
