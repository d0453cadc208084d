//! Writes and reads the report as JSON. `docs/report-schema.md` describes every field.

use serde::Deserialize;

use crate::{Error, FORMAT, Report, VERSION};

/// The report as indented JSON: fields in the order of the model, figures with the shortest exact
/// digits.
#[must_use]
pub fn json(report: &Report) -> String {
    // Plain data always serializes: every key is text and every figure a number or null.
    serde_json::to_string_pretty(report).unwrap_or_default()
}

/// The two fields that identify the format.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    format: Option<String>,
    #[serde(default)]
    version: Option<u64>,
}

/// Parses the output of [`json`], of this version or an earlier one.
///
/// # Errors
/// [`Error::NotAReport`] with line and column, [`Error::LaterReport`], or the error of
/// [`Report::check`].
pub fn parse_json(text: &str) -> Result<Report, Error> {
    let foreign = |message: String| Error::NotAReport { message };
    let text = text.trim_start_matches('\u{feff}');
    let head: Head = serde_json::from_str(text).map_err(|error| foreign(error.to_string()))?;
    if head.format.as_deref() != Some(FORMAT) {
        let found = head.format.map_or("none".to_owned(), |format| format!("{format:?}"));
        return Err(foreign(format!("its `format` must be {FORMAT:?}, and is {found}")));
    }
    match head.version {
        None => return Err(foreign("it has no `version`".to_owned())),
        Some(version) if version > u64::from(VERSION) => {
            return Err(Error::LaterReport { version, known: VERSION });
        }
        Some(_) => {}
    }
    let report: Report = serde_json::from_str(text).map_err(|error| foreign(error.to_string()))?;
    report.check()?;
    Ok(report)
}
