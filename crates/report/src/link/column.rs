//! Columns of whole numbers, predicted from what is known already: their own past, the columns beside them, the
//! same column of the domain before.
//!
//! Several simple predictions are made and mixed, each with a weight by how well it did so far, and how far off
//! the mixture usually is says how many bits the correction may take. All of it is arithmetic in a fixed order, so
//! writer and reader come to the same predictions.

use super::{numbers::Numbers, range::Bits};
use crate::Error;

/// Columns that a prediction may look at beside its own.
const MOST_BESIDE: usize = 4;

/// Predictions that are mixed: last value, trend, smoothed value, two for each column beside.
const PREDICTIONS: usize = 3 + 2 * MOST_BESIDE;

/// What is known of one kind of column from those coded before.
#[derive(Clone)]
pub(super) struct Memory {
    /// The last column of the kind, gaps filled.
    pub(super) last: Vec<f64>,
    /// How far off each of its values was.
    off: Vec<f64>,
    /// How far off each prediction usually is.
    costs: [f64; PREDICTIONS],
    /// Slopes against the columns beside: products and squares of their changes.
    slopes: [(f64, f64); MOST_BESIDE],
    /// First values of the columns beside, the last time, and how far off they usually lead.
    first_beside: [f64; MOST_BESIDE],
    first_costs: [f64; MOST_BESIDE],
    /// How far off the mixture usually is.
    usual: f64,
    columns: u32,
}

impl Memory {
    pub(super) fn new() -> Self {
        Self {
            last: Vec::new(),
            off: Vec::new(),
            costs: [1.0; PREDICTIONS],
            // Figures of the same step that belong together mostly change alike.
            slopes: [(1.0, 1.0); MOST_BESIDE],
            first_beside: [0.0; MOST_BESIDE],
            first_costs: [1_000.0; MOST_BESIDE],
            usual: 24.0,
            columns: 0,
        }
    }

    /// Expects numbers of about this size before any is known.
    pub(super) fn expecting(first: f64, later: f64) -> Self {
        Self { usual: later, first_costs: [first; MOST_BESIDE], ..Self::new() }
    }
}

/// The values of a column as they become known, and the mixture that predicts the next.
struct Course<'a> {
    beside: &'a [&'a [f64]],
    values: Vec<f64>,
    smooth: f64,
    smooth_beside: [f64; MOST_BESIDE],
    costs: [f64; PREDICTIONS],
    slopes: [(f64, f64); MOST_BESIDE],
}

fn value_at(column: &[f64], place: usize) -> f64 {
    column.get(place).or(column.last()).copied().unwrap_or(0.0)
}

impl Course<'_> {
    fn slope(&self, which: usize) -> f64 {
        let (product, square) = self.slopes[which];
        if square > 0.0 { (product / square).clamp(-64.0, 64.0) } else { 0.0 }
    }

    fn predictions(&self, place: usize) -> [f64; PREDICTIONS] {
        let mut all = [0.0; PREDICTIONS];
        let Some(last) = place.checked_sub(1).map(|before| self.values[before]) else {
            return all;
        };
        let before_last = if place >= 2 { self.values[place - 2] } else { last };
        all[0] = last;
        all[1] = last + 0.5 * (last - before_last);
        all[2] = self.smooth;
        for (which, column) in self.beside.iter().enumerate() {
            let slope = self.slope(which);
            let now = value_at(column, place);
            all[3 + 2 * which] = last + slope * (now - value_at(column, place - 1));
            all[4 + 2 * which] = self.smooth + slope * (now - self.smooth_beside[which]);
        }
        for which in self.beside.len()..MOST_BESIDE {
            all[3 + 2 * which] = last;
            all[4 + 2 * which] = last;
        }
        all
    }

    fn mixture(&self, predictions: &[f64; PREDICTIONS]) -> f64 {
        let used = 3 + 2 * self.beside.len();
        let (mut sum, mut weights) = (0.0, 0.0);
        for (prediction, cost) in predictions.iter().zip(&self.costs).take(used) {
            let weight = 1.0 / (cost * cost + 0.05);
            let weight = weight * weight * weight;
            sum += weight * prediction;
            weights += weight;
        }
        sum / weights
    }

    fn learn(&mut self, place: usize, predictions: &[f64; PREDICTIONS], value: f64) {
        if let Some(before) = place.checked_sub(1) {
            for (cost, prediction) in self.costs.iter_mut().zip(predictions) {
                *cost += 0.2 * ((prediction - value).abs() - *cost);
            }
            let change = value - self.values[before];
            for (which, column) in self.beside.iter().enumerate() {
                let change_beside = value_at(column, place) - value_at(column, before);
                let (product, square) = &mut self.slopes[which];
                *product = 0.95 * *product + change * change_beside;
                *square = 0.95 * *square + change_beside * change_beside;
            }
        }
        let follow = if place == 0 { 1.0 } else { 0.3 };
        self.smooth += follow * (value - self.smooth);
        for (which, column) in self.beside.iter().enumerate() {
            self.smooth_beside[which] += follow * (value_at(column, place) - self.smooth_beside[which]);
        }
        self.values.push(value);
    }
}

