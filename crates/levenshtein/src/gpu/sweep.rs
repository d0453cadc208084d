//! Tiles of a distance matrix, sized for short submissions, and the sweep over all tiles above the
//! diagonal.

use std::ops::Range;

use wgpu::BufferUsages;

use super::Progress;
use super::device::{Gpu, Key};
use super::flow::Flow;
use super::kernel::{GROUP, Kernel, MOST_GROUPS};
use super::set::{Buffers, Set};
use crate::error::Error;

/// Most distances per submission, 16 MiB: a list of them is one row of workgroups.
pub(super) const MOST_PAIRS: usize = (MOST_GROUPS * GROUP) as usize;
/// Number of workgroups that keeps any GPU busy.
const MANY_GROUPS: u32 = 4096;
/// Most blocks of 64 columns per table.
const MOST_BLOCKS: u32 = 8;
/// Most bytes for the edges between strips.
pub(super) const EDGE_BYTES: u64 = 64 << 20;

/// A rectangle of the distance matrix, whose rows and columns are in the order of [`Set::order`].
pub(super) struct Region {
    pub(super) rows: Range<usize>,
    pub(super) columns: Range<usize>,
    /// Distances in row-major order. Those on and below the diagonal are not written.
    pub(super) distances: wgpu::Buffer,
}

/// Consumer of the distances of each region.
pub(super) trait Reader {
    /// Records the processing of the distances; returns the buffer to read back and the number of
    /// words.
    fn record(
        &mut self,
        gpu: &Gpu,
        commands: &mut wgpu::CommandEncoder,
        region: &Region,
    ) -> (wgpu::Buffer, u64);
    /// Processes the words read back.
    fn take(&mut self, region: &Region, words: &[u32]);
}

/// A buffer that is reused while it is large enough.
pub(super) struct ReusableBuffer {
    buffer: Option<wgpu::Buffer>,
}

impl ReusableBuffer {
    pub(super) fn new() -> Self {
        Self { buffer: None }
    }

    pub(super) fn of(&mut self, gpu: &Gpu, words: u64) -> wgpu::Buffer {
        let kept = self.buffer.take().filter(|buffer| buffer.size() >= 4 * words);
        self.buffer.insert(kept.unwrap_or_else(|| gpu.zeroed(words))).clone()
    }
}

/// Partition of a matrix of items (number, position) into tiles.
pub(super) struct TileCuts {
    /// Cells per column of all rows before each row; one more entry than rows.
    rows: Vec<u64>,
    /// Symbols of all columns before each column; one more entry than columns.
    columns: Vec<u64>,
    /// Length of the longest text.
    longest: u32,
    strips: bool,
}

impl TileCuts {
    pub(super) fn new(set: &Set<'_>, rows: &[[u32; 2]], columns: &[[u32; 2]]) -> Self {
        let length = |item: &[u32; 2]| set.length(item[0]);
        let sums = |items: &[[u32; 2]], of: &dyn Fn(u32) -> u32| {
            let mut sum = 0;
            let sums = items.iter().map(|item| {
                sum += u64::from(of(length(item)));
                sum
            });
            std::iter::once(0).chain(sums).collect()
        };
        Self {
            rows: sums(rows, &|length| length.next_multiple_of(32).max(32)),
            columns: sums(columns, &|length| length.max(1)),
            longest: columns.iter().map(length).max().unwrap_or(0),
            strips: rows.iter().any(|item| {
                let kernel = set.kernel(length(item));
                kernel.strips(length(item)) > 1
            }),
        }
    }

    /// Number of cells of a tile.
    pub(super) fn cells(&self, rows: &Range<usize>, columns: &Range<usize>) -> u64 {
        (self.rows[rows.end] - self.rows[rows.start])
            * (self.columns[columns.end] - self.columns[columns.start])
    }

    /// Most pairs per submission.
    fn most_pairs(&self) -> usize {
        if !self.strips {
            return MOST_PAIRS;
        }
        let pairs = EDGE_BYTES / (4 * Kernel::edge_words(self.longest).max(1));
        MOST_PAIRS.min(pairs as usize)
    }

    /// Rows from `first` whose tile has at most `cells` cells; at least one. Tiles are about
    /// square, so that reductions along columns have enough distances per column.
    pub(super) fn height(&self, first: usize, column: usize, cells: u64) -> Range<usize> {
        let (rows, columns) = (self.rows.len() - 1, self.columns.len() - 1);
        let text = (self.columns[columns] / columns.max(1) as u64).max(1);
        let pairs = cells / text / (self.rows[rows] / rows.max(1) as u64).max(1);
        let square = text * pairs.isqrt().max(u64::from(GROUP));
        let texts = (self.columns[columns] - self.columns[column]).clamp(1, square);
        let end = self.rows.partition_point(|&sum| sum <= self.rows[first] + cells / texts) - 1;
        let most = self.most_pairs() / (columns - column).next_multiple_of(GROUP as usize).max(1);
        first..end.clamp(first + 1, first + most.clamp(1, MOST_GROUPS as usize)).min(rows)
    }

