//! Which cells a distance can depend on.
//!
//! A path that strays far from the straight line between the corners is dear: every step away has to be walked
//! back. So if distances are expected to stay below a limit, the cells outside a band need not be computed
//! (Ukkonen 1985). What comes out is then never too small, and it is exact wherever it does not exceed the
//! limit. A distance beyond the limit is computed again without a band.

/// How large a distance is expected to be, as a share of the longer sequence, in 1024ths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expectation(u32);

impl Expectation {
    /// No expectation: every cell is computed.
    pub(crate) const NONE: Self = Self(1024);

    /// A little more than the largest share among `seen`: (distance, longer length).
    pub(crate) fn above(seen: impl Iterator<Item = (u32, u32)>) -> Self {
        let share =
            |(distance, longer): (u32, u32)| (u64::from(distance) * 1024).div_ceil(u64::from(longer).max(1));
        let largest = seen.map(share).max().unwrap_or(1024);
        Self((largest + 8).min(1024) as u32)
    }

    /// The largest distance expected between sequences of these lengths.
    fn limit(self, rows: u32, columns: u32) -> u32 {
        (u64::from(rows.max(columns)) * u64::from(self.0)).div_ceil(1024) as u32
    }
}

/// The diagonals to compute, as signed distances from the one that ends in the last cell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Band {
    /// How many diagonals to the left of it.
    left: u32,
    /// How many to the right.
    right: u32,
    /// Whether it spares anything at all.
    whole: bool,
}

impl Band {
    /// The band for a batch of pairs of (rows, columns) symbols in a matrix of `height` by `width` cells.
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

    /// The columns to compute for rows `first..first + count` of a matrix of `height` by `width` cells.
    pub(crate) fn columns(self, first: usize, count: usize, height: usize, width: usize) -> (usize, usize) {
        if self.whole {
            return (0, width);
        }
        let left = (width + first).saturating_sub(height + self.left as usize);
        let right = (width + first + count + self.right as usize).saturating_sub(height);
        (left.min(width), right.min(width))
    }

    /// The largest distance that is surely exact between sequences of these lengths.
    pub(crate) fn exact_up_to(self, rows: u32, columns: u32) -> u32 {
        if self.whole {
            return u32::MAX;
        }
        (2 * self.left + rows).saturating_sub(columns).min((2 * self.right + columns).saturating_sub(rows))
    }
}
