//! What the analyst says to the page.

use protocol::{
    Event,
    scope::{scope, to_js},
};
use report::Report;

/// Tells the page something.
pub fn post(event: &Event) {
    if let Ok(value) = to_js(event) {
        scope().post_message(&value).ok();
    }
}

/// Hands the page a report.
pub fn post_report(report: &Report, complete: bool) {
    post(&Event::Report { json: report::export::json(report), complete });
}
