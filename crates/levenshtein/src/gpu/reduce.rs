//! Reductions of distances on the GPU, so that few numbers are read back.

use super::Progress;
use super::device::{Gpu, Key};
use super::reduction::{MOST_LOCAL, Reduction};
use super::set::Set;
use super::sweep::{Reader, Region};
use crate::error::Error;

/// Direction in which the distances of a region are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Rows,
    Columns,
}

impl Direction {
    pub(super) const BOTH: [Self; 2] = [Self::Rows, Self::Columns];

    /// Positions of the lines in the order of the set.
    pub(super) fn lines(self, region: &Region) -> std::ops::Range<usize> {
        match self {
            Self::Rows => region.rows.clone(),
            Self::Columns => region.columns.clone(),
        }
    }

    /// Uniform words that all line shaders begin with.
    pub(super) fn call(self, region: &Region) -> [u32; 7] {
        let (rows, columns) = (&region.rows, &region.columns);
        let stride = columns.len() as u32;
        let [row, column] = [rows.start as u32, columns.start as u32];
        match self {
            Self::Rows => [rows.len() as u32, stride, stride, 1, row, column, 1],
            Self::Columns => [stride, rows.len() as u32, 1, stride, column, row, 0],
        }
    }
}

/// Dispatch size with one workgroup per line, in rows of 65,535.
pub(super) fn groups(lines: usize) -> [u32; 2] {
    let lines = lines as u32;
    [lines.clamp(1, 65_535), lines.div_ceil(65_535).max(1)]
}

/// Count, sum and sum of squares of distances.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moments {
    /// Number of distances.
    pub count: u64,
    /// Sum of the distances.
    pub sum: u64,
    /// Sum of the squares of the distances.
    pub squares: u64,
}

impl Moments {
    /// Moments of a histogram, where `counts[d]` distances are `d`.
    #[must_use]
    pub fn of(counts: &[u64]) -> Self {
        (0..).zip(counts).fold(Self::default(), |moments, (distance, &count)| Self {
            count: moments.count + count,
            sum: moments.sum + distance * count,
            squares: moments.squares + distance * distance * count,
        })
    }
}

/// Largest number of groups; there is a histogram for every two of them.
const MOST_GROUPS: u32 = 64;

impl Set<'_> {
    /// Computes the sum of each sequence's distances to all others.
    ///
    /// # Errors
    ///
    /// [`Error::GpuLost`] or [`Error::GpuRefuses`] if the GPU fails.
    pub async fn row_sums(&self, progress: Progress<'_>) -> Result<Vec<u64>, Error> {
        let pipeline = self.gpu.pipeline(Key::Reduction(Reduction::Sums)).await?;
        let unused = self.gpu.zeroed(0);
        let mut sums = Sums { pipeline, unused, of_place: vec![0; self.len()] };
        self.sweep(&mut sums, progress).await?;
        let mut of_sequence = vec![0; self.len()];
        for (&sequence, sum) in self.order.iter().zip(sums.of_place) {
            of_sequence[sequence as usize] = sum;
        }
        Ok(of_sequence)
    }

    /// Counts each distance among all unordered pairs: element `d` of the result counts distance
    /// `d`.
    ///
    /// # Errors
    ///
    /// [`Error::GpuLost`] or [`Error::GpuRefuses`] if the GPU fails.
    pub async fn histogram(&self, progress: Progress<'_>) -> Result<Vec<u64>, Error> {
        let mut histograms = self.histograms(&vec![0; self.len()], progress).await?;
        Ok(histograms.pop().unwrap_or_default())
    }

    /// Counts each distance between groups of sequences. For G groups the result has G x G
    /// histograms; that of groups a and b, a <= b, is element `G a + b`, the others are empty.
    /// [`Moments::of`] gives the mean and variance of one.
    ///
    /// # Errors
    ///
    /// [`Error::WrongGroups`] unless each sequence has a group from 0 to 63; [`Error::GpuTooLarge`]
    /// if the histograms do not fit; [`Error::GpuLost`] or [`Error::GpuRefuses`] if the GPU fails.
    pub async fn histograms(&self, groups: &[u32], progress: Progress<'_>) -> Result<Vec<Vec<u64>>, Error> {
        if groups.len() != self.len() || groups.iter().any(|&group| group >= MOST_GROUPS) {
            let (groups, sequences) = (groups.len(), self.len());
            return Err(Error::WrongGroups { groups, sequences, most: MOST_GROUPS - 1 });
        }
        let count = groups.iter().max().map_or(1, |&most| most + 1);
        let bins = self.lengths.last().map_or(1, |&longest| longest + 1);
        let words = count * count * bins;
        self.gpu.fits("the histograms", 4 * u64::from(words))?;
        let local = count * bins <= MOST_LOCAL && 4 * MOST_LOCAL <= self.gpu.workgroup_bytes();
        let in_order: Vec<u32> = self.order.iter().map(|&i| groups[i as usize]).collect();
        let mut counts = Counts {
            pipeline: self.gpu.pipeline(Key::Reduction(Reduction::Counts { local })).await?,
            groups: self.gpu.upload(&in_order, wgpu::BufferUsages::STORAGE),
            shape: [count, bins],
            sums: vec![0; words as usize],
        };
        self.sweep(&mut counts, progress).await?;
        Ok(counts.sums.chunks(bins as usize).map(<[u64]>::to_vec).collect())
    }
}

