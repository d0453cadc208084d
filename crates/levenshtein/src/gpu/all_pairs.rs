//! Distances of all pairs of a set, read back from the GPU.

use super::Progress;
use super::device::Gpu;
use super::set::Set;
use super::sweep::{Reader, Region};
use crate::all_pairs::{condensed, triangle};
use crate::error::Error;

impl Set<'_> {
    /// Computes the distances of all unordered pairs in condensed order, like
    /// [`all_pairs`](crate::all_pairs()).
    ///
    /// # Errors
    ///
    /// [`Error::GpuLost`] or [`Error::GpuRefuses`] if the GPU fails.
    pub async fn all_pairs(&self, progress: Progress<'_>) -> Result<Vec<u32>, Error> {
        let mut all = All { order: &self.order, distances: vec![0; triangle(self.len())] };
        self.sweep(&mut all, progress).await?;
        Ok(all.distances)
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
