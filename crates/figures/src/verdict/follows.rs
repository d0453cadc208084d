//! Whether a course follows accuracy.

use report::{Claim, Why};

use super::said::{count, two_decimals};
use crate::number;

/// Whether the distance follows accuracy, in a sentence without a full stop.
pub(crate) fn distance(claim: &Claim) -> Option<String> {
    sentence(claim, "distance")
}

/// Whether the consistency follows accuracy, in a sentence without a full stop; none without
/// consistency.
pub(crate) fn consistency(claim: &Claim) -> Option<String> {
    let unstable = |why: String| Some(format!("Consistency is unstable ({why}): no conclusion can be drawn"));
    match claim.why {
        Why::UndefinedSamples => {
            let share = number::percent(claim.figure("undefined_share")?);
            unstable(format!("up to {share} of the samples have no value"))
        }
        Why::Spread => unstable(format!(
            "the interquartile range, {}, exceeds the change of the median, {}",
            number::plain(claim.figure("spread")?),
            number::plain(claim.figure("change")?)
        )),
        _ => sentence(claim, "consistency"),
    }
}

fn sentence(claim: &Claim, subject: &str) -> Option<String> {
    let n = number::count(count(claim, "n"));
    let figures = figures(claim);
    Some(match (claim.holds, claim.why) {
        (Some(true), _) => format!(
            "Over {n} checkpoints, {subject} follows accuracy more closely than chance and a clock explain \
             ({figures})"
        ),
        (_, Why::Clock) => {
            format!("Over {n} checkpoints, {subject} follows accuracy no more than a clock would ({figures})")
        }
        (_, Why::OppositeSign) => {
            format!("Over {n} checkpoints, {subject} has the opposite sign of following accuracy ({figures})")
        }
        (_, Why::Chance) => format!(
            "That {subject} follows accuracy cannot be told from chance with {n} checkpoints ({figures})"
        ),
        (_, Why::TooFewCheckpoints) => {
            format!("{n} checkpoints are too few to tell whether {subject} follows accuracy")
        }
        (_, Why::AccuracyConstant) => {
            format!(
                "Whether {subject} follows accuracy is undefined: accuracy is the same at every checkpoint"
            )
        }
        (_, Why::MetricConstant) => {
            format!(
                "Whether {subject} follows accuracy is undefined: {subject} is the same at every checkpoint"
            )
        }
        (_, Why::ValuesMissing) => {
            format!("Whether {subject} follows accuracy is undefined: some checkpoints have no value")
        }
        _ => return None,
    })
}

/// The coefficient, what each p asks, and the coefficient of the clock.
fn figures(claim: &Claim) -> String {
    let p = |name: &str| claim.figure(name).map(number::p_phrase);
    let parts = [
        two_decimals(claim, "r").map(|r| format!("r = {r}")),
        p("p_increments").map(|p| format!("{p} for its increments in another order")),
        p("p_given_clock").map(|p| format!("{p} once both are adjusted for the clock")),
        two_decimals(claim, "clock_r").map(|r| format!("the clock, log of the step, has r = {r}")),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
}