    /// Columns from `first` whose tile with these rows has at most `cells` cells; at least one
    /// workgroup.
    pub(super) fn width(&self, rows: &Range<usize>, first: usize, cells: u64) -> Range<usize> {
        let columns = self.columns.len() - 1;
        let patterns = (self.rows[rows.end] - self.rows[rows.start]).max(1);
        let end = self.columns.partition_point(|&sum| sum <= self.columns[first] + cells / patterns) - 1;
        let group = GROUP as usize;
        let most = (self.most_pairs() / rows.len().max(1)).clamp(group, group * MOST_GROUPS as usize);
        // Only the last workgroup may be partly used.
        let width = (end.max(first) - first).min(most) / group * group;
        first..(first + width.max(group)).min(columns)
    }
}

/// Items whose positions in the result are their positions in `items`.
pub(super) fn placed(items: &[[u32; 2]]) -> Vec<[u32; 2]> {
    (0..).zip(items).map(|(place, item)| [item[0], place]).collect()
}

/// Distances that one submission computes.
pub(super) struct Block<'a> {
    /// Rows: number and position in the result.
    pub(super) rows: &'a [[u32; 2]],
    /// Columns: number and position in the result.
    pub(super) columns: &'a [[u32; 2]],
    /// Start of rows and columns in a common order, if only pairs with the column after the row are
    /// computed.
    pub(super) above_diagonal: Option<[usize; 2]>,
    /// Output: the distance of row position r and column position c is at `stride r + c`.
    pub(super) distances: &'a wgpu::Buffer,
    pub(super) stride: usize,
}

