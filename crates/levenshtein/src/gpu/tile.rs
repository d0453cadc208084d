//! Rows by columns of distances: all pairs, tiles that stay on the GPU, and maps averaged down from them.

use std::ops::Range;

use super::Progress;
use super::device::{Gpu, Key};
use super::flow::Flow;
use super::reduction::Reduction;
use super::set::Set;
use super::sweep::{Block, Cut, Reader, Region, Room};
use crate::all_pairs::{condensed, triangle};
use crate::error::Error;

/// The longest side of a square that is averaged: the sum of its distances fits 32 bits.
const LONGEST_SIDE: usize = 512;
/// A map is computed in tiles of about so many distances.
const MAP_TILE: usize = 1 << 22;

/// Distances that stay on the GPU until they are asked for: row after row.
pub struct Tile<'g> {
    gpu: &'g Gpu,
    buffer: wgpu::Buffer,
    rows: usize,
    columns: usize,
}

/// Mean distances of squares of a tile.
#[derive(Clone, Debug, PartialEq)]
pub struct Map {
    /// How many squares from top to bottom.
    pub rows: usize,
    /// How many squares from left to right.
    pub columns: usize,
    /// `[rows, columns]` means, row after row.
    pub means: Vec<f32>,
}

impl Tile<'_> {
    /// How many rows and columns it has.
    #[must_use]
    pub fn shape(&self) -> [usize; 2] {
        [self.rows, self.columns]
    }

    /// `[rows, columns]` distances as u32, to be bound as a storage buffer or copied.
    #[must_use]
    pub fn buffer(&self) -> &wgpu::Buffer {
        &self.buffer
    }

    /// The distances, row after row.
    ///
    /// # Errors
    ///
    /// [`Error::GpuLost`] if the graphics processor went away.
    pub async fn read(&self) -> Result<Vec<u32>, Error> {
        let words = (self.rows * self.columns) as u64;
        self.gpu.read(self.gpu.commands(), &self.buffer, words).await
    }

    /// Its means over squares of `side` by `side` distances; those at the right and lower end may be smaller.
    ///
    /// # Errors
    ///
    /// [`Error::WrongFactor`] unless `side` is 1 to 512; [`Error::GpuLost`] and [`Error::GpuRefuses`].
    pub async fn averaged(&self, side: usize) -> Result<Map, Error> {
        check_side(side)?;
        let (rows, columns) = (self.rows.div_ceil(side), self.columns.div_ceil(side));
        let pipeline = self.gpu.pipeline(Key::Reduction(Reduction::Squares)).await?;
        let sums = self.gpu.room((rows * columns) as u64);
        let unused = &self.gpu.room(0);
        let mut commands = self.gpu.commands();
        if rows * columns > 0 {
            let call = [self.rows as u32, self.columns as u32, side as u32];
            let buffers = [unused, unused, unused, unused, &self.buffer, &sums];
            let groups = [columns.div_ceil(64) as u32, rows as u32];
            let mut pass = commands.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            self.gpu.record(&mut pass, &pipeline, &call, buffers, groups);
        }
        let sums = self.gpu.read(commands, &sums, (rows * columns) as u64).await?;
        let extent = |place: usize, all: usize| side.min(all - place * side);
        let mean = |(place, sum): (usize, u32)| {
            let (row, column) = (place / columns, place % columns);
            (f64::from(sum) / (extent(row, self.rows) * extent(column, self.columns)) as f64) as f32
        };
        Ok(Map { rows, columns, means: sums.into_iter().enumerate().map(mean).collect() })
    }
}

fn check_side(side: usize) -> Result<(), Error> {
    if (1..=LONGEST_SIDE).contains(&side) {
        Ok(())
    } else {
        Err(Error::WrongFactor { factor: side, most: LONGEST_SIDE })
    }
}

impl<'g> Set<'g> {
    /// The distances of all unordered pairs in condensed order, as [`all_pairs`](crate::all_pairs()) gives them.
    ///
    /// # Errors
    ///
    /// [`Error::GpuLost`] and [`Error::GpuRefuses`] say what happened to the graphics processor.
    pub async fn all_pairs(&self, progress: Progress<'_>) -> Result<Vec<u32>, Error> {
        let mut all = All { order: &self.order, distances: vec![0; triangle(self.len())] };
        self.sweep(&mut all, progress).await?;
        Ok(all.distances)
    }

