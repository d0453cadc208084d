//! What a chart of courses draws: the values in the range of the axis, smoothed, cut at the edges of the range.

use report::Series;

use super::{Line, Lines};
use crate::series;

/// One point of a line.
pub(super) struct Point {
    /// Position on the axis.
    pub x: u64,
    /// Checkpoint at which the point is reached; the later of two between them.
    pub checkpoint: usize,
    /// Whether this is a checkpoint, not a cut at the edge of the range.
    pub is_checkpoint: bool,
    /// Value, lower and upper bound, value of the reference.
    pub values: [Option<f64>; 4],
    /// The value that is not smoothed.
    pub raw: Option<f64>,
}

impl Lines<'_> {
    /// Indices of the checkpoints in the range.
    pub(crate) fn visible(&self) -> Vec<usize> {
        let places = self.axis.places(self.report);
        (0..places.len()).filter(|&at| self.scale.shows(places[at])).collect()
    }

    /// Whether all values, of the reference too, are above 0.
    pub(crate) fn are_positive(&self) -> bool {
        let values =
            self.courses.iter().flat_map(|line| line.value.iter().chain(line.reference.iter().flatten()));
        values.flatten().all(|&value| value > 0.0)
    }

    /// The points of a line in the range, in order.
    pub(super) fn points(&self, line: &Line) -> Vec<Point> {
        let places = self.axis.places(self.report);
        let smooth = |values: &Series| running_mean(values, self.smooth, places.len());
        let (value, reference) = (smooth(&line.value), line.reference.as_ref().map(smooth));
        let at = |at: usize| {
            let band = |pick: fn(&(Series, Series)) -> &Series| {
                line.band.as_ref().and_then(|band| series::at(pick(band), at))
            };
            let reference = reference.as_ref().and_then(|values| series::at(values, at));
            [series::at(&value, at), band(|band| &band.0), band(|band| &band.1), reference]
        };
        let (first, last) = self.scale.range;
        let mut points = Vec::new();
        for (checkpoint, &x) in places.iter().enumerate() {
            // The line between this checkpoint and the one before may cross an edge of the range.
            let before = checkpoint.checked_sub(1).and_then(|before| Some((before, *places.get(before)?)));
            if let Some((before, from)) = before {
                for edge in [first, last].into_iter().filter(|edge| from < *edge && *edge < x) {
                    let share = |place: u64| self.scale.share(place as f64);
                    let part = (share(edge) - share(from)) / (share(x) - share(from));
                    let (earlier, later) = (at(before), at(checkpoint));
                    let mut values = [None; 4];
                    for (place, value) in values.iter_mut().enumerate() {
                        *value = earlier[place].zip(later[place]).map(|ends| self.between(ends, part));
                    }
                    points.push(Point { x: edge, checkpoint, is_checkpoint: false, values, raw: None });
                }
            }
            if self.scale.shows(x) {
                let raw = series::at(&line.value, checkpoint);
                points.push(Point { x, checkpoint, is_checkpoint: true, values: at(checkpoint), raw });
            }
        }
        points
    }

    /// The value at a part of the way between two others, on a straight line of the chart.
    fn between(&self, (from, to): (f64, f64), part: f64) -> f64 {
        if self.log && from > 0.0 && to > 0.0 {
            from * libm::pow(to / from, part)
        } else {
            from + part * (to - from)
        }
    }
}

/// The mean of each value and its neighbours, `width` values in all; undefined where the value is. At the ends, fewer
/// neighbours count.
fn running_mean(values: &Series, width: usize, checkpoints: usize) -> Series {
    let reach = width / 2;
    let mean = |at: usize| {
        series::at(values, at)?;
        let near: Vec<f64> =
            (at.saturating_sub(reach)..=at + reach).filter_map(|near| series::at(values, near)).collect();
        Some(near.iter().sum::<f64>() / near.len() as f64)
    };
    (0..checkpoints).map(mean).collect()
}

#[cfg(test)]
mod tests {
    use super::running_mean;

    #[test]
    fn a_running_mean_skips_gaps_and_keeps_them() {
        let values = vec![Some(1.0), Some(4.0), None, Some(2.0), Some(6.0)];
        assert_eq!(running_mean(&values, 1, 5), values);
        assert_eq!(running_mean(&values, 3, 5), [Some(2.5), Some(2.5), None, Some(4.0), Some(4.0)]);
        assert_eq!(running_mean(&values, 5, 5)[1], Some(7.0 / 3.0));
    }
}
