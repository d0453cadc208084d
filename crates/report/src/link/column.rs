//! Codes columns of integers, predicted from their own past, from related columns and from the last
//! column of the same kind.
//!
//! Several simple predictions are mixed, weighted by their past errors; the typical error of the
//! mixture sets the expected size of the residual. All arithmetic is in a fixed order, so writer
//! and reader predict the same values.

use super::{coder::Coder, numbers::Numbers};
use crate::Error;

/// Most related columns that a prediction uses, including the last of the same kind.
const MOST_RELATED: usize = 5;
/// Number of predictions: last value, trend, smoothed value, two per related column.
const PREDICTIONS: usize = 3 + 2 * MOST_RELATED;

/// Sum of squared changes from which a slope is trusted.
const PRIOR: f64 = 64.0;
/// Initial typical error of predictions from columns of another kind.
const UNLIKE: f64 = 4.0;

/// State learned from the columns of one kind.
#[derive(Clone)]
pub(super) struct Memory {
    /// Last column of the kind, with gaps filled.
    pub(super) last: Vec<f64>,
    /// Typical error of each prediction.
    costs: [f64; PREDICTIONS],
    /// Slopes against related columns: products and squares of their changes.
    slopes: [(f64, f64); MOST_RELATED],
    /// Previous first values of the related columns, and the typical error of predictions from
    /// them.
    first_related: [f64; MOST_RELATED],
    first_costs: [f64; MOST_RELATED],
    /// Typical error of the mixture.
    usual: f64,
    columns: u32,
}

impl Memory {
    /// Initial state: expected sizes of first values and later changes, and which related columns
    /// are `alike` and change by the same amount.
    pub(super) fn expecting(first: f64, later: f64, alike: &[bool]) -> Self {
        let mut costs = [1.0; PREDICTIONS];
        let mut slopes = [(PRIOR, PRIOR); MOST_RELATED];
        for (which, _) in alike.iter().enumerate().filter(|(_, alike)| !**alike) {
            slopes[which + 1].0 = 0.0;
            costs[5 + 2 * which] = UNLIKE;
            costs[6 + 2 * which] = UNLIKE;
        }
        Self {
            last: Vec::new(),
            costs,
            slopes,
            first_related: [0.0; MOST_RELATED],
            first_costs: [first; MOST_RELATED],
            usual: later,
            columns: 0,
        }
    }
}

fn value_at(column: &[f64], place: usize) -> f64 {
    column.get(place).or(column.last()).copied().unwrap_or(0.0)
}

fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// Mean of the predictions, weighted by a power of their inverse errors.
fn mix(predictions: &[f64], costs: &[f64], power: u32) -> f64 {
    let (mut sum, mut weights) = (0.0, 0.0);
    for (prediction, cost) in predictions.iter().zip(costs) {
        let exact = 1.0 / (cost * cost + 0.05);
        let weight = (1..power).fold(exact, |weight, _| weight * exact);
        sum += weight * prediction;
        weights += weight;
    }
    sum / weights
}

/// Column under construction.
struct Progress<'a> {
    related: &'a [&'a [f64]],
    values: Vec<f64>,
    smooth: f64,
    smooth_related: [f64; MOST_RELATED],
}

