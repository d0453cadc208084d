//! Changes of the pathway distance on the decimals that a link carries.

use report::{Change, Report, derive};

use crate::verdict::printed;

/// A report whose changes have the decimals of a link, and are printed as before where that is possible. More bits would not
/// help: a link rounds its values to bits, but changes to decimals.
pub fn with_rounded_changes(mut report: Report) -> Report {
    report.domains.iter_mut().flat_map(|domain| &mut domain.changes).for_each(round);
    report
}

/// Decimals of changes in a link, as a power of ten.
const DECIMALS: f64 = 1e4;

/// Rounds a change as links do, to figures nearby with which the verdict prints the same words.
fn round(change: &mut Change) {
    let exact = printed(change.ratio - 1.0, change.half_width);
    let on_grid = |figure: f64, by: i32| ((figure * DECIMALS).round() + f64::from(by)) / DECIMALS;
    let mut near: Vec<(i32, i32)> = (-2..=2).flat_map(|a| (-2..=2).map(move |b| (a, b))).collect();
    near.sort_by_key(|(a, b)| a.abs() + b.abs());
    let candidates = near.into_iter().map(|(a, b)| {
        let (ratio, se_ratio) = (on_grid(change.ratio, a), on_grid(change.se_ratio, b).max(0.0));
        let rounded = Change { ratio, se_ratio, ..change.clone() };
        Change { half_width: derive::half_width(&rounded), ..rounded }
    });
    let same = |found: &Change| printed(found.ratio - 1.0, found.half_width) == exact;
    if let Some(found) = candidates.into_iter().find(same) {
        *change = found;
    }
}
