//! The distances of a list of pairs.

use super::Progress;
use super::flow::Flow;
use super::kernel::Kernel;
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
        let kernel = Kernel::own(0, self.planes);
        // The shorter sequence is the pattern. Neighbours have as many strips and about as many columns.
        let strips = |item: &Item| kernel.strips(self.length(item.pattern));
        let items: Vec<Item> = (0..)
            .zip(pairs)
            .map(|(slot, &(a, b))| {
                let (a, b) = (self.numbers[a as usize], self.numbers[b as usize]);
                Item { pattern: a.min(b), text: a.max(b), slot }
            })
            .collect();
        let items = sorted(&items, self.lengths.len(), |item| item.text as usize);
        let most = self.lengths.last().map_or(1, |&longest| kernel.strips(longest));
        let items = sorted(&items, most as usize + 1, |item| strips(item) as usize);

        let mut out = vec![0; pairs.len()];
        let mut done = 0;
        let mut take = |batch: &[Item], found: &[u32]| {
            for (item, &distance) in batch.iter().zip(found) {
                out[item.slot as usize] = distance;
            }
            done += batch.len() as u64;
            progress(done, pairs.len() as u64);
        };
        let mut flow = Flow::new(self.gpu);
        let (mut room, mut edges) = (Room::new(), Room::new());
        let mut rest = items.as_slice();
        while !rest.is_empty() {
            let (batch, cells) = self.batch(rest);
            rest = &rest[batch.len()..];
            let words: Vec<u32> =
                (0..).zip(batch).flat_map(|(place, item)| [item.pattern, item.text, place, 0]).collect();
            let distances = room.of(self.gpu, batch.len() as u64);
            let mut commands = self.gpu.commands();
            self.compute_list(&mut commands, &mut edges, &words, &distances).await?;
            let words = batch.len() as u64;
            if let Some((batch, found)) = flow.submit(batch, cells, commands, &distances, words).await? {
                take(batch, &found);
            }
        }
        while let Some((batch, found)) = flow.next().await? {
            take(batch, &found);
        }
        Ok(out)
    }

    /// The first items that one submission computes, and their cells.
    fn batch<'i>(&self, items: &'i [Item]) -> (&'i [Item], u64) {
        let most = self.gpu.pace.cells();
        let (mut cells, mut count, mut longest) = (0, 0, 0);
        let kernel = Kernel::own(0, self.planes);
        for item in items.iter().take(MOST_PAIRS) {
            let columns = self.length(item.text);
            longest = longest.max(columns);
            let rows = u64::from(self.length(item.pattern).next_multiple_of(32).max(32));
            let edges = 4 * (count as u64 + 1) * Kernel::edge_words(longest);
            let several = kernel.strips(self.length(item.pattern)) > 1;
            let enough = cells >= most || (several && edges > EDGE_BYTES);
            if enough && count > 0 {
                break;
            }
            cells += rows * u64::from(columns.max(1));
            count += 1;
        }
        (&items[..count], cells)
    }
}

/// Items in the order of a small key; those of one key keep theirs.
fn sorted(items: &[Item], keys: usize, key: impl Fn(&Item) -> usize) -> Vec<Item> {
    let mut places = vec![0; keys];
    for item in items {
        places[key(item)] += 1;
    }
    let mut before = 0;
    for place in &mut places {
        before += std::mem::replace(place, before);
    }
    let mut out = items.to_vec();
    for item in items {
        let place = &mut places[key(item)];
        out[*place] = *item;
        *place += 1;
    }
    out
}

/// A pair by numbers of the library, and its place in the list.
#[derive(Clone, Copy)]
struct Item {
    pattern: u32,
    text: u32,
    slot: u32,
}
