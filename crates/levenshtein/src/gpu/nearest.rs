//! The nearest others of every sequence.

use super::Progress;
use super::device::{Gpu, Key};
use super::reduce::{Direction, groups};
use super::reduction::Reduction;
use super::set::Set;
use super::sweep::{Reader, Region};
use crate::error::Error;

/// Another sequence and how far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Neighbour {
    /// The distance.
    pub distance: u32,
    /// The other sequence's index.
    pub sequence: u32,
}

impl Set<'_> {
    /// For every sequence its `count` nearest others, the nearest first; of equally near ones the first in the
    /// set comes first. Fewer only where there are no more others.
    ///
    /// # Errors
    ///
    /// [`Error::GpuTooLarge`] where so many do not fit; [`Error::GpuLost`] and [`Error::GpuRefuses`] say what
    /// happened to the graphics processor.
    pub async fn nearest(&self, count: usize, progress: Progress<'_>) -> Result<Vec<Vec<Neighbour>>, Error> {
        let count = count.min(self.len().saturating_sub(1));
        // A region never has more lines than the set.
        self.gpu.fits("the nearest sequences", 16 * (count as u64) * self.len() as u64)?;
        let mut nearest = Nearest {
            pipeline: self.gpu.pipeline(Key::Reduction(Reduction::Nearest)).await?,
            order: self.gpu.upload(&self.order, wgpu::BufferUsages::STORAGE),
            count,
            of_place: vec![Vec::new(); self.len()],
        };
        self.sweep(&mut nearest, progress).await?;
        let mut of_sequence = vec![Vec::new(); self.len()];
        for (&sequence, neighbours) in self.order.iter().zip(nearest.of_place) {
            of_sequence[sequence as usize] = neighbours;
        }
        Ok(of_sequence)
    }
}

struct Nearest {
    pipeline: wgpu::ComputePipeline,
    order: wgpu::Buffer,
    count: usize,
    of_place: Vec<Vec<Neighbour>>,
}

impl Reader for Nearest {
    fn record(
        &mut self,
        gpu: &Gpu,
        commands: &mut wgpu::CommandEncoder,
        region: &Region,
    ) -> (wgpu::Buffer, u64) {
        let words = (2 * self.count * (region.rows.len() + region.columns.len())) as u64;
        let all = gpu.room(words);
        let mut before = 0;
        for direction in Direction::BOTH {
            let lines = direction.lines(region).len();
            let words = (2 * self.count * lines) as u64;
            let kept = gpu.room(words);
            let [a, b, c, d, e, f, g] = direction.call(region);
            let order = &self.order;
            let buffers = [order, order, order, order, &region.distances, &kept];
            let mut pass = commands.begin_compute_pass(&wgpu::ComputePassDescriptor::default());
            let count = self.count as u32;
            let call = [a, b, c, d, e, f, g, count, count.min(b)];
            gpu.record(&mut pass, &self.pipeline, &call, buffers, groups(lines));
            drop(pass);
            commands.copy_buffer_to_buffer(&kept, 0, &all, before, 4 * words);
            before += 4 * words;
        }
        (all, words)
    }

    fn take(&mut self, region: &Region, words: &[u32]) {
        if self.count == 0 {
            return;
        }
        let places = Direction::BOTH.into_iter().flat_map(|direction| direction.lines(region));
        for (place, kept) in places.zip(words.chunks(2 * self.count)) {
            let neighbours = &mut self.of_place[place];
            let found = kept.as_chunks::<2>().0.iter().filter(|kept| kept[0] > 0);
            neighbours.extend(found.map(|&[above, sequence]| Neighbour { distance: above - 1, sequence }));
            neighbours.sort_unstable();
            neighbours.truncate(self.count);
        }
    }
}
