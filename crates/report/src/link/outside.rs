//! Codes the figures of pairings and changes, which are outside of courses, after the courses that
//! they partly follow from.
//!
//! A figure is 0 in the tree if it is coded here. Figures too large to be rounded stay in the tree.

use super::{numbers::Numbers, tree::Codec};
use crate::{Delays, Error, Report, claims};

/// Figures from this size on are not rounded.
const MOST: f64 = 1e9;

/// Decimals of figures, as powers of ten: of cosines, and of relative changes.
#[derive(Clone, Copy)]
pub(super) struct Decimals {
    cosines: f64,
    changes: f64,
}

impl Decimals {
    /// Two for cosines and four for changes; one more if `finely`.
    pub(super) fn new(finely: bool) -> Self {
        let cosines = if finely { 1e3 } else { 1e2 };
        Self { cosines, changes: 100.0 * cosines }
    }

    /// Rounds a cosine.
    pub(super) fn round(self, figure: &mut f64) {
        if figure.abs() < MOST {
            *figure = (*figure * self.cosines).round() / self.cosines;
        }
    }
}

/// Sets the figures that are coded here to 0.
pub(super) fn clear(report: &mut Report) {
    let clear = |figure: &mut f64| {
        if figure.abs() < MOST {
            *figure = 0.0;
        }
    };
    for domain in &mut report.domains {
        if let Some(delays) = &mut domain.delays {
            delays.pairs.iter_mut().for_each(|pair| clear(&mut pair.score));
            clear(&mut delays.total);
            delays.second_best_total.iter_mut().for_each(clear);
        }
        for change in &mut domain.changes {
            clear(&mut change.ratio);
            clear(&mut change.se_ratio);
        }
    }
}

/// Whether a figure is coded here.
fn is_zero(figure: f64) -> bool {
    figure.to_bits() == 0
}

fn in_steps(figure: f64, decimals: f64) -> i64 {
    (figure * decimals).round() as i64
}

/// How far the second best total is below the best one, on the same side of the margin that counts.
fn steps_below(exact: &Delays, seen: &Delays, decimals: f64) -> i64 {
    let (second, pairs) = (exact.second_best_total.unwrap_or(0.0), exact.pairs.len());
    let steps = in_steps(exact.total - second, decimals);
    let beats = claims::beats(exact.total, second, pairs);
    let same = |steps: &i64| claims::beats(seen.total, seen.total - *steps as f64 / decimals, pairs) == beats;
    [0, 1, -1].map(|by| steps.saturating_add(by)).into_iter().find(same).unwrap_or(steps)
}

/// Ratios of the courses of a domain that its changes are about.
fn predicted_ratios(report: &Report, at: usize) -> Vec<f64> {
    let Some(domain) = report.domains.get(at) else { return Vec::new() };
    let ratio = |change: &crate::Change| {
        let course = report.course(&domain.name, &change.metric, change.group)?;
        let value = |at: usize| course.values.get(at).copied().flatten();
        Some(value(change.to)? / value(change.from)?).filter(|ratio| ratio.abs() < 1e6)
    };
    domain.changes.iter().map(|change| ratio(change).unwrap_or(1.0)).collect()
}

/// Figures of one kind: their mean and typical error so far.
struct Kind {
    last: f64,
    error: f64,
    before: i64,
    count: f64,
}

impl Kind {
    /// Expected value and error of the first figure, in steps.
    fn expecting(value: f64, error: f64) -> Self {
        Self { last: value, error, before: 0, count: 0.0 }
    }

    /// Codes a number of steps near `prediction`.
    fn code(
        &mut self,
        codec: &mut Codec<'_>,
        numbers: &mut Numbers,
        prediction: f64,
        given: i64,
    ) -> Result<i64, Error> {
        codec.spend(1)?;
        let prediction = prediction.round() as i64;
        let error = given.wrapping_sub(prediction);
        self.before = numbers.signed(&mut codec.coder, self.error, self.before, error)?;
        let steps = prediction.wrapping_add(self.before);
        // The more figures, the less one of them counts.
        self.count = (self.count + 1.0).min(30.0);
        let rate = 1.0 / (self.count + 1.0);
        self.error += rate.max(0.1) * (self.before.unsigned_abs() as f64 - self.error);
        self.last += rate * (steps as f64 - self.last);
        Ok(steps)
    }
}

/// Codes figures that the report has as 0, from `given` or for a reader, and puts them there.
pub(super) fn code(
    codec: &mut Codec<'_>,
    numbers: &mut Numbers,
    report: &mut Report,
    given: Option<&Report>,
    decimals: Decimals,
) -> Result<(), Error> {
    let mut score = Kind::expecting(0.4 * decimals.cosines, 0.2 * decimals.cosines);
    let mut total = Kind::expecting(0.0, 0.5);
    let mut gap = Kind::expecting(0.0, 0.01 * decimals.changes);
    let mut ratio = Kind::expecting(0.0, 1.0);
    let mut error = Kind::expecting(0.005 * decimals.changes, 0.004 * decimals.changes);
    for at in 0..report.domains.len() {
        let exact = given.and_then(|given| given.domains.get(at));
        let courses = predicted_ratios(report, at);
        let domain = &mut report.domains[at];
        if let Some(delays) = &mut domain.delays {
            let exact = exact.and_then(|exact| exact.delays.as_ref());
            for (place, pair) in delays.pairs.iter_mut().enumerate() {
                if is_zero(pair.score) {
                    let exact = exact.and_then(|exact| exact.pairs.get(place)).map_or(0.0, |pair| pair.score);
                    let steps = score.code(codec, numbers, score.last, in_steps(exact, decimals.cosines))?;
                    pair.score = steps as f64 / decimals.cosines;
                }
            }
            if is_zero(delays.total) {
                let sum: f64 = delays.pairs.iter().map(|pair| pair.score).sum();
                let exact = in_steps(exact.map_or(0.0, |exact| exact.total), decimals.cosines);
                let steps = total.code(codec, numbers, sum * decimals.cosines, exact)?;
                delays.total = steps as f64 / decimals.cosines;
            }
            if delays.second_best_total.is_some_and(is_zero) {
                let exact = exact.map_or(0, |exact| steps_below(exact, delays, decimals.changes));
                let steps = gap.code(codec, numbers, gap.last, exact)?;
                delays.second_best_total = Some(delays.total - steps as f64 / decimals.changes);
            }
        }
        for (place, (change, course)) in domain.changes.iter_mut().zip(courses).enumerate() {
            let exact = exact.and_then(|exact| exact.changes.get(place));
            if is_zero(change.ratio) {
                let exact = in_steps(exact.map_or(0.0, |exact| exact.ratio), decimals.changes);
                let steps = ratio.code(codec, numbers, course * decimals.changes, exact)?;
                change.ratio = steps as f64 / decimals.changes;
            }
            if is_zero(change.se_ratio) {
                let exact = in_steps(exact.map_or(0.0, |exact| exact.se_ratio), decimals.changes);
                let steps = error.code(codec, numbers, error.last, exact)?;
                change.se_ratio = steps as f64 / decimals.changes;
            }
        }
    }
    Ok(())
}
