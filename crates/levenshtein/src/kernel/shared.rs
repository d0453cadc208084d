//! One text against as many patterns as there are lanes.

use super::UNSURE;
use super::cell::{Step, cell};
use super::count::{Sum, numbers};
use super::lanes::{Lanes, Task};
use crate::band::{Band, Expectation};
use crate::library::Library;

/// How many rows of the matrix are computed in one go down a column: as many as leave all differences in
/// registers.
pub(crate) const ROWS: usize = 4;

/// The differences along a strip's lower edge are kept for several texts at once, so that the strip's table is
/// made once for all of them; this many bytes stay in the second-level cache.
const EDGE_BYTES: usize = 192 << 10;

/// Larger tables than this are made smaller by giving lines only to the symbols that occur in the strip.
const TABLE_BYTES: usize = 24 << 10;

/// Patterns in lanes, and the buffers for one strip after another.
pub(crate) struct Shared<'a, L> {
    library: &'a Library,
    expected: Expectation,
    /// For every symbol, or for every line of `lines`, the lanes in which it differs from the row's.
    table: Vec<[L; ROWS]>,
    /// Indexed by code: its line in `table` where not every code has one. Line 0 differs from every row.
    lines: Vec<u16>,
    edge: Vec<Step<L>>,
    mapped: Vec<u16>,
    planes: Vec<L>,
}

impl<'a, L: Lanes> Shared<'a, L> {
    pub(crate) fn new(library: &'a Library, expected: Expectation) -> Self {
        let one_line = size_of::<[L; ROWS]>();
        let (lines, table) = if library.alphabet() * one_line <= TABLE_BYTES {
            (Vec::new(), vec![[L::ones(); ROWS]; library.alphabet()])
        } else {
            (vec![0; library.alphabet()], vec![[L::ones(); ROWS]])
        };
        Self { library, expected, table, lines, edge: Vec::new(), mapped: Vec::new(), planes: Vec::new() }
    }

    /// Calls `each` once for every text, with its place in `texts` and the distances from it to `patterns`, at
    /// most [`Lanes::COUNT`] of them; [`UNSURE`] stands for those beyond the expectation.
    pub(crate) fn run(&mut self, patterns: &[u32], texts: &[u32], mut each: impl FnMut(usize, &[u32])) {
        let lengths: Vec<u32> = patterns.iter().map(|&pattern| self.library.length(pattern)).collect();
        let mut distances = vec![0; patterns.len()];
        let capacity = EDGE_BYTES / size_of::<Step<L>>();
        let mut first = 0;
        while first < texts.len() {
            let mut columns = 0;
            let count = texts[first..]
                .iter()
                .take_while(|&&text| {
                    columns += self.library.length(text) as usize;
                    columns <= capacity
                })
                .count()
                .max(1);
            let batch = &texts[first..first + count];
            let bands = self.strips(patterns, &lengths, batch);
            let mut start = 0;
            for (place, (&text, band)) in batch.iter().zip(bands).enumerate() {
                let width = self.library.length(text);
                let end = start + width as usize;
                L::run(Sum { steps: &self.edge[start..end], planes: &mut self.planes });
                numbers(&self.planes, |lane, sum| {
                    if let (Some(distance), Some(&length)) = (distances.get_mut(lane), lengths.get(lane)) {
                        // The sum was increased by the number of columns.
                        let found = length.wrapping_add(sum).wrapping_sub(width);
                        *distance = if found > band.exact_up_to(length, width) { UNSURE } else { found };
                    }
                });
                each(first + place, &distances);
                start = end;
            }
            first += count;
        }
    }

    /// Computes the lower edges of the whole matrices of a batch of texts, strip by strip.
    fn strips(&mut self, patterns: &[u32], lengths: &[u32], texts: &[u32]) -> Vec<Band> {
        let shortest = lengths.iter().copied().min().unwrap_or(0);
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let height = (longest as usize).next_multiple_of(ROWS);
        let band = |&text: &u32| {
            let width = self.library.length(text);
            // The limits grow with the length of the pattern on one side and fall on the other.
            Band::new(self.expected, [(shortest, width), (longest, width)].into_iter(), longest, width)
        };
        let bands: Vec<Band> = texts.iter().map(band).collect();
        let columns = texts.iter().map(|&text| self.library.length(text) as usize).sum();
        self.edge.clear();
        self.edge.resize(columns, Step { minus: L::zeros(), plus: L::ones() });
        for row in (0..height).step_by(ROWS) {
            let real = self.fill_table(patterns, height, row);
            let mut start = 0;
            for (&text, band) in texts.iter().zip(&bands) {
                let text = self.library.get(text);
                let edge = &mut self.edge[start..start + text.len()];
                let (left, right) = band.columns(row, ROWS, height, text.len());
                let mut columns = &text[left..right];
                if !self.lines.is_empty() {
                    self.mapped.clear();
                    self.mapped.extend(columns.iter().map(|&code| self.lines[usize::from(code)]));
                    columns = &self.mapped;
                }
                L::run(Strip { table: &self.table, columns, edge: &mut edge[left..right], real });
                start += text.len();
            }
        }
        bands
    }

    /// Makes the table of rows `row..row + ROWS` of `height`, in which every pattern ends at the bottom. The
    /// result has a bit where a pattern has a symbol in that row.
    fn fill_table(&mut self, patterns: &[u32], height: usize, row: usize) -> [L; ROWS] {
        if self.lines.is_empty() {
            self.table.fill([L::ones(); ROWS]);
        } else {
            self.lines.fill(0);
            self.table.truncate(1);
        }
        let mut real = [L::zeros(); ROWS];
        for (lane, &pattern) in patterns.iter().enumerate() {
            let symbols = self.library.get(pattern);
            let above = height - symbols.len();
            let first = row.max(above);
            for row_of_symbol in first..row + ROWS {
                let code = usize::from(symbols[row_of_symbol - above]);
                let line = self.line(code);
                let place = row_of_symbol - row;
                let (word, bit) = (lane / 64, 1 << (lane % 64));
                L::words_mut(&mut self.table[line])[place * L::WORDS + word] &= !bit;
                L::words_mut(&mut real)[place * L::WORDS + word] |= bit;
            }
        }
        real
    }

    /// The line of `code` in the table, a new one if it has none yet.
    fn line(&mut self, code: usize) -> usize {
        let Some(line) = self.lines.get_mut(code) else { return code };
        if *line == 0 {
            // There are at most `ROWS * L::COUNT` symbols in a strip, which a `u16` can count.
            *line = self.table.len() as u16;
            self.table.push([L::ones(); ROWS]);
        }
        usize::from(*line)
    }
}

/// Some columns of [`ROWS`] rows of the matrix.
struct Strip<'a, L> {
    table: &'a [[L; ROWS]],
    /// The table's line for each column.
    columns: &'a [u16],
    /// The differences along the upper edge become those along the lower edge.
    edge: &'a mut [Step<L>],
    /// The lanes that have a symbol in each row: there, the left edge grows by one. In the rows above a pattern
    /// nothing may change from row to row, and a step of 0 on the left that differs from every symbol does that.
    real: [L; ROWS],
}

impl<L: Lanes> Task for Strip<'_, L> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let mut left = self.real.map(|plus| Step { minus: L::zeros(), plus });
        for (&line, edge) in self.columns.iter().zip(self.edge) {
            let differs = &self.table[usize::from(line)];
            let mut top = *edge;
            for row in 0..ROWS {
                (top, left[row]) = cell(differs[row], top, left[row]);
            }
            *edge = top;
        }
    }
}
