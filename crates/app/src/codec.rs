//! Reading and writing links and JSON exports. The analyst does it, except for reading JSON, which
//! keeps the page small. Errors are messages for the user.

use protocol::{Form, ReportText};
use report::{LinkOptions, Parts, Report};

use crate::analyst;
use crate::state::App;

/// Optional parts of a link with their labels in the share dialog.
pub const OFFERED: [(Part, &str); 4] = [
    (|parts| &mut parts.title, "title"),
    (|parts| &mut parts.per_layer, "per-layer figures"),
    (|parts| &mut parts.sweep, "tau sweep"),
    (|parts| &mut parts.scores, "group matching scores"),
];

/// Selects one of the parts of a report.
pub type Part = fn(&mut Parts) -> &mut bool;

/// Default parts of a link: main courses, notes and title.
pub fn usual() -> Parts {
    Parts { title: true, ..LinkOptions::default().parts }
}

/// A report encoded for a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// Value of the link's `r`.
    pub text: String,
    /// Bits per figure.
    pub bits: u8,
    /// What a short link has of the report, in a phrase.
    pub content: String,
}

/// Encodes the current report as the value of a link's `r`.
///
/// # Errors
/// Why the report cannot be encoded.
pub async fn pack(app: App, parts: Parts) -> Result<Packed, String> {
    packed(app, Form::Link { options: LinkOptions { parts, bits: None } }).await
}

/// Encodes what fits into an `r` of at most `most` characters: the main courses, and fewer
/// checkpoints or domains if need be.
///
/// # Errors
/// Why the report cannot be encoded.
pub async fn pack_small(app: App, most: usize) -> Result<Packed, String> {
    packed(app, Form::ShortLink { most }).await
}

async fn packed(app: App, form: Form) -> Result<Packed, String> {
    let written = analyst::write(app, form).await?;
    let text = written.texts.into_iter().next().unwrap_or_default().1;
    Ok(Packed { text, bits: written.bits, content: written.content })
}

/// The export of the current report in a form that is one text.
///
/// # Errors
/// Why the export cannot be written.
pub async fn write_text(app: App, form: Form) -> Result<String, String> {
    let written = analyst::write(app, form).await?;
    Ok(written.texts.into_iter().next().unwrap_or_default().1)
}

/// All tables of the current report in long form, with their names.
///
/// # Errors
/// Why the tables cannot be written.
pub async fn csv_tables(app: App) -> Result<Vec<(String, String)>, String> {
    Ok(analyst::write(app, Form::Tables).await?.texts)
}

/// Decodes the report in a link's `r`.
///
/// # Errors
/// What is wrong with the link.
pub async fn unpack(app: App, packed: &str) -> Result<Report, String> {
    let written = analyst::convert(app, ReportText::Link(packed.to_owned()), None, Form::Json).await?;
    read_json(&written.texts.into_iter().next().unwrap_or_default().1)
}

/// Parses a JSON export.
///
/// # Errors
/// What is wrong with the export.
pub fn read_json(text: &str) -> Result<Report, String> {
    report::parse_json(text).map_err(|error| error.to_string())
}
