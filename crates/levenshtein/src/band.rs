//! Band of cells that a distance can depend on (Ukkonen 1985).
//!
//! A path far from the diagonal is expensive, because every step away must be undone. If distances
//! are expected to stay below a limit, the cells outside a band are not computed. The result is
//! then never too small, and exact if it does not exceed the limit. A distance above the limit is
//! computed again without a band.

/// Expected distance as a share of the longer sequence, in 1024ths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expectation(u32);

impl Expectation {
    /// No expectation: every cell is computed.
    pub(crate) const NONE: Self = Self(1024);

    /// Slightly more than the largest share among `seen`, pairs of (distance, longer length).
    pub(crate) fn above(seen: impl Iterator<Item = (u32, u32)>) -> Self {
        let share =
            |(distance, longer): (u32, u32)| (u64::from(distance) * 1024).div_ceil(u64::from(longer).max(1));
        let largest = seen.map(share).max().unwrap_or(1024);
        Self((largest + 8).min(1024) as u32)
    }

    /// Largest distance expected between sequences of these lengths.
    fn limit(self, rows: u32, columns: u32) -> u32 {
        (u64::from(rows.max(columns)) * u64::from(self.0)).div_ceil(1024) as u32
    }
}

/// Diagonals to compute, relative to the one that ends in the last cell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Band {
    /// Number of diagonals to the left of it.
    left: u32,
    /// Number of diagonals to the right of it.
    right: u32,
    /// Whether the band excludes any cell.
    whole: bool,
}

impl Band {
    /// Computes the band for a batch of pairs of (rows, columns) symbols in a matrix of `height` by
    /// `width` cells.
    pub(crate) fn new(
        expected: Expectation,
        pairs: impl Iterator<Item = (u32, u32)>,
        height: u32,
        width: u32,
    ) -> Self {
        let mut band = Self { left: 0, right: 0, whole: expected == Expectation::NONE };
        for (rows, columns) in pairs {
            let limit = expected.limit(rows, columns);
            band.left = band.left.max((limit + columns).saturating_sub(rows).div_ceil(2));
            band.right = band.right.max((limit + rows).saturating_sub(columns).div_ceil(2));
        }
        band.whole |= band.left >= width && band.right >= height;
        band
    }

    /// Columns to compute for rows `first..first + count` of a matrix of `height` by `width` cells.
    pub(crate) fn columns(self, first: usize, count: usize, height: usize, width: usize) -> (usize, usize) {
        if self.whole {
            return (0, width);
        }
        let left = (width + first).saturating_sub(height + self.left as usize);
        let right = (width + first + count + self.right as usize).saturating_sub(height);
        (left.min(width), right.min(width))
    }

    /// Largest distance that is guaranteed exact between sequences of these lengths.
    pub(crate) fn exact_up_to(self, rows: u32, columns: u32) -> u32 {
        if self.whole {
            return u32::MAX;
        }
        (2 * self.left + rows).saturating_sub(columns).min((2 * self.right + columns).saturating_sub(rows))
    }
}
