//! Conversion of reports to JSON, HTML, tables and links.

use protocol::{Form, ReportText, Written};
use report::{Error, LinkOptions, Report, link};

/// Converts a report.
///
/// # Errors
/// A message in whole sentences if the text is not a report or cannot be converted.
pub fn write(report: &ReportText, title: Option<String>, form: Form) -> Result<Written, String> {
    let made = read(report).and_then(|report| {
        let title = title.unwrap_or_else(|| report.title.clone());
        write_report(&Report { title, ..report }, form)
    });
    made.map_err(|error| error.to_string())
}

/// Reads a report.
///
/// # Errors
/// If the text is not a report.
pub fn read(text: &ReportText) -> Result<Report, Error> {
    match text {
        ReportText::Json(text) => report::parse_json(text),
        ReportText::Link(text) => report::decode(text),
    }
}

fn write_report(report: &Report, form: Form) -> Result<Written, Error> {
    let texts = |texts| Written { texts, ..Written::default() };
    Ok(match form {
        Form::Json => texts(vec![(String::new(), report::json(report))]),
        Form::Html => texts(vec![(String::new(), figures::html(report))]),
        Form::Tables => texts(report::csv_tables(report)),
        Form::Link { options } => pack(report, options)?,
        Form::ShortLink { most } => pack_short(report, most)?,
    })
}

/// The report as the value of a link's `r`.
fn pack(report: &Report, options: LinkOptions) -> Result<Written, Error> {
    let link = figures::share(report, &options)?;
    Ok(Written { texts: vec![(String::new(), value(&link.text))], bits: link.bits, ..Written::default() })
}

/// The report as the value of a link's `r` of at most `most` characters.
fn pack_short(report: &Report, most: usize) -> Result<Written, Error> {
    let short = figures::short(report, most)?;
    let texts = vec![(String::new(), value(&short.link.text))];
    Ok(Written { texts, bits: short.link.bits, content: short.content })
}

/// What follows `#r=` in a link.
fn value(link: &str) -> String {
    link.strip_prefix(link::FRAGMENT).unwrap_or(link).to_owned()
}
