//! The verdict in one line per domain: state, delay, change of the pathway distance, sparkline.

use report::{Claim, ClaimKind, Group, Report, Why};

use super::{change, headline, said::Said};
use crate::{number, sparkline};

/// Number of lines to show at first.
pub const TOP_LINES: usize = 6;

/// What the report's claims say about one domain, in a few words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainLine {
    /// Index in [`Report::domains`].
    pub domain: usize,
    /// Name of the domain.
    pub name: String,
    /// Whether its samples are memorized, and its items generalized.
    pub state: String,
    /// Steps from memorization to generalization, if the items are clearly later.
    pub delay: Option<String>,
    /// Change of the pathway distance with its 95 % interval.
    pub change: Option<String>,
    /// Course of the distance over the training steps: an SVG path in a box of 120 by 24.
    pub distance: String,
    /// Course of the accuracy from 0 to 1, in the same box.
    pub accuracy: String,
}

/// One line per domain, in the order of the report. With more than [`TOP_LINES`] domains, those
/// with more claims that hold come first.
#[must_use]
pub fn domain_lines(report: &Report) -> Vec<DomainLine> {
    let said = Said::of(report);
    let domains = report.domains.iter().enumerate();
    let mut lines: Vec<DomainLine> =
        domains.map(|(at, domain)| line(report, said, at, &domain.name)).collect();
    if lines.len() > TOP_LINES {
        lines.sort_by_key(|line| std::cmp::Reverse(holding(report, &line.name)));
    }
    lines
}

/// The verdict in few lines, to be sent beside a link: headline, then the first [`TOP_LINES`]
/// domains with state, delay and change of distance.
#[must_use]
pub fn brief(report: &Report) -> Vec<String> {
    let lines = domain_lines(report);
    let rest = lines.len().saturating_sub(TOP_LINES);
    let mut said: Vec<String> = headline::headline(Said::of(report)).into_iter().collect();
    said.extend(lines.into_iter().take(TOP_LINES).map(|line| {
        let delay = line.delay.map(|delay| format!("; delay {delay}"));
        let change = line.change.map(|change| format!("; pathway distance {change}"));
        format!("{}: {}{}{}", line.name, line.state, delay.unwrap_or_default(), change.unwrap_or_default())
    }));
    if rest > 0 {
        said.push(format!("{rest} more {}", if rest == 1 { "domain" } else { "domains" }));
    }
    said
}

fn line(report: &Report, said: Said<'_>, domain: usize, name: &str) -> DomainLine {
    let after = said.of_domain(ClaimKind::GeneralizedAfter, name).filter(|claim| claim.holds == Some(true));
    let delay = after.and_then(|claim| claim.figure("delay"));
    let group = said.of_metric(ClaimKind::Falls, name, "distance").and_then(|claim| claim.group);
    let course = |metric, group, range| {
        report
            .course(name, metric, group)
            .map(|course| sparkline::path(report, &course.values, range))
            .unwrap_or_default()
    };
    DomainLine {
        domain,
        name: name.into(),
        state: state(said, name),
        delay: delay.map(|delay| format!("{} steps", number::count(delay as u64))),
        change: change::brief(said, name),
        distance: course("distance", group.unwrap_or_default(), None),
        accuracy: course("accuracy", Group::All, Some((0.0, 1.0))),
    }
}

/// Whether a domain is memorized and generalized, in the words of the verdict.
fn state(said: Said<'_>, domain: &str) -> String {
    let claim = |kind| said.of_domain(kind, domain).map(|claim: &Claim| (claim.holds, claim.why));
    let memorized = match claim(ClaimKind::Memorized) {
        Some((Some(true), _)) => "memorized",
        Some((_, Why::NoLosses)) => "no losses",
        Some((_, Why::TooFewSamples)) => "less than a fifth memorized",
        Some((_, Why::NotFallen)) => "memorization not shown",
        _ => "none memorized",
    };
    let accuracy_rises =
        said.of_metric(ClaimKind::Rises, domain, "accuracy").is_some_and(|claim| claim.holds == Some(true));
    let generalized = match claim(ClaimKind::GeneralizedAfter) {
        Some((Some(true), _)) if memorized == "memorized" => ", then generalized",
        Some((Some(true), _)) => "; generalized later",
        Some((Some(false), Why::Figures)) => "; generalized, not clearly later",
        Some((None, Why::NoneMemorized | Why::TooFewSamples)) if accuracy_rises => "; generalized",
        _ => "",
    };
    format!("{memorized}{generalized}")
}

/// Number of claims about a domain that hold.
fn holding(report: &Report, domain: &str) -> usize {
    let of_domain = report.claims.iter().filter(|claim| claim.domain.as_deref() == Some(domain));
    of_domain.filter(|claim| claim.holds == Some(true)).count()
}
