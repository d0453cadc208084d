//! Whether the pathway distance changes after memorization.

use report::{Change, Claim, ClaimKind, Group, Report, Why};

use super::said::{Said, count, step};
use crate::{chart, number};

/// What an interval of a change covers.
const COVERS: &str = "over the choice of samples, not over other runs of the training";

/// The change of a domain's distance in a sentence without a full stop.
pub(crate) fn distance(said: Said<'_>, domain: &str) -> Option<String> {
    let falls = said.of_metric(ClaimKind::Falls, domain, "distance")?;
    let rises = said.of_metric(ClaimKind::Rises, domain, "distance");
    let samples = number::count(count(falls, "samples"));
    let subject = match falls.group {
        Some(Group::Memorized) => format!("Pathway distance of the {samples} memorized samples"),
        _ => format!("Pathway distance of all {samples} samples"),
    };
    let verb = match (falls.holds, rises.and_then(|claim| claim.holds)) {
        (Some(true), _) => "falls",
        (_, Some(true)) => "rises",
        (Some(false), _) => {
            let (between, interval) = (between(falls), interval(falls));
            return Some(format!("{subject} shows no change beyond its interval{between}{interval}"));
        }
        (None, _) => return Some(undecided(falls, &subject)),
    };
    Some(format!("{subject} {verb} by {}{}{}", size(falls), between(falls), interval(falls)))
}

/// The size of a change: `20 %`.
fn size(claim: &Claim) -> String {
    size_of(claim.figure("change").unwrap_or(0.0))
}

fn size_of(change: f64) -> String {
    let size = change.abs();
    format!("{} %", number::fixed(size * 100.0, usize::from(size < 0.1)))
}

/// Everything that the verdict prints of a change and the half width of its interval, and its sign
/// beyond the interval.
pub(crate) fn printed(change: f64, half: f64) -> (String, (String, String), bool, bool) {
    (size_of(change), bounds(change - half, change + half), change < -half, change > half)
}

/// The change of a domain's distance with its 95 % interval, in a few words; none without an
/// interval.
pub(crate) fn brief(said: Said<'_>, domain: &str) -> Option<String> {
    let falls = said.of_metric(ClaimKind::Falls, domain, "distance")?;
    let rises = said.of_metric(ClaimKind::Rises, domain, "distance");
    let (low, high) = bounds(falls.figure("low")?, falls.figure("high")?);
    let change = match (falls.holds?, rises.and_then(|claim| claim.holds)) {
        (true, _) => format!("falls by {}", size(falls)),
        (_, Some(true)) => format!("rises by {}", size(falls)),
        _ => "no change beyond its interval".into(),
    };
    Some(format!("{change} ({low} to {high} %)"))
}

fn undecided(claim: &Claim, subject: &str) -> String {
    match claim.why {
        Why::TooFewSamples => {
            let size = chart::counted(count(claim, "samples"), "sample");
            format!("Pathway distance has no interval: a group of {size} is too small")
        }
        Why::TooFewCheckpoints => format!("{subject} has fewer than two checkpoints to compare"),
        Why::NoInterval => format!("{subject} has no interval of its change, so none is claimed"),
        _ => "Pathway distance was not measured".into(),
    }
}

/// ` between step 1,000 and step 4,000`.
fn between(claim: &Claim) -> String {
    let steps = step(claim, "from_step").zip(step(claim, "to_step"));
    steps.map(|(from, to)| format!(" between {from} and {to}")).unwrap_or_default()
}

/// ` (95 % interval −20 to −14 %, …)`.
fn interval(claim: &Claim) -> String {
    let bounds = claim.figure("low").zip(claim.figure("high"));
    bounds.map(|(low, high)| range(low, high)).unwrap_or_default()
}

fn range(low: f64, high: f64) -> String {
    let (low, high) = bounds(low, high);
    format!(" (95 % interval {low} to {high} %, {COVERS})")
}

/// The bounds of an interval in percent.
fn bounds(low: f64, high: f64) -> (String, String) {
    // One digit if a bound would round to zero or both to the same number.
    let digits = usize::from(low.abs().min(high.abs()) < 0.1 || high - low < 0.02);
    (signed(low, digits), signed(high, digits))
}

/// A share in percent, with its sign.
fn signed(share: f64, digits: usize) -> String {
    let sign = if share > 0.0 { "+" } else { "" };
    format!("{sign}{}", number::fixed(share * 100.0, digits))
}

/// The changes between checkpoints that the user asked for, one sentence per domain and group.
#[must_use]
pub fn requested_changes(report: &Report) -> Vec<String> {
    let of_domain = |domain: &report::Domain| {
        let requested = domain.changes.iter().filter(|change| change.requested);
        requested.map(|change| requested_change(report, &domain.name, change)).collect::<Vec<String>>()
    };
    report.domains.iter().flat_map(of_domain).collect()
}

fn requested_change(report: &Report, domain: &str, found: &Change) -> String {
    let step = |at: usize| report.checkpoints.get(at).map_or(0, |at| at.step);
    let (from, to) = (chart::step_name(step(found.from)), chart::step_name(step(found.to)));
    let samples = number::count(found.n as u64);
    let group = match found.group {
        Group::Memorized => format!("the {samples} memorized samples"),
        Group::All => format!("all {samples} samples"),
    };
    let change = found.ratio - 1.0;
    let size = signed(change, usize::from(change.abs() < 0.1));
    let range = range(change - found.half_width, change + found.half_width);
    format!("{domain}: Pathway distance of {group} changes by {size} % between {from} and {to}{range}.")
}

/// How the sign of the change depends on its start, in a sentence without a full stop; none if it
/// does not.
pub(crate) fn start(said: Said<'_>, domain: &str) -> Option<String> {
    let claim = said.of_metric(ClaimKind::SignDependsOnStart, domain, "distance")?;
    if claim.holds != Some(true) {
        return None;
    }
    let part = |change: &str, start: &str| {
        Some(format!("{} % from {}", signed(claim.figure(change)?, 1), step(claim, start)?))
    };
    let (rise, fall) = (part("rise", "rise_from_step")?, part("fall", "fall_from_step")?);
    Some(format!("The sign depends on the starting checkpoint: {rise}, {fall}"))
}