    /// The distances of some consecutive sequences to some others; they stay on the GPU.
    ///
    /// # Errors
    ///
    /// [`Error::RangeOutOfRange`] for sequences that do not exist; [`Error::GpuTooLarge`] where the tile does not
    /// fit; [`Error::GpuLost`] and [`Error::GpuRefuses`].
    pub async fn tile(
        &self,
        rows: Range<usize>,
        columns: Range<usize>,
        progress: Progress<'_>,
    ) -> Result<Tile<'g>, Error> {
        let sequences = self.len();
        if let Some(range) = [&rows, &columns].into_iter().find(|r| r.start > r.end || r.end > sequences) {
            return Err(Error::RangeOutOfRange { start: range.start, end: range.end, sequences });
        }
        let pairs = rows.len() as u64 * columns.len() as u64;
        self.gpu.fits("the tile", 4 * pairs)?;
        let tile =
            Tile { gpu: self.gpu, buffer: self.gpu.room(pairs), rows: rows.len(), columns: columns.len() };
        let (rows, columns) = (self.items(rows), self.items(columns));
        let cut = Cut::new(self, &rows, &columns);
        let mut edges = Room::new();
        let mut flow = Flow::new(self.gpu);
        let (mut done, mut row) = (0, 0);
        while row < rows.len() && !columns.is_empty() {
            let some_rows = cut.height(row, 0, self.gpu.pace.cells());
            let mut column = 0;
            while column < columns.len() {
                let some_columns = cut.width(&some_rows, column, self.gpu.pace.cells());
                let mut commands = self.gpu.commands();
                let block = Block {
                    rows: &rows[some_rows.clone()],
                    columns: &columns[some_columns.clone()],
                    above_diagonal: None,
                    distances: &tile.buffer,
                    stride: tile.columns,
                };
                self.compute(&mut commands, &mut edges, &block).await?;
                // One word is read, to know when it is done.
                let some = (some_rows.len() * some_columns.len()) as u64;
                let cells = cut.cells(&some_rows, &some_columns);
                if let Some((some, _)) = flow.submit(some, cells, commands, &tile.buffer, 1).await? {
                    done += some;
                    progress(done, pairs);
                }
                column = some_columns.end;
            }
            row = some_rows.end;
        }
        while let Some((some, _)) = flow.next().await? {
            done += some;
            progress(done, pairs);
        }
        Ok(tile)
    }

    /// A map of the distances of some consecutive sequences to some others, each point the mean of a square of
    /// `side` by `side` distances. It may be larger than what fits on the GPU at once.
    ///
    /// # Errors
    ///
    /// [`Error::RangeOutOfRange`], [`Error::WrongFactor`], [`Error::GpuLost`] and [`Error::GpuRefuses`].
    pub async fn map(
        &self,
        rows: Range<usize>,
        columns: Range<usize>,
        side: usize,
        progress: Progress<'_>,
    ) -> Result<Map, Error> {
        check_side(side)?;
        // Lines of whole squares, and as many columns of them as fit.
        let high = (MAP_TILE / columns.len().max(1) / side * side).max(side);
        let wide = (MAP_TILE / high / side * side).max(side);
        let total = (rows.len() * columns.len()) as u64;
        let mut map =
            Map { rows: rows.len().div_ceil(side), columns: columns.len().div_ceil(side), means: Vec::new() };
        map.means.resize(map.rows * map.columns, 0.0);
        let mut done = 0;
        for top in rows.clone().step_by(high) {
            for left in columns.clone().step_by(wide) {
                let (bottom, right) = ((top + high).min(rows.end), (left + wide).min(columns.end));
                let tile =
                    self.tile(top..bottom, left..right, &mut |now, _| progress(done + now, total)).await?;
                done += ((bottom - top) * (right - left)) as u64;
                let part = tile.averaged(side).await?;
                let (first_row, first_column) = ((top - rows.start) / side, (left - columns.start) / side);
                for (row, means) in part.means.chunks(part.columns.max(1)).enumerate() {
                    let start = (first_row + row) * map.columns + first_column;
                    map.means[start..start + means.len()].copy_from_slice(means);
                }
            }
        }
        Ok(map)
    }
}

struct All<'a> {
    order: &'a [u32],
    distances: Vec<u32>,
}

impl Reader for All<'_> {
    fn record(&mut self, _: &Gpu, _: &mut wgpu::CommandEncoder, region: &Region) -> (wgpu::Buffer, u64) {
        (region.distances.clone(), (region.rows.len() * region.columns.len()) as u64)
    }

    fn take(&mut self, region: &Region, words: &[u32]) {
        for (row, line) in region.rows.clone().zip(words.chunks(region.columns.len())) {
            for (column, &distance) in region.columns.clone().zip(line).filter(|&(column, _)| column > row) {
                let place = condensed(self.order.len(), self.order[row], self.order[column]);
                self.distances[place] = distance;
            }
        }
    }
}
