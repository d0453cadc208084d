//! Exports of a report for other programs: JSON with exact figures, also inside HTML files, and CSV tables in long
//! form.

mod html;
mod json;
mod onsets;
mod rows;
mod statistics;
mod tables;

pub use html::{json_element, json_in_html};
pub use json::{json, parse_json};
pub(crate) use rows::{Table, count, figure};
pub use tables::csv_tables;
