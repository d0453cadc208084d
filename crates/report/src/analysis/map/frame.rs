//! Measurement of a map at one checkpoint.

use levenshtein::Sequences;
use pathway::{Layout, MeanCells, Scaling};

use super::{
    limits::{EXACT_LAYOUT, EXACT_SAMPLES, LANDMARKS, MEAN_SIDE},
    measure::{block_size, measure, sequences, triangle},
    samples::MapSamples,
};
use crate::{
    analysis::{Analysis, Distances, Run, Watch},
    error::Error,
    settings::Settings,
};

/// All pairwise distances of a map's samples at one checkpoint.
#[derive(Clone, Debug)]
pub struct MapFrame {
    /// Rows of distances. Up to [`EXACT_SAMPLES`] samples, all distances `[S,S]` in the order of
    /// the run; otherwise means over the pairs of a cell, in the order of the map.
    pub cells: Vec<u16>,
    /// Number of cells per row.
    pub side: usize,
    /// First percentile of the distances.
    pub low: u16,
    /// 99th percentile of the distances.
    pub high: u16,
    /// Means within each domain and between every two, in the order of the run's domains.
    pub means: Vec<Mean>,
    /// Positions of the samples in a plane, in the order of the run (see [`Layout`]).
    pub points: Vec<[f64; 2]>,
    /// Share of the squared distances represented in the plane ([`Layout::share`]); of the
    /// landmarks, if any.
    pub share: Option<f64>,
    /// Whether the plane is fitted to landmarks only.
    pub landmarks: bool,
    /// Loss of each sample, in the order of the run, NaN if unknown.
    pub loss: Vec<f32>,
}

/// Mean distance between the samples of two domains, or within one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mean {
    /// Index of the first domain.
    pub first: usize,
    /// Index of the second domain, not smaller.
    pub second: usize,
    /// Number of pairs.
    pub pairs: u64,
    /// Sum of the distances.
    pub sum: u64,
}

impl Mean {
    /// The mean; `None` without pairs.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        (self.pairs > 0).then(|| self.sum as f64 / self.pairs as f64)
    }
}

impl Analysis {
    /// Measures a map at one checkpoint. `order` are the positions of the samples from
    /// [`Analysis::map_order`].
    ///
    /// # Errors
    /// [`Error::NoMap`] if the checkpoint is not analyzed; errors of the host.
    #[expect(clippy::too_many_arguments, reason = "the run, the request and the host")]
    pub async fn map_frame(
        &self,
        run: &Run,
        settings: &Settings,
        samples: &MapSamples,
        order: &[u32],
        checkpoint: usize,
        distances: &dyn Distances,
        watch: &dyn Watch,
    ) -> Result<MapFrame, Error> {
        let sequences = sequences(self, run, settings, samples, checkpoint)?;
        let number = samples.len();
        let mut cells = Cells::new(number, order);
        let mut counts = vec![0_u64; longest(&sequences) + 1];
        let domains = run.domains.len();
        let mut means = vec![(0_u64, 0_u64); domains * domains];
        let mut landmarks = Landmarks::new(number);
        // In the order of the map, so that adjacent samples share cells.
        let every = complete(order, number);
        let blocks = triangle(&every, || block_size(&sequences, distances));
        let take = |a: u32, b: u32, distance: u16| {
            let (a, b) = (a as usize, b as usize);
            cells.add(a, b, distance);
            if let Some(count) = counts.get_mut(usize::from(distance)) {
                *count += 1;
            }
            if let (Some(&first), Some(&second)) = (samples.domains.get(a), samples.domains.get(b))
                && let Some((pairs, sum)) = means.get_mut(first.min(second) * domains + first.max(second))
            {
                *pairs += 1;
                *sum += u64::from(distance);
            }
            landmarks.add(a, b, distance);
        };
        measure(&sequences, blocks, pathway::pair_count(number), distances, watch, take).await?;
        let means = means.into_iter().enumerate().filter(|(_, (pairs, _))| *pairs > 0);
        let means = means
            .map(|(at, (pairs, sum))| Mean { first: at / domains, second: at % domains, pairs, sum })
            .collect();
        let (low, high) = edges(&counts);
        let Layout { points, share, .. } = landmarks.layout(watch).await;
        let (cells, side) = cells.finish();
        let loss = run.checkpoints.get(checkpoint).map(|at| &at.loss);
        let loss =
            |&sample: &u32| loss.and_then(|loss| loss.get(sample as usize)).copied().unwrap_or(f32::NAN);
        Ok(MapFrame {
            cells,
            side,
            low,
            high,
            means,
            points,
            share,
            landmarks: number > EXACT_LAYOUT,
            loss: samples.samples.iter().map(loss).collect(),
        })
    }
}

