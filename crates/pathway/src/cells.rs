//! Matrices of all pairwise distances: the blocks that they are computed in, and the averages of those that are too
//! large to be kept.

use std::ops::Range;

/// Rows of a triangle of all pairs `(i, j)`, `i < j`, cut into blocks of at most `most` pairs; a row that has more is a
/// block by itself. `most` is asked before each block. Together the blocks have every row once, in ascending order.
pub fn triangle_blocks(
    samples: usize,
    mut most: impl FnMut() -> usize,
) -> impl Iterator<Item = Range<usize>> {
    let rows = samples.saturating_sub(1);
    let mut start = 0;
    std::iter::from_fn(move || {
        if start == rows {
            return None;
        }
        let most = most();
        let mut end = start + 1;
        let mut pairs = samples - end;
        while end < rows && pairs + (samples - end - 1) <= most {
            pairs += samples - end - 1;
            end += 1;
        }
        Some(std::mem::replace(&mut start, end)..end)
    })
}

/// A symmetric matrix of distances, averaged down to fewer cells while it is computed.
///
/// The cell of two places is the mean over all pairs of different samples that fall into it.
#[derive(Clone, Debug)]
pub struct MeanCells {
    side: usize,
    /// For each place the row, or column, of cells that it is in.
    cell_of: Vec<u32>,
    /// Sum and number of the pairs of each cell on the diagonal and above it.
    cells: Vec<[u32; 2]>,
}

impl MeanCells {
    /// Of so many samples, at most `side` cells wide.
    #[must_use]
    pub fn new(samples: usize, side: usize) -> Self {
        let side = side.min(samples);
        let cell_of = (0..samples).map(|place| (place * side / samples) as u32).collect();
        Self { side, cell_of, cells: vec![[0; 2]; side * side] }
    }

    /// Cells in a row.
    #[must_use]
    pub fn side(&self) -> usize {
        self.side
    }

    /// The row, or column, of cells that a place is in; the last for places that do not exist.
    #[must_use]
    pub fn cell(&self, place: usize) -> usize {
        self.cell_of.get(place).map_or(self.side.saturating_sub(1), |&cell| cell as usize)
    }

    /// Takes in the distance of two different places.
    pub fn add(&mut self, a: usize, b: usize, distance: u16) {
        let (row, column) = (self.cell(a), self.cell(b));
        let at = row.min(column) * self.side + row.max(column);
        // Up to 10,000 samples a cell has a hundred pairs; beyond, a full sum keeps its mean.
        if let Some([sum, count]) = self.cells.get_mut(at)
            && let Some(more) = sum.checked_add(u32::from(distance))
        {
            *sum = more;
            *count += 1;
        }
    }

    /// The means, row by row, halves rounded up; 0 where a cell has no pair.
    #[must_use]
    pub fn finish(&self) -> Vec<u16> {
        let mean = |at: usize| {
            let (row, column) = (at / self.side, at % self.side);
            let [sum, count] = self.cells[row.min(column) * self.side + row.max(column)].map(u64::from);
            ((2 * sum + count).checked_div(2 * count).unwrap_or(0)).min(u64::from(u16::MAX)) as u16
        };
        (0..self.cells.len()).map(mean).collect()
    }
}
