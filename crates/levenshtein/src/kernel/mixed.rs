//! Distances of unrelated pairs, one pair per lane.

use super::UNSURE;
use super::cell::{Step, cell};
use super::count::{Numbers, Sum};
use super::lanes::{Lanes, Task};
use super::library::Library;
use super::planes::Planes;
use super::side::{Side, occupied};
use crate::band::{Band, Expectation};

/// Number of matrix rows computed together per column.
const ROWS: usize = 4;

/// Buffers that are reused for each batch of pairs.
pub(crate) struct Mixed<'a, L> {
    library: &'a Library,
    rows: Side<L>,
    columns: Side<L>,
    edge: Vec<Step<L>>,
    sums: Vec<L>,
    numbers: Vec<u32>,
    lengths: Vec<(u32, u32)>,
}

impl<'a, L: Lanes> Mixed<'a, L> {
    pub(crate) fn new(library: &'a Library) -> Self {
        Self {
            library,
            rows: Side::new(),
            columns: Side::new(),
            edge: Vec::new(),
            sums: Vec::new(),
            numbers: vec![0; L::COUNT],
            lengths: Vec::new(),
        }
    }

    /// Computes the distances of at most [`Lanes::COUNT`] pairs; [`UNSURE`] marks those above the
    /// expectation.
    pub(crate) fn run(
        &mut self,
        pairs: &[(u32, u32)],
        expected: Expectation,
        mut each: impl FnMut(usize, u32),
    ) {
        let library = self.library;
        self.lengths.clear();
        self.lengths.extend(pairs.iter().map(|pair| (library.length(pair.0), library.length(pair.1))));
        let height = self.lengths.iter().map(|pair| pair.0).max().unwrap_or(0);
        let width = self.lengths.iter().map(|pair| pair.1).max().unwrap_or(0);
        let band = Band::new(expected, self.lengths.iter().copied(), height, width);
        let planes = library.planes();
        match planes.count() {
            2 => self.strips::<2>(planes, pairs, height, width, band),
            4 => self.strips::<4>(planes, pairs, height, width, band),
            6 => self.strips::<6>(planes, pairs, height, width, band),
            7 => self.strips::<7>(planes, pairs, height, width, band),
            8 => self.strips::<8>(planes, pairs, height, width, band),
            11 => self.strips::<11>(planes, pairs, height, width, band),
            _ => self.strips::<17>(planes, pairs, height, width, band),
        }
        // Every difference adds 0, 1 or 2.
        L::run(Sum { steps: &self.edge, most: 2 * width, planes: &mut self.sums });
        L::run(Numbers { planes: &self.sums, out: &mut self.numbers });
        for (lane, (&(rows, columns), &sum)) in self.lengths.iter().zip(&self.numbers).enumerate() {
            // The sum was increased by the number of columns, including those left of a shorter
            // text.
            let found = rows.wrapping_add(sum).wrapping_sub(width);
            each(lane, if found > band.exact_up_to(rows, columns) { UNSURE } else { found });
        }
    }

    /// Computes the lower edge of the whole matrix, strip by strip.
    fn strips<const PLANES: usize>(
        &mut self,
        planes: &Planes,
        pairs: &[(u32, u32)],
        height: u32,
        width: u32,
        band: Band,
    ) {
        self.rows.fill::<PLANES>(planes, pairs.iter().map(|pair| pair.0));
        self.columns.fill::<PLANES>(planes, pairs.iter().map(|pair| pair.1));
        let height = (height as usize).next_multiple_of(ROWS);
        let width = width as usize;
        let rows = self.rows.symbols::<PLANES>(height);
        let columns = self.columns.symbols::<PLANES>(width);
        self.edge.resize(width, Step { minus: L::zeros(), plus: L::zeros() });
        L::run(Occupied { symbols: columns, steps: &mut self.edge });
        for (strip, rows) in rows.as_chunks::<ROWS>().0.iter().enumerate() {
            let (left, right) = band.columns(strip * ROWS, ROWS, height, width);
            L::run(Strip { rows, columns: &columns[left..right], edge: &mut self.edge[left..right] });
        }
    }
}

/// Upper edge of the matrix: a step of 1 in the lanes that have a symbol at a position, else 0.
/// Left of a shorter text the steps of 0 keep all columns equal.
struct Occupied<'a, L, const PLANES: usize> {
    symbols: &'a [[L; PLANES]],
    steps: &'a mut [Step<L>],
}

impl<L: Lanes, const PLANES: usize> Task for Occupied<'_, L, PLANES> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        // `extend` would compile the iterator's closure without the instruction set.
        for (step, symbol) in self.steps.iter_mut().zip(self.symbols) {
            *step = occupied(symbol);
        }
    }
}

/// Some columns of [`ROWS`] rows of the matrix.
struct Strip<'a, L, const PLANES: usize> {
    rows: &'a [[L; PLANES]; ROWS],
    columns: &'a [[L; PLANES]],
    /// Differences along the upper edge, replaced by those along the lower edge.
    edge: &'a mut [Step<L>],
}

impl<L: Lanes, const PLANES: usize> Task for Strip<'_, L, PLANES> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let mut left = [Step { minus: L::zeros(), plus: L::zeros() }; ROWS];
        for (left, row) in left.iter_mut().zip(self.rows) {
            *left = occupied(row);
        }
        for (column, edge) in self.columns.iter().zip(self.edge) {
            let mut differs = [L::zeros(); ROWS];
            for plane in 0..PLANES {
                for (differs, row) in differs.iter_mut().zip(self.rows) {
                    *differs = differs.or(row[plane].xor(column[plane]));
                }
            }
            let mut top = *edge;
            for row in 0..ROWS {
                (top, left[row]) = cell(differs[row], top, left[row]);
            }
            *edge = top;
        }
    }
}
