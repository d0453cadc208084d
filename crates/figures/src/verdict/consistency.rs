//! Whether the pathway consistency allows a conclusion.

use report::{Domain, Group, Report, Series};

use super::relation::{Relation, Strength, figures};
use crate::{number, series};

/// Consistency is unstable above this share of undefined samples.
const UNDEFINED: f64 = 0.05;

/// Describes a domain's consistency in a sentence without a full stop; none without consistency.
pub(super) fn sentence(report: &Report, domain: &Domain, group: Group) -> Option<String> {
    let course = |metric: &str| Some(&report.course(&domain.name, metric, group)?.values);
    let courses = Courses {
        median: course("consistency")?,
        lower: course("consistency_lower")?,
        upper: course("consistency_upper")?,
        undefined: course("consistency_undefined")?,
    };
    if let Some(why) = unstable(&courses, report.checkpoints.len()) {
        return Some(format!("Consistency is unstable ({why}): no conclusion can be drawn"));
    }
    match Relation::of(report, domain, "consistency", group) {
        Relation::Measured { strength, r, p, n } => {
            let words = match strength {
                Strength::Strong => "Strong positive correlation of consistency with accuracy",
                Strength::Weak => "Weak positive correlation of consistency with accuracy",
                Strength::Opposite => {
                    "Contrary to the paper, negative correlation of consistency with accuracy"
                }
                Strength::None => "No correlation of consistency with accuracy",
            };
            Some(format!("{words} over {n} checkpoints ({})", figures(r, p)))
        }
        Relation::Absent | Relation::Undefined(_) | Relation::TooFew(_) => None,
    }
}

/// The median of a group's consistency with its quartiles and the share of undefined samples, each `[C]`.
struct Courses<'a> {
    median: &'a Series,
    lower: &'a Series,
    upper: &'a Series,
    undefined: &'a Series,
}

/// Why no conclusion can be drawn: samples without a value, or an interquartile range above the median's change.
fn unstable(consistency: &Courses<'_>, checkpoints: usize) -> Option<String> {
    let undefined = series::extent((0..checkpoints).filter_map(|at| series::at(consistency.undefined, at)));
    if let Some((_, most)) = undefined.filter(|(_, most)| *most > UNDEFINED) {
        return Some(format!("up to {} of the samples have no value", number::percent(most)));
    }
    let medians = series::defined(consistency.median, checkpoints);
    let (low, high) = series::extent(medians.iter().map(|&(_, median)| median))?;
    let mut spreads: Vec<f64> = medians
        .iter()
        .filter_map(|&(at, _)| Some(series::at(consistency.upper, at)? - series::at(consistency.lower, at)?))
        .collect();
    spreads.sort_by(f64::total_cmp);
    let typical = *spreads.get(spreads.len() / 2)?;
    (medians.len() > 1 && typical > high - low).then(|| {
        format!(
            "the interquartile range, {}, exceeds the change of the median, {}",
            number::plain(typical),
            number::plain(high - low)
        )
    })
}
