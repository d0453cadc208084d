//! The verdict: the report's claims in sentences. What may be claimed is decided in
//! `report::claims`; here are only words.

pub(crate) mod caveats;
pub(crate) mod change;
mod domain;
pub(crate) mod follows;
pub(crate) mod headline;
mod lines;
pub(crate) mod memorized;
mod pairing;
pub(crate) mod said;

use report::Report;

pub(crate) use change::printed;
pub use change::requested_changes;
pub use lines::{DomainLine, TOP_LINES, brief, domain_lines};
pub(crate) use pairing::sentence as matching;
use said::Said;

/// The verdict: a headline if domains can be compared, what the domains show together, one
/// paragraph per domain, then caveats.
#[must_use]
pub fn verdict(report: &Report) -> Vec<String> {
    let said = Said::of(report);
    if report.claims.is_empty() {
        return vec!["The report has no checkpoints or no domains.".into()];
    }
    let mut lines = Vec::new();
    lines.extend(headline::headline(said));
    lines.extend(headline::exchanged(said));
    lines.extend(said.domains().map(|name| domain::paragraph(said, name)));
    lines.extend(caveats::caveats(said, report));
    lines
}
