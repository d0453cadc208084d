//! Distances of a list of pairs on the GPU.

use std::ops::Range;
use std::rc::Rc;

use super::Progress;
use super::flow::Flow;
use super::kernel::Kernel;
use super::rows::{self, Rows};
use super::set::Set;
use super::sweep::{Block, EDGE_BYTES, MOST_PAIRS, ReusableBuffer, TileCuts, placed};
use crate::error::Error;

impl Set<'_> {
    /// Computes the distances of a list of pairs, in the order of the list. Pairs may repeat, and
    /// may name one sequence twice.
    ///
    /// # Errors
    ///
    /// [`Error::PairOutOfRange`] for the first pair with an index out of range; [`Error::GpuLost`]
    /// or [`Error::GpuRefuses`] if the GPU fails.
    pub async fn pairs(&self, pairs: &[(u32, u32)], progress: Progress<'_>) -> Result<Vec<u32>, Error> {
        crate::pairs::check(pairs, self.len())?;
        let (matrices, others) = rows::find(pairs);
        let mut out = Out { distances: vec![0; pairs.len()], done: 0, progress };
        self.matrices(pairs, &matrices, &mut out).await?;
        self.list(pairs, &others, &mut out).await?;
        Ok(out.distances)
    }

    /// Computes unrelated pairs from parts of the list.
    async fn list(
        &self,
        pairs: &[(u32, u32)],
        parts: &[Range<usize>],
        out: &mut Out<'_>,
    ) -> Result<(), Error> {
        let kernel = Kernel::own(0, self.planes);
        // The shorter sequence is the pattern. Adjacent items have as many strips and a similar
        // number of columns.
        let strips = |item: &Item| kernel.strips(self.length(item.pattern));
        let item = |slot: usize| {
            let (a, b) = pairs[slot];
            let (a, b) = (self.numbers[a as usize], self.numbers[b as usize]);
            Item { pattern: a.min(b), text: a.max(b), slot: slot as u32 }
        };
        let items: Vec<Item> = parts.iter().cloned().flatten().map(item).collect();
        let items = sorted(&items, self.lengths.len(), |item| item.text as usize);
        let most = self.lengths.last().map_or(1, |&longest| kernel.strips(longest));
        let items = sorted(&items, most as usize + 1, |item| strips(item) as usize);

        let mut take = |batch: &[Item], found: &[u32]| {
            for (item, &distance) in batch.iter().zip(found) {
                out.distances[item.slot as usize] = distance;
            }
            out.more(batch.len() as u64);
        };
        let mut flow = Flow::new(self.gpu);
        let (mut results, mut edges) = (ReusableBuffer::new(), ReusableBuffer::new());
        let mut rest = items.as_slice();
        while !rest.is_empty() {
            let (batch, cells) = self.batch(rest);
            rest = &rest[batch.len()..];
            let words: Vec<u32> =
                (0..).zip(batch).flat_map(|(place, item)| [item.pattern, item.text, place, 0]).collect();
            let distances = results.of(self.gpu, batch.len() as u64);
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
        Ok(())
    }

    /// Computes matrix blocks whose pairs have positions in the list.
    async fn matrices(
        &self,
        pairs: &[(u32, u32)],
        matrices: &[Rows],
        out: &mut Out<'_>,
    ) -> Result<(), Error> {
        let mut flow = Flow::new(self.gpu);
        let (mut results, mut edges) = (ReusableBuffer::new(), ReusableBuffer::new());
        for matrix in matrices {
            let row_items = self.items(matrix.starts.iter().map(|&start| pairs[start].0 as usize));
            let column_items = self.items(pairs[matrix.columns()].iter().map(|pair| pair.1 as usize));
            let (row_items, column_items) = (Rc::new(row_items), Rc::new(column_items));
            let cut = TileCuts::new(self, &row_items, &column_items);
            let mut row = 0;
            while row < row_items.len() {
                let rows = cut.height(row, 0, self.gpu.pace.cells());
                let mut column = 0;
                while column < column_items.len() {
                    let columns = cut.width(&rows, column, self.gpu.pace.cells());
                    let stride = columns.len();
                    let distances = results.of(self.gpu, (rows.len() * stride) as u64);
                    let mut commands = self.gpu.commands();
                    let block = Block {
                        rows: &placed(&row_items[rows.clone()]),
                        columns: &placed(&column_items[columns.clone()]),
                        above_diagonal: None,
                        distances: &distances,
                        stride,
                    };
                    self.compute(&mut commands, &mut edges, &block).await?;
                    let (cells, words) = (cut.cells(&rows, &columns), (rows.len() * stride) as u64);
                    column = columns.end;
                    let part = Part {
                        matrix,
                        row_items: Rc::clone(&row_items),
                        column_items: Rc::clone(&column_items),
                        rows: rows.clone(),
                        columns,
                    };
                    if let Some((part, found)) = flow.submit(part, cells, commands, &distances, words).await?
                    {
                        part.take(&found, out);
                    }
                }
                row = rows.end;
            }
        }
        while let Some((part, found)) = flow.next().await? {
            part.take(&found, out);
        }
        Ok(())
    }

    /// The first items that fit one submission, and their cells.
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

/// Result and progress of a list.
struct Out<'a> {
    distances: Vec<u32>,
    done: u64,
    progress: Progress<'a>,
}

impl Out<'_> {
    fn more(&mut self, pairs: u64) {
        self.done += pairs;
        (self.progress)(self.done, self.distances.len() as u64);
    }
}

/// Part of a matrix block that is computed in one submission.
struct Part<'m> {
    matrix: &'m Rows,
    row_items: Rc<Vec<[u32; 2]>>,
    column_items: Rc<Vec<[u32; 2]>>,
    rows: Range<usize>,
    columns: Range<usize>,
}

impl Part<'_> {
    /// Writes the distances to their positions in the list.
    fn take(&self, found: &[u32], out: &mut Out<'_>) {
        let columns = &self.column_items[self.columns.clone()];
        let mut pairs = 0;
        for (row, line) in self.row_items[self.rows.clone()].iter().zip(found.chunks(columns.len())) {
            for (column, &distance) in columns.iter().zip(line) {
                if let Some(position) = self.matrix.position(row[1] as usize, column[1] as usize) {
                    out.distances[position] = distance;
                    pairs += 1;
                }
            }
        }
        out.more(pairs);
    }
}

/// Sorts items by a small key, stably.
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

/// A pair of library numbers and its position in the list.
#[derive(Clone, Copy)]
struct Item {
    pattern: u32,
    text: u32,
    slot: u32,
}
