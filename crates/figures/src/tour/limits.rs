//! The last step of the tour: what the report does not prove.

use report::ClaimKind;

use super::guide::{Guide, TourStep};
use crate::verdict::{caveats, headline, matching};

/// Whether groups match better than chance, whether domains can be exchanged, and the caveats.
pub(super) fn limits(guide: Guide<'_>) -> TourStep {
    let name = &guide.lead.name;
    let paired = guide.said.of_domain(ClaimKind::DistinctivePairing, name).and_then(matching);
    let has_delays = guide.lead.delays.is_some();
    let matched = paired.map(|text| format!("{name}: {text}."));
    let exchanged = headline::exchanged(guide.said);
    let mut shows: Vec<String> = matched.into_iter().chain(exchanged).collect();
    if shows.is_empty() {
        shows.push("The report has no test of its groups against shuffled ones.".into());
    }
    let mut limits = caveats::caveats(guide.said, guide.report);
    limits.push(
        "Intervals cover the choice of samples, not other runs of the training; another seed may differ."
            .into(),
    );
    TourStep {
        title: "What this does not prove".into(),
        shows: shows.join(" "),
        limits: limits.join(" "),
        view: if has_delays { "delays" } else { "timeline" }.into(),
        chart: if has_delays { "delays" } else { "" }.into(),
        domain: name.clone(),
        checkpoint: guide.last,
    }
}
