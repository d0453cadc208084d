//! Whether each domain's distance follows its own accuracy (docs/metrics.md#domains-exchanged).

use crate::{Claim, ClaimKind, Group, Report, Why, derive::LEVEL};

/// The claim `exchanged` of the pathway distance: of the memorized samples, or of all samples if
/// the report has no test of the memorized ones.
pub(super) fn claim(report: &Report) -> Claim {
    let of = |group: Group| {
        report.exchange.iter().find(|found| found.metric == "distance" && found.group == group)
    };
    let claim = Claim::of_run(ClaimKind::Exchanged);
    let Some(found) = of(Group::Memorized).or_else(|| of(Group::All)) else {
        return claim.about("distance", Group::Memorized).undecided(Why::NotComputed);
    };
    let claim = claim
        .about("distance", found.group)
        .with("domains", found.domains as f64)
        .with("statistic", found.statistic)
        .with("p", found.p)
        .with("assignments", found.assignments as f64);
    if found.domains < pathway::FEWEST_EXCHANGED {
        return claim.undecided(Why::TooFewDomains);
    }
    match claim.figure("p") {
        None => claim.undecided(Why::NotComputed),
        Some(p) => claim.holds(p < LEVEL),
    }
}
