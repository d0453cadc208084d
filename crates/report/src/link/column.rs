//! Codes columns of integers, predicted from their own past, from related columns and from the average
//! of earlier columns of the same kind.
//!
//! Several simple predictions are mixed, weighted by their past errors; the typical error of the
//! mixture sets the expected size of the residual. All arithmetic is in a fixed order, so writer
//! and reader predict the same values.

use super::{coder::Coder, numbers::Numbers};
use crate::Error;

/// Most related columns that a prediction uses, including the average of the same kind.
const MOST_RELATED: usize = 5;
/// Predictions from the column alone: last value, trend, smoothed value, mean.
const OWN: usize = 4;
/// Predictions per related column: its change added to last value, smoothed value and mean.
const EACH: usize = 3;
const PREDICTIONS: usize = OWN + EACH * MOST_RELATED;

/// Sum of squared changes from which a slope is trusted.
const PRIOR: f64 = 64.0;
/// Initial typical error of predictions from columns of another kind.
const UNLIKE: f64 = 4.0;
/// Typical error of predictions from the first column of a kind, once it is known, in those of the best
/// prediction from a column alone.
const TRUST: f64 = 0.3;
/// Weight of the newest error in a prediction's typical error.
const COST_RATE: f64 = 0.1;
/// Least weight of the newest column in the average of its kind.
const AVERAGE_RATE: f64 = 0.2;
/// Weight of the errors at the same place of earlier columns in the expected error.
const PLACE_WEIGHT: f64 = 0.15;

/// State learned from the columns of one kind.
#[derive(Clone)]
pub(super) struct Memory {
    /// Last column of the kind, with gaps filled.
    pub(super) last: Vec<f64>,
    /// Weighted average of all columns of the kind.
    average: Vec<f64>,
    /// Root of the typical error at each place.
    places: Vec<f64>,
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
            let at = OWN + (which + 1) * EACH;
            costs[at..at + EACH].fill(UNLIKE);
        }
        Self {
            last: Vec::new(),
            average: Vec::new(),
            places: Vec::new(),
            costs,
            slopes,
            first_related: [0.0; MOST_RELATED],
            first_costs: [first; MOST_RELATED],
            usual: later,
            columns: 0,
        }
    }

    /// Typical error so far.
    pub(super) fn usual(&self) -> f64 {
        self.usual
    }

    /// Adds a complete column to the state.
    fn add(&mut self, values: Vec<f64>) {
        let rate = (1.0 / (f64::from(self.columns) + 1.0)).max(AVERAGE_RATE);
        self.average.resize(values.len(), 0.0);
        for (average, value) in self.average.iter_mut().zip(&values) {
            *average += rate * (value - *average);
        }
        (self.last, self.columns) = (values, self.columns.saturating_add(1));
    }
}

fn value_at(column: &[f64], place: usize) -> f64 {
    column.get(place).or(column.last()).copied().unwrap_or(0.0)
}

fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// Mean of the known predictions, weighted by a power of their inverse errors.
fn mix(predictions: &[f64], costs: &[f64], power: u32) -> f64 {
    let (mut sum, mut weights) = (0.0, 0.0);
    for (prediction, cost) in predictions.iter().zip(costs).filter(|(prediction, _)| !prediction.is_nan()) {
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
    /// Recent values of the column and of the related ones.
    smooth: Level,
    /// All values so far.
    mean: Level,
}

/// Weighted mean of a column so far, and of the related columns over the same places.
#[derive(Default)]
struct Level {
    own: f64,
    related: [f64; MOST_RELATED],
}

impl Level {
    fn learn(&mut self, rate: f64, value: f64, related: &[&[f64]], place: usize) {
        self.own += rate * (value - self.own);
        for (level, column) in self.related.iter_mut().zip(related) {
            *level += rate * (value_at(column, place) - *level);
        }
    }
}

impl Progress<'_> {
    /// Predictions of the next value after the first; not a number where a related column is empty.
    fn predictions(&self, memory: &Memory) -> Vec<f64> {
        let place = self.values.len();
        let last = self.values.last().copied().unwrap_or(0.0);
        let before_last = place.checked_sub(2).map_or(last, |at| self.values[at]);
        let mut all = vec![last, last + 0.5 * (last - before_last), self.smooth.own, self.mean.own];
        for (which, column) in self.related.iter().enumerate() {
            if column.is_empty() {
                all.extend([f64::NAN; EACH]);
                continue;
            }
            let (product, square) = memory.slopes[which];
            let slope = if square > 0.0 { (product / square).clamp(-64.0, 64.0) } else { 0.0 };
            let now = value_at(column, place);
            all.push(last + slope * (now - value_at(column, place.saturating_sub(1))));
            for level in [&self.smooth, &self.mean] {
                all.push(level.own + slope * (now - level.related[which]));
            }
        }
        all
    }

    fn learn(&mut self, memory: &mut Memory, predictions: &[f64], value: f64) {
        let place = self.values.len();
        if let Some(last) = self.values.last() {
            let known = |(_, prediction): &(&mut f64, &f64)| !prediction.is_nan();
            for (cost, prediction) in memory.costs.iter_mut().zip(predictions).filter(known) {
                *cost += COST_RATE * ((prediction - value).abs() - *cost);
            }
            for ((product, square), column) in memory.slopes.iter_mut().zip(self.related) {
                let change = value_at(column, place) - value_at(column, place - 1);
                *product = 0.98 * *product + (value - last) * change;
                *square = 0.98 * *square + change * change;
            }
        }
        self.smooth.learn(if place == 0 { 1.0 } else { 0.3 }, value, self.related, place);
        self.mean.learn(1.0 / (place as f64 + 1.0), value, self.related, place);
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
/// `related` are up to four columns coded earlier; the average of the columns of the same kind is
/// added to them.
pub(super) fn code(
    coder: &mut Coder<'_>,
    numbers: &mut Numbers,
    memory: &mut Memory,
    related: &[&[f64]],
    column: &mut [Option<i64>],
) -> Result<(), Error> {
    let average = memory.average.clone();
    let related: Vec<&[f64]> =
        std::iter::once(&average[..]).chain(related.iter().copied()).take(MOST_RELATED).collect();
    if memory.columns == 1 {
        // Until now there was no column of the kind to predict from.
        let least = memory.costs.iter().take(OWN).copied().fold(f64::INFINITY, f64::min);
        memory.costs[OWN..OWN + EACH].fill(TRUST * least);
    }
    let mut progress =
        Progress { related: &related, values: Vec::new(), smooth: Level::default(), mean: Level::default() };
    // Errors are averaged by their roots, so that single large ones count less.
    let (mut errors, mut recent, mut before, mut started) = (Vec::new(), memory.usual.sqrt(), 0, false);
    for (place, entry) in column.iter_mut().enumerate() {
        let predictions = progress.predictions(memory);
        let Some(value) = entry else {
            // A gap repeats its predecessor, so that related columns have a value there.
            let held = progress.values.last().copied().unwrap_or_else(|| value_at(&memory.last, place));
            progress.learn(memory, &predictions, held);
            continue;
        };
        let first = first_predictions(memory, &related);
        let (prediction, expected) = if started {
            let known = memory.places.get(place).filter(|_| memory.columns > 0);
            let root = known.map_or(recent, |root| recent + PLACE_WEIGHT * (root - recent));
            (mix(&predictions, &memory.costs, 4), root * root)
        } else {
            let least = memory.first_costs.iter().take(first.len()).copied().fold(f64::INFINITY, f64::min);
            (mix(&first, &memory.first_costs, 2), least)
        };
        let prediction = prediction.round() as i64;
        before = numbers.signed(coder, expected, before, value.wrapping_sub(prediction))?;
        *value = prediction.wrapping_add(before);
        let (exact, error) = (*value as f64, before.unsigned_abs() as f64);
        if started {
            let root = error.sqrt();
            recent += 0.2 * (root - recent);
            errors.push(root);
            let rate = if memory.columns == 0 { 1.0 } else { 0.5 };
            memory.places.resize(memory.places.len().max(place + 1), root);
            memory.places[place] += rate * (root - memory.places[place]);
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
        let root = mean(&errors);
        memory.usual += (root * root - memory.usual) / if memory.columns == 0 { 1.0 } else { 2.0 };
    }
    for (first, column) in memory.first_related.iter_mut().zip(&related) {
        *first = value_at(column, 0);
    }
    memory.add(progress.values);
    Ok(())
}
