//! Claims: everything that the verdict may say about a run, as data (docs/metrics.md#claims). They
//! are computed from the report's figures alone, so a link's receiver computes the same ones.

mod accuracy;
mod change;
mod exchanged;
mod follows;
mod generalized;
mod memorized;
mod pairing;
mod size;
mod start;
mod values;
mod window;

pub(crate) use exchanged::found as exchanged;
pub(crate) use pairing::beats;

use crate::model::{Claim, Domain, Group, Report};

/// Metrics with a claim on whether they follow accuracy.
pub(crate) const TESTED: [&str; 2] = ["distance", "consistency"];

/// The claims about a report: those about the run first, then those of each domain.
#[must_use]
pub fn claims(report: &Report) -> Vec<Claim> {
    if report.checkpoints.is_empty() {
        return Vec::new();
    }
    let mut claims = vec![exchanged::claim(report), size::claim(report)];
    for domain in &report.domains {
        let group = main_group(report, domain);
        claims.push(memorized::claim(report, domain));
        claims.extend(accuracy::claims(report, domain));
        claims.push(generalized::claim(report, domain));
        claims.extend(change::claims(report, domain, group));
        claims.push(start::claim(report, domain, group));
        claims.push(follows::claim(report, domain, "distance", group));
        claims.push(follows::consistency(report, domain, group));
        claims.extend(pairing::claim(domain));
    }
    claims
}

/// The group that the claims of a domain describe: the memorized samples, or all samples if none is
/// memorized.
pub(crate) fn main_group(report: &Report, domain: &Domain) -> Group {
    let memorized = report.course(&domain.name, "distance", Group::Memorized);
    if memorized.is_some_and(|course| course.n.is_some_and(|n| n > 0)) {
        Group::Memorized
    } else {
        Group::All
    }
}
