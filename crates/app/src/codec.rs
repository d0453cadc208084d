//! The report as text and back: link, JSON, CSV. What goes wrong comes as whole sentences.

use report::Report;
use report::link::{self, LinkOptions};

/// The parts that the share dialog offers, each with its name.
pub const OFFERED: [(Part, &str); 4] = [
    (|parts| &mut parts.title, "title"),
    (|parts| &mut parts.per_layer, "figures by layer"),
    (|parts| &mut parts.sweep, "other thresholds"),
    (|parts| &mut parts.scores, "scores of the pairing"),
];

/// One part of a report among all.
pub type Part = fn(&mut LinkOptions) -> &mut bool;

/// What a link carries unless its sender says otherwise: the main courses, notes and the title.
pub fn usual() -> LinkOptions {
    LinkOptions { title: true, ..LinkOptions::default() }
}

/// The report as the value of an address's `r`.
///
/// # Errors
/// Why it cannot be a link.
pub fn pack(report: &Report, parts: LinkOptions) -> Result<Packed, String> {
    let link = link::write(report, &parts).map_err(|error| error.to_string())?;
    Ok(Packed { text: value_of(&link.text).to_owned(), bits: link.bits })
}

/// The finest link whose `r` has at most `most` characters, courses only; the coarsest there is where none is so
/// short.
///
/// # Errors
/// As [`pack`].
pub fn pack_small(report: &Report, most: usize) -> Result<Packed, String> {
    let mut bits = link::BITS;
    loop {
        let packed = pack(report, LinkOptions { notes: false, bits: Some(bits), ..usual() })?;
        if packed.text.len() <= most || bits <= link::FEWEST_BITS {
            return Ok(packed);
        }
        bits -= 1;
    }
}

/// A report packed for an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packed {
    /// The value of `r`.
    pub text: String,
    /// Bits of a figure in it.
    pub bits: u8,
}

fn value_of(text: &str) -> &str {
    text.split_once("r=").map_or(text, |(_, value)| value)
}

/// The report in an address's `r`.
///
/// # Errors
/// What is wrong with the link.
pub fn unpack(text: &str) -> Result<Report, String> {
    link::decode(text).map_err(|error| error.to_string())
}

/// Reads a JSON export.
///
/// # Errors
/// What is wrong with it.
pub fn read_json(text: &str) -> Result<Report, String> {
    report::parse_json(text).map_err(|error| error.to_string())
}

/// Writes the JSON export.
pub fn write_json(report: &Report) -> String {
    report::json(report)
}

/// All tables in long form, each with its name.
pub fn csv_tables(report: &Report) -> Vec<(String, String)> {
    report::csv_tables(report)
}