impl Progress<'_> {
    /// Predictions of the next value after the first.
    fn predictions(&self, memory: &Memory) -> Vec<f64> {
        let place = self.values.len();
        let last = self.values.last().copied().unwrap_or(0.0);
        let before_last = place.checked_sub(2).map_or(last, |at| self.values[at]);
        let mut all = vec![last, last + 0.5 * (last - before_last), self.smooth];
        for (which, column) in self.related.iter().enumerate() {
            let (product, square) = memory.slopes[which];
            let slope = if square > 0.0 { (product / square).clamp(-64.0, 64.0) } else { 0.0 };
            let now = value_at(column, place);
            all.push(last + slope * (now - value_at(column, place.saturating_sub(1))));
            all.push(self.smooth + slope * (now - self.smooth_related[which]));
        }
        all
    }

    fn learn(&mut self, memory: &mut Memory, predictions: &[f64], value: f64) {
        let place = self.values.len();
        if let Some(last) = self.values.last() {
            for (cost, prediction) in memory.costs.iter_mut().zip(predictions) {
                *cost += 0.12 * ((prediction - value).abs() - *cost);
            }
            for ((product, square), column) in memory.slopes.iter_mut().zip(self.related) {
                let change = value_at(column, place) - value_at(column, place - 1);
                *product = 0.98 * *product + (value - last) * change;
                *square = 0.98 * *square + change * change;
            }
        }
        let follow = if place == 0 { 1.0 } else { 0.3 };
        self.smooth += follow * (value - self.smooth);
        for (smooth, column) in self.smooth_related.iter_mut().zip(self.related) {
            *smooth += follow * (value_at(column, place) - *smooth);
        }
        self.values.push(value);
    }
}

/// Predictions of a first value: that of the previous column, shifted like the related columns.
fn first_predictions(memory: &Memory, related: &[&[f64]]) -> Vec<f64> {
    let before = value_at(&memory.last, 0);
    let moved = related.iter().zip(&memory.first_related).skip(1);
    std::iter::once(before).chain(moved.map(|(column, was)| before + value_at(column, 0) - was)).collect()
}

/// Codes a column. `None` entries are gaps, which are known to both sides and cost nothing.
/// `related` are up to four columns coded earlier; the last column of the same kind is added to
/// them.
pub(super) fn code(
    coder: &mut Coder<'_>,
    numbers: &mut Numbers,
    memory: &mut Memory,
    related: &[&[f64]],
    column: &mut [Option<i64>],
) -> Result<(), Error> {
    let earlier = std::mem::take(&mut memory.last);
    let related: Vec<&[f64]> =
        std::iter::once(&earlier[..]).chain(related.iter().copied()).take(MOST_RELATED).collect();
    memory.last.clone_from(&earlier);
    let mut progress =
        Progress { related: &related, values: Vec::new(), smooth: 0.0, smooth_related: [0.0; MOST_RELATED] };
    let (mut errors, mut recent, mut before, mut started) = (Vec::new(), memory.usual, 0, false);
    for (place, entry) in column.iter_mut().enumerate() {
        let predictions = progress.predictions(memory);
        let Some(value) = entry else {
            // A gap repeats its predecessor, so that related columns have a value there.
            let held = progress.values.last().copied().unwrap_or_else(|| value_at(&earlier, place));
            progress.learn(memory, &predictions, held);
            continue;
        };
        let first = first_predictions(memory, &related);
        let (prediction, expected) = if started {
            (mix(&predictions, &memory.costs, 3), recent)
        } else {
            let least = memory.first_costs.iter().take(first.len()).copied().fold(f64::INFINITY, f64::min);
            (mix(&first, &memory.first_costs, 2), least)
        };
        let prediction = prediction.round() as i64;
        before = numbers.signed(coder, expected, before, value.wrapping_sub(prediction))?;
        *value = prediction.wrapping_add(before);
        let (exact, error) = (*value as f64, before.unsigned_abs() as f64);
        if started {
            recent += 0.2 * (error - recent);
            errors.push(error);
        } else {
            let rate = if memory.columns == 0 { 1.0 } else { 0.5 };
            for (cost, prediction) in memory.first_costs.iter_mut().zip(&first) {
                *cost += rate * ((prediction - exact).abs() - *cost);
            }
            started = true;
        }
        progress.learn(memory, &predictions, exact);
    }
    if !errors.is_empty() {
        memory.usual += (mean(&errors) - memory.usual) / if memory.columns == 0 { 1.0 } else { 2.0 };
    }
    for (first, column) in memory.first_related.iter_mut().zip(&related) {
        *first = value_at(column, 0);
    }
    (memory.last, memory.columns) = (progress.values, memory.columns + 1);
    Ok(())
}
