//! The nearest others of every sequence.

use super::Progress;
use super::device::{Gpu, Key};
use super::reduce::{Direction, Reduction, groups};
use super::set::Set;
use super::sweep::{Reader, Region};
use crate::error::Error;

/// `attributes` are the sequences in their order, `first` is how many are kept, `second` how many of them there
/// can be. Of equally near ones the first
/// sequence is nearer. A kept one is two words: its distance plus one, 0 if there is none, and its index.
pub(super) const NEAREST: &str = "
@group(0) @binding(6) var<storage, read_write> kept: array<vec2<u32>>;
var<workgroup> best: array<vec2<u32>, 64>;

fn before(x: vec2<u32>, y: vec2<u32>) -> bool {
    return x.x < y.x || (x.x == y.x && x.y < y.y);
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
    let line = group.x + group.y * 65535u;
    var last = vec2<u32>(0u, 0u);
    for (var rank = 0u; rank < call.second; rank++) {
        var nearest = vec2<u32>(~0u, ~0u);
        if (line < call.lines) {
            for (var item = local; item < call.items; item += 64u) {
                if (wanted(line, item)) {
                    let candidate = vec2<u32>(at(line, item) + 1u, attributes[call.item_base + item]);
                    if (before(last, candidate) && before(candidate, nearest)) {
                        nearest = candidate;
                    }
                }
            }
        }
        best[local] = nearest;
        for (var half = 32u; half > 0u; half /= 2u) {
            workgroupBarrier();
            if (local < half && before(best[local + half], best[local])) {
                best[local] = best[local + half];
            }
        }
        workgroupBarrier();
        last = best[0];
        if (local == 0u && line < call.lines) {
            kept[line * call.first + rank] = select(last, vec2<u32>(0u, 0u), last.x == ~0u);
        }
        workgroupBarrier();
    }
}
";

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
