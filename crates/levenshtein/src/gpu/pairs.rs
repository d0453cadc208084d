//! The distances of a list of pairs.

use super::Progress;
use super::kernel::Kernel;
use super::pace::Stopwatch;
use super::set::Set;
use super::sweep::{EDGE_BYTES, MOST_PAIRS, Room};
use crate::error::Error;

impl Set<'_> {
    /// The distances of a list of pairs, in the order of the list. Pairs may repeat, and name one sequence twice.
    ///
    /// # Errors
    ///
    /// [`Error::PairOutOfRange`] names the first pair that has no such sequence; [`Error::GpuLost`] and
    /// [`Error::GpuRefuses`] say what happened to the graphics processor.
    pub async fn pairs(&self, pairs: &[(u32, u32)], progress: Progress<'_>) -> Result<Vec<u32>, Error> {
        crate::pairs::check(pairs, self.len())?;
        let kernel = Kernel::own(self.planes);
        // The shorter sequence is the pattern. Neighbours have as many strips and about as many columns.
        let mut items: Vec<Item> = (0..)
            .zip(pairs)
            .map(|(slot, &(a, b))| {
                let (a, b) = (self.numbers[a as usize], self.numbers[b as usize]);
                let (pattern, text) = (a.min(b), a.max(b));
                Item { strips: kernel.strips(self.length(pattern)), pattern, text, slot }
            })
            .collect();
        items.sort_unstable_by_key(|item| (item.strips, item.text, item.pattern));

        let mut out = vec![0; pairs.len()];
        let (mut room, mut edges) = (Room::new(), Room::new());
        let mut rest = items.as_slice();
        while !rest.is_empty() {
            let (batch, cells) = self.batch(rest);
            rest = &rest[batch.len()..];
            let words: Vec<u32> =
                (0..).zip(batch).flat_map(|(place, item)| [item.pattern, item.text, place, 0]).collect();
            let distances = room.of(self.gpu, batch.len() as u64);
            let watch = Stopwatch::start();
            let mut commands = self.gpu.commands();
            self.compute_list(&mut commands, &mut edges, &words, &distances).await?;
            let found = self.gpu.read(commands, &distances, batch.len() as u64).await?;
            self.gpu.pace.learn(cells, watch.milliseconds());
            for (item, distance) in batch.iter().zip(found) {
                out[item.slot as usize] = distance;
            }
            progress((items.len() - rest.len()) as u64, items.len() as u64);
        }
        Ok(out)
    }

    /// The first items that one submission computes, and their cells.
    fn batch<'i>(&self, items: &'i [Item]) -> (&'i [Item], u64) {
        let most = self.gpu.pace.cells();
        let (mut cells, mut count, mut longest) = (0, 0, 0);
        for item in items.iter().take(MOST_PAIRS) {
            let columns = self.length(item.text);
            longest = longest.max(columns);
            let rows = u64::from(self.length(item.pattern).next_multiple_of(32).max(32));
            let edges = 4 * (count as u64 + 1) * Kernel::edge_words(longest);
            let enough = cells >= most || (item.strips > 1 && edges > EDGE_BYTES);
            if enough && count > 0 {
                break;
            }
            cells += rows * u64::from(columns.max(1));
            count += 1;
        }
        (&items[..count], cells)
    }
}

/// A pair by numbers of the library, and its place in the list.
struct Item {
    strips: u32,
    pattern: u32,
    text: u32,
    slot: u32,
}
