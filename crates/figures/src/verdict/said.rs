//! Looking up claims and their figures.

use report::{Claim, ClaimKind, Report};

use crate::{chart, number};

/// The claims of a report.
#[derive(Clone, Copy)]
pub(crate) struct Said<'a> {
    report: &'a Report,
}

impl<'a> Said<'a> {
    pub(crate) fn of(report: &'a Report) -> Self {
        Self { report }
    }

    /// Names of the domains, in the order of the report.
    pub(crate) fn domains(self) -> impl Iterator<Item = &'a str> {
        self.report.domains.iter().map(|domain| domain.name.as_str())
    }

    /// Whether a shortened link left out domains, so that nothing can be said about all of them.
    pub(super) fn lacks_domains(self) -> bool {
        let shortened = self.report.shortened.as_ref();
        shortened.is_some_and(|shortened| shortened.domains > self.report.domains.len())
    }

    /// The claims of a kind.
    pub(crate) fn all(self, kind: ClaimKind) -> impl Iterator<Item = &'a Claim> {
        self.report.claims.iter().filter(move |claim| claim.kind == kind)
    }

    /// The claims of a kind about a metric.
    pub(crate) fn about(self, kind: ClaimKind, metric: &str) -> impl Iterator<Item = &'a Claim> {
        self.all(kind).filter(move |claim| claim.metric.as_deref() == Some(metric))
    }

    /// The claim of a kind about a domain.
    pub(crate) fn of_domain(self, kind: ClaimKind, domain: &str) -> Option<&'a Claim> {
        self.all(kind).find(|claim| claim.domain.as_deref() == Some(domain))
    }

    /// The claim of a kind about a metric of a domain.
    pub(crate) fn of_metric(self, kind: ClaimKind, domain: &str, metric: &str) -> Option<&'a Claim> {
        self.about(kind, metric).find(|claim| claim.domain.as_deref() == Some(domain))
    }
}

/// A figure of a claim as a count; 0 if it has none.
pub(crate) fn count(claim: &Claim, name: &str) -> u64 {
    claim.figure(name).unwrap_or(0.0) as u64
}

/// `step 1,000`, if the claim has this figure.
pub(crate) fn step(claim: &Claim, name: &str) -> Option<String> {
    claim.figure(name).map(|step| chart::step_name(step as u64))
}

/// A figure with two decimals, if the claim has it.
pub(crate) fn two_decimals(claim: &Claim, name: &str) -> Option<String> {
    claim.figure(name).map(|figure| number::fixed(figure, 2))
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn enumerated(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
