//! Whether the matching of groups is distinctive.

use report::{Claim, Why};

use super::said::count;
use crate::number;

/// Whether the matching is distinctive, in a sentence without a full stop; none if that is
/// undecided.
pub(crate) fn sentence(claim: &Claim) -> Option<String> {
    let shuffled = || {
        Some(format!(
            "{} of {} shuffled matchings score as well",
            number::percent(claim.figure("null_share")?),
            number::count(count(claim, "null_draws"))
        ))
    };
    match (claim.holds, claim.why) {
        (Some(true), _) => Some(format!("The matching of groups is distinctive: {}", shuffled()?)),
        (_, Why::SecondBest) => {
            let total = number::fixed(claim.figure("total")?, 4);
            let second = number::fixed(claim.figure("second_best_total")?, 4);
            let shuffled = shuffled().map(|text| format!("; {text}")).unwrap_or_default();
            Some(format!(
                "The matching of groups is not distinctive: the second best scores {second}, the best \
                 {total}{shuffled}"
            ))
        }
        (_, Why::Shuffled) => Some(format!("The matching of groups is not distinctive: {}", shuffled()?)),
        _ => None,
    }
}