struct Sums {
    pipeline: wgpu::ComputePipeline,
    /// Placeholder for a binding that the shader does not read.
    unused: wgpu::Buffer,
    of_place: Vec<u64>,
}

impl Reader for Sums {
    fn record(
        &mut self,
        gpu: &Gpu,
        commands: &mut wgpu::CommandEncoder,
        region: &Region,
    ) -> (wgpu::Buffer, u64) {
        let words = (region.rows.len() + region.columns.len()) as u64;
        let all = gpu.zeroed(words);
        let mut before = 0;
        for direction in Direction::BOTH {
            let lines = direction.lines(region).len();
            let sums = gpu.zeroed(lines as u64);
            let [a, b, c, d, e, f, g] = direction.call(region);
            let unused = &self.unused;
            let buffers = [unused, unused, unused, unused, &region.distances, &sums];
            let mut pass = commands.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            gpu.record(&mut pass, &self.pipeline, &[a, b, c, d, e, f, g, 0, 0], buffers, groups(lines));
            drop(pass);
            commands.copy_buffer_to_buffer(&sums, 0, &all, before, 4 * lines as u64);
            before += 4 * lines as u64;
        }
        (all, words)
    }

    fn take(&mut self, region: &Region, words: &[u32]) {
        let places = Direction::BOTH.into_iter().flat_map(|direction| direction.lines(region));
        for (place, &sum) in places.zip(words) {
            self.of_place[place] += u64::from(sum);
        }
    }
}

struct Counts {
    pipeline: wgpu::ComputePipeline,
    groups: wgpu::Buffer,
    /// Number of groups, and number of counts per pair of groups.
    shape: [u32; 2],
    sums: Vec<u64>,
}

impl Reader for Counts {
    fn record(
        &mut self,
        gpu: &Gpu,
        commands: &mut wgpu::CommandEncoder,
        region: &Region,
    ) -> (wgpu::Buffer, u64) {
        let counts = gpu.zeroed(self.sums.len() as u64);
        let [a, b, c, d, e, f, g] = Direction::Rows.call(region);
        let [first, second] = self.shape;
        let given = &self.groups;
        let buffers = [given, given, given, given, &region.distances, &counts];
        let mut pass = commands.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
        let call = [a, b, c, d, e, f, g, first, second];
        gpu.record(&mut pass, &self.pipeline, &call, buffers, groups(region.rows.len()));
        drop(pass);
        (counts, self.sums.len() as u64)
    }

    fn take(&mut self, _: &Region, words: &[u32]) {
        for (sum, &count) in self.sums.iter_mut().zip(words) {
            *sum += u64::from(count);
        }
    }
}
