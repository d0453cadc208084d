//! Matrices of all pairwise distances: the blocks in which they are computed, and averaged-down
//! copies of matrices that are too large to keep (docs/metrics.md#distance-matrix).

use std::ops::Range;

/// Cuts the rows of the triangle of all pairs `(i, j)`, `i < j`, into blocks of at most `most()`
/// pairs, in ascending order (docs/metrics.md#distance-matrix).
///
/// A row with more pairs forms a block of its own. `most` is called once before each block.
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
/// A cell holds the mean over all pairs of different samples that fall into it.
#[derive(Clone, Debug)]
pub struct MeanCells {
    side: usize,
    /// Row (and column) of cells for each position in the full matrix.
    cell_of: Vec<u32>,
    /// Sum and number of pairs per cell, on and above the diagonal.
    cells: Vec<[u32; 2]>,
}

impl MeanCells {
    /// Creates an empty matrix for `samples` samples, at most `side` cells wide.
    #[must_use]
    pub fn new(samples: usize, side: usize) -> Self {
        let side = side.min(samples);
        let cell_of = (0..samples).map(|place| (place * side / samples) as u32).collect();
        Self { side, cell_of, cells: vec![[0; 2]; side * side] }
    }

    /// Number of cells per row.
    #[must_use]
    pub fn side(&self) -> usize {
        self.side
    }

    /// Row (and column) of cells of a position in the full matrix; the last one for positions out
    /// of range.
    #[must_use]
    pub fn cell(&self, place: usize) -> usize {
        self.cell_of.get(place).map_or(self.side.saturating_sub(1), |&cell| cell as usize)
    }

    /// Adds the distance between two different positions.
    pub fn add(&mut self, a: usize, b: usize, distance: u16) {
        let (row, column) = (self.cell(a), self.cell(b));
        let at = row.min(column) * self.side + row.max(column);
        // With up to 10,000 samples a cell has a hundred pairs. A sum that would overflow ignores
        // further pairs.
        if let Some([sum, count]) = self.cells.get_mut(at)
            && let Some(more) = sum.checked_add(u32::from(distance))
        {
            *sum = more;
            *count += 1;
        }
    }

    /// Means of all cells in row-major order, halves rounded up; 0 for a cell without pairs.
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