/// Predictions of a first value: that of the column before, moved as the columns beside have moved since.
struct First {
    predictions: [f64; MOST_BESIDE],
    used: usize,
    costs: [f64; MOST_BESIDE],
    /// How far off the mixture is likely to be: it follows the best of them.
    expected: f64,
    rate: f64,
}

impl First {
    fn new(memory: &Memory, earlier: &[f64], beside: &[&[f64]]) -> Self {
        let before = value_at(earlier, 0);
        let mut predictions = [before; MOST_BESIDE];
        for (which, column) in beside.iter().enumerate().skip(1) {
            predictions[which] = before + value_at(column, 0) - memory.first_beside[which];
        }
        let used = beside.len().max(1);
        let best = memory.first_costs.iter().take(used).fold(f64::INFINITY, |best, cost| best.min(*cost));
        let rate = if memory.columns == 0 { 1.0 } else { 0.5 };
        Self { predictions, used, costs: memory.first_costs, expected: best, rate }
    }

    fn mixture(&self) -> f64 {
        let (mut sum, mut weights) = (0.0, 0.0);
        for (prediction, cost) in self.predictions.iter().zip(&self.costs).take(self.used) {
            let weight = 1.0 / (cost * cost + 0.05);
            let weight = weight * weight;
            sum += weight * prediction;
            weights += weight;
        }
        sum / weights
    }

    fn learn(&mut self, value: f64) {
        for (cost, prediction) in self.costs.iter_mut().zip(&self.predictions) {
            *cost += self.rate * ((prediction - value).abs() - *cost);
        }
    }
}

/// Codes a column; `None` entries are gaps that are known on both sides and cost nothing.
///
/// `beside` are columns known already, at most three; the last column of the same kind joins them.
pub(super) fn code<B: Bits>(
    bits: &mut B,
    numbers: &mut Numbers,
    memory: &mut Memory,
    beside: &[&[f64]],
    column: &mut [Option<i64>],
) -> Result<(), Error> {
    let earlier = std::mem::take(&mut memory.last);
    let off_earlier = std::mem::take(&mut memory.off);
    let columns: Vec<&[f64]> =
        std::iter::once(earlier.as_slice()).chain(beside.iter().copied()).take(MOST_BESIDE).collect();
    let mut course = Course {
        beside: &columns,
        values: Vec::with_capacity(column.len()),
        smooth: 0.0,
        smooth_beside: [0.0; MOST_BESIDE],
        costs: memory.costs,
        slopes: memory.slopes,
    };
    let mut off = Vec::with_capacity(column.len());
    let mean_earlier = mean(&off_earlier);
    let mut first = First::new(memory, &earlier, &columns);
    let mut recent = memory.usual;
    let mut before = 0;
    let mut started = false;
    for (place, entry) in column.iter_mut().enumerate() {
        let predictions = course.predictions(place);
        let Some(value) = entry else {
            // A gap goes on as its forerunner, so that the columns beside it find a number.
            let held = course.values.last().copied().unwrap_or_else(|| value_at(&earlier, place));
            course.learn(place, &predictions, held);
            off.push(recent);
            continue;
        };
        let (prediction, expected) = if started {
            let like_earlier = if mean_earlier > 0.0 {
                (value_at(&off_earlier, place) + 0.5 * mean_earlier) / (1.5 * mean_earlier)
            } else {
                1.0
            };
            (course.mixture(&predictions), recent * like_earlier.clamp(0.625, 1.6))
        } else {
            (first.mixture(), first.expected)
        };
        let prediction = prediction.round() as i64;
        let correction = value.wrapping_sub(prediction);
        let correction = numbers.signed(bits, expected, before, correction)?;
        *value = prediction.wrapping_add(correction);
        before = correction;
        let size = correction.unsigned_abs() as f64;
        if started {
            recent += 0.25 * (size - recent);
            off.push(size);
        } else {
            first.learn(*value as f64);
            off.push(mean_earlier);
            started = true;
        }
        course.learn(place, &predictions, *value as f64);
    }
    let Course { values, costs, slopes, .. } = course;
    if off.len() > 1 {
        let mean = mean(&off[1..]);
        memory.usual += (mean - memory.usual) / if memory.columns == 0 { 1.0 } else { 2.0 };
    }
    memory.first_costs = first.costs;
    for (memory, column) in memory.first_beside.iter_mut().zip(&columns) {
        *memory = value_at(column, 0);
    }
    memory.costs = costs;
    memory.slopes = slopes;
    memory.last = values;
    memory.off = off;
    memory.columns += 1;
    Ok(())
}

fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}