/// `order` if it contains every sample once, else the order of the run.
fn complete(order: &[u32], samples: usize) -> Vec<u32> {
    let mut seen = vec![false; samples];
    let new =
        |&sample: &u32| seen.get_mut(sample as usize).is_some_and(|seen| !std::mem::replace(seen, true));
    if order.len() == samples && order.iter().all(new) {
        order.to_vec()
    } else {
        (0..samples as u32).collect()
    }
}

/// Length of the longest pathway, an upper bound of all distances.
fn longest(sequences: &Sequences) -> usize {
    sequences.iter().map(<[u16]>::len).max().unwrap_or(0).min(usize::from(u16::MAX))
}

/// First and 99th percentile of the distances.
fn edges(counts: &[u64]) -> (u16, u16) {
    let total: u64 = counts.iter().sum();
    let mut seen = 0;
    let (mut low, mut high) = (None, None);
    for (distance, count) in counts.iter().enumerate() {
        seen += count;
        if low.is_none() && 100 * seen >= total {
            low = Some(distance as u16);
        }
        if high.is_none() && 100 * seen >= 99 * total {
            high = Some(distance as u16);
        }
    }
    (low.unwrap_or(0), high.unwrap_or(0))
}

/// Distances kept for display: all of them, or means.
enum Cells {
    Exact { cells: Vec<u16>, samples: usize },
    Means { cells: MeanCells, place_of: Vec<u32> },
}

impl Cells {
    fn new(samples: usize, order: &[u32]) -> Self {
        if samples <= EXACT_SAMPLES {
            return Self::Exact { cells: vec![0; samples * samples], samples };
        }
        let mut place_of = vec![0; samples];
        for (place, &sample) in order.iter().enumerate() {
            if let Some(slot) = place_of.get_mut(sample as usize) {
                *slot = place as u32;
            }
        }
        Self::Means { cells: MeanCells::new(samples, MEAN_SIDE), place_of }
    }

    fn add(&mut self, a: usize, b: usize, distance: u16) {
        match self {
            Self::Exact { cells, samples } => {
                for at in [a * *samples + b, b * *samples + a] {
                    if let Some(cell) = cells.get_mut(at) {
                        *cell = distance;
                    }
                }
            }
            Self::Means { cells, place_of } => {
                if let (Some(&a), Some(&b)) = (place_of.get(a), place_of.get(b)) {
                    cells.add(a as usize, b as usize, distance);
                }
            }
        }
    }

    fn finish(self) -> (Vec<u16>, usize) {
        match self {
            Self::Exact { cells, samples } => (cells, samples),
            Self::Means { cells, .. } => (cells.finish(), cells.side()),
        }
    }
}

/// Distances of all samples to the landmarks, `[landmarks, S]`; with few samples, all are
/// landmarks.
struct Landmarks {
    samples: usize,
    /// The landmarks, ascending.
    chosen: Vec<u32>,
    /// Row of each sample that is a landmark.
    row_of: Vec<Option<u32>>,
    distances: Vec<u16>,
}

impl Landmarks {
    fn new(samples: usize) -> Self {
        let number = if samples <= EXACT_LAYOUT { samples } else { LANDMARKS };
        let chosen: Vec<u32> = (0..number).map(|at| (at * samples / number.max(1)) as u32).collect();
        let mut row_of = vec![None; samples];
        for (row, &sample) in chosen.iter().enumerate() {
            if let Some(slot) = row_of.get_mut(sample as usize) {
                *slot = Some(row as u32);
            }
        }
        Self { samples, distances: vec![0; number * samples], chosen, row_of }
    }

    fn add(&mut self, a: usize, b: usize, distance: u16) {
        for (from, to) in [(a, b), (b, a)] {
            if let Some(&Some(row)) = self.row_of.get(from)
                && let Some(slot) = self.distances.get_mut(row as usize * self.samples + to)
            {
                *slot = distance;
            }
        }
    }

    fn distance(&self, row: usize, sample: usize) -> f64 {
        self.distances.get(row * self.samples + sample).copied().map_or(0.0, f64::from)
    }

    async fn layout(&self, watch: &dyn Watch) -> Layout {
        let rows = self.chosen.len();
        let between = |a: usize, b: usize| {
            let other = self.chosen.get(b).copied().unwrap_or(0);
            self.distance(a, other as usize)
        };
        let mut scaling = Scaling::new(rows, between);
        while scaling.step() {
            watch.yield_now().await;
        }
        let mut layout = scaling.finish();
        if rows < self.samples {
            let place = |sample| layout.place((0..rows).map(|row| self.distance(row, sample)));
            layout.points = (0..self.samples).map(place).collect();
        }
        layout
    }
}
