//! When samples are memorized, how accuracy changes, and when items are generalized.

use report::{Claim, ClaimKind, Why};

use super::said::{Said, count, step, two_decimals};
use crate::{chart, number};

/// Memorization and accuracy in a sentence without a full stop.
pub(crate) fn sentence(said: Said<'_>, domain: &str) -> Option<String> {
    let memorized = said.of_domain(ClaimKind::Memorized, domain).map(memorized);
    let parts: Vec<String> = memorized.into_iter().chain(accuracy(said, domain)).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

pub(crate) fn memorized(claim: &Claim) -> String {
    let all = chart::counted(count(claim, "samples"), "sample");
    if claim.why == Why::NoLosses {
        return format!("no losses in the traces, so none of the {all} counts as memorized");
    }
    let Some(eps) = claim.figure("eps") else {
        return format!("no loss threshold qualifies for a fifth of the {all}, so none counts as memorized");
    };
    let by_user = if count(claim, "eps_set_by_user") == 1 { ", set by the user" } else { "" };
    let below = format!("loss ≤ {}{by_user}", trimmed(eps));
    if claim.why == Why::NoneMemorized {
        return format!("none of {all} is memorized ({below})");
    }
    if claim.why == Why::TooFewSamples {
        let memorized = number::count(count(claim, "memorized"));
        return format!("only {memorized} of {all} memorized ({below}), less than a fifth");
    }
    let share = number::percent(claim.figure("share").unwrap_or(0.0));
    if claim.why == Why::NotFallen {
        let fallen = number::count(count(claim, "fallen"));
        return format!(
            "{share} of {all} have low and steady losses ({below}), but only {fallen} of these losses have fallen by half, so memorization is not shown"
        );
    }
    let half = step(claim, "half_step").map(|at| format!(", half of them by {at}")).unwrap_or_default();
    // The paper's rule also holds for losses that were low from the start.
    let rule = if count(claim, "paper_rule") == 1 {
        " by the paper’s rule, whether or not their loss has fallen"
    } else {
        ""
    };
    let relapsed = relapsed(claim).unwrap_or_default();
    format!("{share} of {all} memorized{rule} ({below}){half}{relapsed}")
}

/// How many samples have a relapse, in a clause; none without any.
fn relapsed(claim: &Claim) -> Option<String> {
    let share = claim.figure("relapsed_share").filter(|share| *share > 0.0)?;
    let above = trimmed(claim.figure("relapse_above")?);
    Some(format!(
        ", and {} of them have a loss above {above} again at some later checkpoint",
        number::percent(share)
    ))
}

/// How accuracy changes, in a clause.
pub(crate) fn accuracy(said: Said<'_>, domain: &str) -> Option<String> {
    let rises = said.of_metric(ClaimKind::Rises, domain, "accuracy")?;
    let falls = said.of_metric(ClaimKind::Falls, domain, "accuracy");
    let (Some(from), Some(to)) = (two_decimals(rises, "from"), two_decimals(rises, "to")) else {
        return Some("accuracy is missing".into());
    };
    let course = format!("from {from} to {to}");
    let verb = match (rises.holds, falls.and_then(|claim| claim.holds)) {
        (Some(true), _) => "rises",
        (_, Some(true)) => "falls",
        (None, _) if rises.why == Why::NoItems => {
            return Some(format!(
                "accuracy changes {course}, without an interval because the number of items is not given"
            ));
        }
        (None, _) => return Some(format!("accuracy is {from} at its only checkpoint")),
        (Some(false), _) => {
            let items = chart::counted(count(rises, "items"), "item");
            return Some(format!("accuracy changes {course}, within its interval ({items})"));
        }
    };
    let most = step(rises, "most_after_step").map(|at| format!(", most of it after {at}"));
    Some(format!("accuracy {verb} {course}{}", most.unwrap_or_default()))
}

/// When items are generalized, in a sentence without a full stop; none where accuracy does not rise,
/// as items that are right by chance have steps, too.
pub(crate) fn generalized(said: Said<'_>, domain: &str) -> Option<String> {
    let claim = said.of_domain(ClaimKind::GeneralizedAfter, domain)?;
    let at = step(claim, "generalized_step")?;
    let opening = format!("Half of the items that generalize do so by {at}");
    match (claim.holds, claim.why, claim.figure("delay")) {
        (None, Why::NoneMemorized | Why::TooFewSamples, _) => Some(opening),
        (Some(true), _, Some(delay)) => {
            let steps = number::count(delay as u64);
            Some(format!("{opening}, {steps} steps after half of the memorized samples"))
        }
        (Some(false), Why::Figures, _) => {
            Some(format!("{opening}, not clearly later than half of the memorized samples"))
        }
        _ => None,
    }
}

/// A threshold without the noise of binary fractions.
fn trimmed(value: f64) -> String {
    let text = number::fixed(value, 3);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
