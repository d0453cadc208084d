//! Reports as text.

use report::LinkOptions;
use serde::{Deserialize, Serialize};

/// A report as text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "as", content = "text", rename_all = "kebab-case")]
pub enum ReportText {
    /// The JSON export.
    Json(String),
    /// A link, or the value of its `r`.
    Link(String),
}

/// A form that a report can be converted to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "form", rename_all = "kebab-case")]
pub enum Form {
    /// The JSON export.
    Json,
    /// One HTML file that needs no scripts, with the JSON export inside.
    Html,
    /// All tables in long form, as CSV.
    Tables,
    /// The value of a link's `r`.
    Link {
        /// Parts and precision.
        options: LinkOptions,
    },
    /// The value of a link's `r` for a QR code: the main courses of as many domains and checkpoints
    /// as fit.
    ShortLink {
        /// Largest number of characters.
        most: usize,
    },
}

/// A report in the requested form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Written {
    /// Name and text of each table; one text without a name for the other forms.
    pub texts: Vec<(String, String)>,
    /// Bits per figure of a link.
    pub bits: u8,
    /// What a short link has of the report, in a phrase.
    pub content: String,
}
