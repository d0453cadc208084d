//! The report as text and back. The page reads links and JSON itself, so that a link opens at once; the analyst writes
//! them, so that the page stays small. What goes wrong comes as whole sentences.

use protocol::Form;
use report::{LinkOptions, Parts, Report};

use crate::analyst;
use crate::state::App;

/// The parts that the share dialog offers, each with its name.
pub const OFFERED: [(Part, &str); 4] = [
    (|parts| &mut parts.title, "title"),
    (|parts| &mut parts.per_layer, "figures by layer"),
    (|parts| &mut parts.sweep, "other thresholds"),
    (|parts| &mut parts.scores, "scores of the pairing"),
];

/// One part of a report among all.
pub type Part = fn(&mut Parts) -> &mut bool;

/// What a link carries unless its sender says otherwise: the main courses, notes and the title.
pub fn usual() -> Parts {
    Parts { title: true, ..LinkOptions::default().parts }
}

/// A report packed for an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// The value of `r`.
    pub text: String,
    /// Bits of a figure in it.
    pub bits: u8,
}

/// The report on the page as the value of an address's `r`.
///
/// # Errors
/// Why it cannot be a link.
pub async fn pack(app: App, parts: Parts) -> Result<Packed, String> {
    packed(app, Form::Link { options: LinkOptions { parts, bits: None } }).await
}

/// The finest link whose `r` has at most `most` characters, courses only; the coarsest there is where none is so
/// short.
///
/// # Errors
/// As [`pack`].
pub async fn pack_small(app: App, most: usize) -> Result<Packed, String> {
    packed(app, Form::ShortLink { most }).await
}

async fn packed(app: App, form: Form) -> Result<Packed, String> {
    let written = analyst::write(app, form).await?;
    Ok(Packed { text: written.texts.into_iter().next().unwrap_or_default().1, bits: written.bits })
}

/// The JSON export of the report on the page.
///
/// # Errors
/// Why there is none.
pub async fn write_json(app: App) -> Result<String, String> {
    let written = analyst::write(app, Form::Json).await?;
    Ok(written.texts.into_iter().next().unwrap_or_default().1)
}

/// All tables of the report on the page in long form, each with its name.
///
/// # Errors
/// Why there are none.
pub async fn csv_tables(app: App) -> Result<Vec<(String, String)>, String> {
    Ok(analyst::write(app, Form::Tables).await?.texts)
}

/// The report in an address's `r`.
///
/// # Errors
/// What is wrong with the link.
pub fn unpack(text: &str) -> Result<Report, String> {
    report::decode(text).map_err(|error| error.to_string())
}

/// Reads a JSON export.
///
/// # Errors
/// What is wrong with it.
pub fn read_json(text: &str) -> Result<Report, String> {
    report::parse_json(text).map_err(|error| error.to_string())
}
