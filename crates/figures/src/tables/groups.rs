//! Matched groups of samples and items.

use report::{Domain, Report};

use super::cells::named;
use crate::{delays as pairing, table::NamedTable};

/// The matched groups of samples and items.
pub(super) fn delays(report: &Report, index: usize, domain: &Domain) -> Option<NamedTable> {
    let delays = domain.delays.as_ref()?;
    let certainty = pairing::certainty(report, domain).map(|text| format!("{text}. ")).unwrap_or_default();
    let note = format!(
        "{certainty}Groups are matched to maximize the total score. Scores: {}; {}. Groups at the end of the table have no match.",
        pairing::compared_by(report, delays),
        pairing::totals(delays)
    );
    Some(named(
        format!("delays-{index}"),
        format!("Delays from memorization to generalization: {}", domain.name),
        note,
        pairing::table(report, delays),
    ))
}