impl Set<'_> {
    /// Kernel for rows of this length and many columns.
    pub(super) fn kernel(&self, rows: u32) -> Kernel {
        Kernel::shared(rows, self.alphabet, self.planes, self.gpu.workgroup_bytes())
            .unwrap_or_else(|| Kernel::own(rows, self.planes))
    }

    /// Records the computation of a block.
    pub(super) async fn compute(
        &self,
        commands: &mut wgpu::CommandEncoder,
        edges: &mut ReusableBuffer,
        block: &Block<'_>,
    ) -> Result<(), Error> {
        let Block { rows, columns, .. } = *block;
        let Some(first) = rows.first().filter(|_| !columns.is_empty()) else { return Ok(()) };
        if self.kernel(self.length(first[0])).is_own() {
            return self.compute_as_list(commands, edges, block).await;
        }
        let words: Vec<u32> = rows.iter().chain(columns).flatten().copied().collect();
        let items = self.gpu.upload(&words, BufferUsages::STORAGE);
        let longest = columns.iter().map(|item| self.length(item[0])).max().unwrap_or(0);
        let padded = (columns.len() as u32).next_multiple_of(GROUP);
        let way = |item: &[u32; 2]| {
            let kernel = self.kernel(self.length(item[0]));
            (kernel, kernel.strips(self.length(item[0])))
        };
        let mut start = 0;
        for run in rows.chunk_by(|x, y| way(x) == way(y)) {
            let (kernel, strips) = way(&run[0]);
            let lanes = run.len() as u32 * padded;
            let edge_words = if strips > 1 { u64::from(lanes) * Kernel::edge_words(longest) } else { 0 };
            let edges = edges.of(self.gpu, edge_words);
            // A table is used for several blocks of columns if there are more than enough
            // workgroups.
            let blocks = if strips > 1 { 1 } else { (lanes / GROUP / MANY_GROUPS).clamp(1, MOST_BLOCKS) };
            let [row_base, column_base] = block
                .above_diagonal
                .map_or([0, rows.len() + run.len()], |[row, column]| [row + start, column]);
            let call = [
                start as u32,
                run.len() as u32,
                columns.len() as u32,
                rows.len() as u32,
                strips,
                block.stride as u32,
                lanes,
                row_base as u32,
                column_base as u32,
                blocks,
            ];
            let pipeline = self.gpu.pipeline(Key::Distances(kernel)).await?;
            let Buffers { texts, places, planes } = &self.buffers;
            let buffers = [texts, places, planes, &items, block.distances, &edges];
            let mut pass = commands.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            let groups = [(padded / GROUP).div_ceil(blocks), run.len() as u32];
            self.gpu.record(&mut pass, &pipeline, &call, buffers, groups);
            start += run.len();
        }
        Ok(())
    }

    /// Records a block as a list of pairs, if no table of the alphabet fits.
    async fn compute_as_list(
        &self,
        commands: &mut wgpu::CommandEncoder,
        edges: &mut ReusableBuffer,
        block: &Block<'_>,
    ) -> Result<(), Error> {
        let mut items = Vec::new();
        for (r, row) in block.rows.iter().enumerate() {
            for (c, column) in block.columns.iter().enumerate() {
                if block.above_diagonal.is_none_or(|[row, first]| first + c > row + r) {
                    let place = row[1] as usize * block.stride + column[1] as usize;
                    items.extend([row[0], column[0], place as u32, 0]);
                }
            }
        }
        self.compute_list(commands, edges, &items, block.distances).await
    }

    /// Records a list of pairs: pattern, text, place of the distance and 0 for each.
    pub(super) async fn compute_list(
        &self,
        commands: &mut wgpu::CommandEncoder,
        edges: &mut ReusableBuffer,
        items: &[u32],
        distances: &wgpu::Buffer,
    ) -> Result<(), Error> {
        if items.is_empty() {
            return Ok(());
        }
        let pairs = items.as_chunks::<4>().0;
        let rows = pairs.iter().map(|pair| self.length(pair[0])).max().unwrap_or(0);
        let kernel = Kernel::own(rows, self.planes);
        let strips = kernel.strips(rows);
        let longest = pairs.iter().map(|pair| self.length(pair[1])).max().unwrap_or(0);
        let lanes = (pairs.len() as u32).next_multiple_of(GROUP);
        let edge_words = if strips > 1 { u64::from(lanes) * Kernel::edge_words(longest) } else { 0 };
        let edges = edges.of(self.gpu, edge_words);
        let call = [0, pairs.len() as u32, 0, 0, strips, 0, lanes, 0, 0, 1];
        let pipeline = self.gpu.pipeline(Key::Distances(kernel)).await?;
        let items = self.gpu.upload(items, BufferUsages::STORAGE);
        let Buffers { texts, places, planes } = &self.buffers;
        let buffers = [texts, places, planes, &items, distances, &edges];
        let mut pass = commands.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        self.gpu.record(&mut pass, &pipeline, &call, buffers, [lanes / GROUP, 1]);
        Ok(())
    }

    /// Computes the distances of all unordered pairs, region by region.
    pub(super) async fn sweep<R: Reader>(&self, reader: &mut R, progress: Progress<'_>) -> Result<(), Error> {
        let count = self.len();
        let total = (count * count.saturating_sub(1) / 2) as u64;
        let items: Vec<[u32; 2]> = self.order.iter().map(|&i| [self.numbers[i as usize], 0]).collect();
        let cut = TileCuts::new(self, &items, &items);
        let (mut results, mut edges) = (ReusableBuffer::new(), ReusableBuffer::new());
        let mut flow = Flow::new(self.gpu);
        let mut done = 0;
        let mut take = |reader: &mut R, region: &Region, words: &[u32]| {
            reader.take(region, words);
            let columns = &region.columns;
            let after = |row: usize| columns.end.saturating_sub(columns.start.max(row + 1)) as u64;
            done += region.rows.clone().map(after).sum::<u64>();
            progress(done, total);
        };
        let mut row = 0;
        while row + 1 < count {
            let mut rows = cut.height(row, row + 1, self.gpu.pace.cells());
            // The part of the first tile below the diagonal is wasted, so the tile is small.
            rows.end = rows.end.min(row + ((count - row) / 16).max(GROUP as usize)).min(count - 1);
            let mut column = row + 1;
            while column < count {
                let columns = cut.width(&rows, column, self.gpu.pace.cells());
                let stride = columns.len();
                let distances = results.of(self.gpu, (rows.len() * stride) as u64);
                let region = Region { rows: rows.clone(), columns: columns.clone(), distances };
                let mut commands = self.gpu.commands();
                let block = Block {
                    rows: &placed(&items[rows.clone()]),
                    columns: &placed(&items[columns.clone()]),
                    above_diagonal: Some([rows.start, columns.start]),
                    distances: &region.distances,
                    stride,
                };
                self.compute(&mut commands, &mut edges, &block).await?;
                let (buffer, words) = reader.record(self.gpu, &mut commands, &region);
                let cells = cut.cells(&rows, &columns);
                if let Some((region, words)) = flow.submit(region, cells, commands, &buffer, words).await? {
                    take(reader, &region, &words);
                }
                column = columns.end;
            }
            row = rows.end;
        }
        while let Some((region, words)) = flow.next().await? {
            take(reader, &region, &words);
        }
        Ok(())
    }
}
