//! Distances of one text to many patterns, one pattern per lane.

use super::UNSURE;
use super::cell::{Step, cell};
use super::count::{Numbers, Sum};
use super::lanes::{Lanes, Task};
use super::library::Library;
use super::side::{Side, occupied};
use crate::band::{Band, Expectation};

/// Number of matrix rows computed together per column: the most that keeps all differences in
/// registers.
pub(crate) const ROWS: usize = 5;

/// Bytes of lower-edge differences that are kept for several texts at once, so that a strip's table
/// is built once for all of them. They fit the second-level cache.
const EDGE_BYTES: usize = 192 << 10;

/// Largest table with a line for every code. Larger alphabets get lines only for the symbols of the
/// strip.
const TABLE_BYTES: usize = 42 << 10;

/// Largest number of planes of a table with a line for every code.
const MOST_PLANES: usize = 8;

/// Patterns in lanes, and buffers that are reused for each strip.
pub(crate) struct Shared<'a, L> {
    library: &'a Library,
    expected: Expectation,
    /// For every symbol, or every line of `lines`, the lanes in which it differs from the row's
    /// symbol.
    table: Vec<[L; ROWS]>,
    /// Bit planes of the patterns, if every code has a line: the table is decoded from them.
    rows: Side<L>,
    /// Line of each code in `table`, if not every code has one. Line 0 differs from every row.
    lines: Vec<u16>,
    edge: Vec<Step<L>>,
    mapped: Vec<u16>,
    planes: Vec<L>,
}

impl<'a, L: Lanes> Shared<'a, L> {
    pub(crate) fn new(library: &'a Library, expected: Expectation) -> Self {
        let one_line = size_of::<[L; ROWS]>();
        let few = library.alphabet() * one_line <= TABLE_BYTES && library.alphabet() < 1 << MOST_PLANES;
        let (lines, table) = if few {
            (Vec::new(), vec![[L::ones(); ROWS]; library.alphabet()])
        } else {
            (vec![0; library.alphabet()], vec![[L::ones(); ROWS]])
        };
        let (edge, mapped, planes) = (Vec::new(), Vec::new(), Vec::new());
        Self { library, expected, table, rows: Side::new(), lines, edge, mapped, planes }
    }

    /// Calls `each` once per text with its position in `texts` and its distances to `patterns`, at
    /// most [`Lanes::COUNT`] of them; [`UNSURE`] marks those above the expectation.
    pub(crate) fn run(&mut self, patterns: &[u32], texts: &[u32], mut each: impl FnMut(usize, &[u32])) {
        let library = self.library;
        if self.lines.is_empty() {
            let planes = library.planes();
            let numbers = patterns.iter().copied();
            match planes.count() {
                2 => self.rows.fill::<2>(planes, numbers),
                4 => self.rows.fill::<4>(planes, numbers),
                6 => self.rows.fill::<6>(planes, numbers),
                7 => self.rows.fill::<7>(planes, numbers),
                _ => self.rows.fill::<MOST_PLANES>(planes, numbers),
            }
        }
        let patterns: Vec<&[u16]> = patterns.iter().map(|&pattern| library.get(pattern)).collect();
        let lengths: Vec<u32> = patterns.iter().map(|pattern| pattern.len() as u32).collect();
        let lengths = lengths.as_slice();
        let shortest = lengths.iter().copied().min().unwrap_or(0);
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let mut distances = vec![0; L::COUNT];
        let capacity = EDGE_BYTES / size_of::<Step<L>>();
        let mut first = 0;
        while first < texts.len() {
            let mut columns = 0;
            let fits = |&&text: &&u32| {
                columns += library.length(text) as usize;
                columns <= capacity
            };
            let count = texts[first..].iter().take_while(fits).count().max(1);
            let batch: Vec<&[u16]> =
                texts[first..first + count].iter().map(|&text| library.get(text)).collect();
            let bands = self.strips(&patterns, &batch);
            let mut start = 0;
            for (place, (text, band)) in batch.into_iter().zip(bands).enumerate() {
                let edge = &self.edge[start..start + text.len()];
                let width = text.len() as u32;
                // With equal lengths the diagonal is within any band, so no distance exceeds the
                // length and its low bits are enough. Otherwise every difference may add 2.
                let even = shortest == width && longest == width;
                let most = if even { width } else { 2 * width };
                L::run(Sum { steps: edge, most, planes: &mut self.planes });
                let kept = if even { !0 >> (u32::BITS - self.planes.len() as u32) } else { !0 };
                // A limit that is exact for the shortest and longest pattern is exact for all
                // between.
                let sure = band.exact_up_to(shortest, width).min(band.exact_up_to(longest, width));
                L::run(Numbers { planes: &self.planes, out: &mut distances });
                let distances = &mut distances[..lengths.len()];
                // With equal lengths the sum is the distance.
                let settled = even && sure >= width;
                if !settled && L::run(ToDistances { distances, lengths, width, kept }) > sure {
                    for (distance, &length) in distances.iter_mut().zip(lengths) {
                        if *distance > band.exact_up_to(length, width) {
                            *distance = UNSURE;
                        }
                    }
                }
                each(first + place, distances);
                start += text.len();
            }
            first += count;
        }
    }

    /// Computes the lower edges of the matrices of a batch of texts, strip by strip.
    fn strips(&mut self, patterns: &[&[u16]], texts: &[&[u16]]) -> Vec<Band> {
        let shortest = patterns.iter().map(|pattern| pattern.len()).min().unwrap_or(0);
        let longest = patterns.iter().map(|pattern| pattern.len()).max().unwrap_or(0);
        let height = longest.next_multiple_of(ROWS);
        let band = |text: &&[u16]| {
            let width = text.len() as u32;
            // The limits increase with the length of the pattern on one side and decrease on the
            // other.
            let extremes = [(shortest as u32, width), (longest as u32, width)];
            Band::new(self.expected, extremes.into_iter(), longest as u32, width)
        };
        let bands: Vec<Band> = texts.iter().map(band).collect();
        let columns = texts.iter().map(|text| text.len()).sum();
        self.edge.resize(columns, uppermost());
        if height == 0 {
            // Otherwise the first strip writes the initial values.
            self.edge.fill(uppermost());
        }
        for row in (0..height).step_by(ROWS) {
            let real = if self.lines.is_empty() {
                self.decode_table(height, row)
            } else {
                self.fill_table(patterns, height, row)
            };
            let mut start = 0;
            for (text, band) in texts.iter().zip(&bands) {
                let edge = &mut self.edge[start..start + text.len()];
                let (left, right) = band.columns(row, ROWS, height, text.len());
                let mut columns = &text[left..right];
                if !self.lines.is_empty() {
                    self.mapped.clear();
                    self.mapped.extend(columns.iter().map(|&code| self.lines[usize::from(code)]));
                    columns = &self.mapped;
                }
                if row == 0 {
                    edge[..left].fill(uppermost());
                    edge[right..].fill(uppermost());
                    L::run(Strip::<L, true> {
                        table: &self.table,
                        columns,
                        edge: &mut edge[left..right],
                        real,
                    });
                } else {
                    L::run(Strip::<L, false> {
                        table: &self.table,
                        columns,
                        edge: &mut edge[left..right],
                        real,
                    });
                }
                start += text.len();
            }
        }
        bands
    }

    /// Builds the table of rows `row..row + ROWS` of `height`, where every pattern ends in the last
    /// row, with a line for every code. The result has a bit where a pattern has a symbol in that
    /// row.
    fn decode_table(&mut self, height: usize, row: usize) -> [L; ROWS] {
        match self.library.planes().count() {
            2 => self.decode::<2>(height, row),
            4 => self.decode::<4>(height, row),
            6 => self.decode::<6>(height, row),
            7 => self.decode::<7>(height, row),
            _ => self.decode::<MOST_PLANES>(height, row),
        }
    }

    fn decode<const PLANES: usize>(&mut self, height: usize, row: usize) -> [L; ROWS] {
        let symbols = &self.rows.symbols::<PLANES>(height)[row..row + ROWS];
        L::run(Decode { symbols, table: &mut self.table })
    }

    /// Builds the table with lines only for the symbols that occur in these rows.
    fn fill_table(&mut self, patterns: &[&[u16]], height: usize, row: usize) -> [L; ROWS] {
        self.lines.fill(0);
        self.table.truncate(1);
        let mut real = [L::zeros(); ROWS];
        let real_words = L::words_mut(&mut real);
        for (word, patterns) in patterns.chunks(64).enumerate() {
            for (lane, pattern) in patterns.iter().enumerate() {
                let above = height - pattern.len();
                let bit = 1 << lane;
                let skipped = above.saturating_sub(row).min(ROWS);
                let symbols = &pattern[(row + skipped).saturating_sub(above)..][..ROWS - skipped];
                for (place, &symbol) in (skipped..ROWS).zip(symbols) {
                    let line = new_line(&mut self.lines[usize::from(symbol)], &mut self.table);
                    L::words_mut(self.table.as_flattened_mut())[(line * ROWS + place) * L::WORDS + word] &=
                        !bit;
                    real_words[place * L::WORDS + word] |= bit;
                }
            }
        }
        real
    }
}

/// Converts sums, increased by the number of columns, to distances; returns the largest.
struct ToDistances<'a> {
    distances: &'a mut [u32],
    /// Lengths of the patterns.
    lengths: &'a [u32],
    width: u32,
    /// Mask of the known bits.
    kept: u32,
}

impl Task for ToDistances<'_> {
    type Output = u32;

    #[inline(always)]
    fn run(self) -> u32 {
        let mut largest = 0;
        for (distance, &length) in self.distances.iter_mut().zip(self.lengths) {
            *distance = length.wrapping_add(*distance).wrapping_sub(self.width) & self.kept;
            largest = largest.max(*distance);
        }
        largest
    }
}

/// Builds a table from the planes of its rows. A symbol differs from a code where their low or high
/// bits differ, so with a vector per value of either half, each line takes one instruction.
struct Decode<'a, L, const PLANES: usize> {
    symbols: &'a [[L; PLANES]],
    /// Indexed by code, which is one less than the number in the planes: 0 means no symbol.
    table: &'a mut [[L; ROWS]],
}

impl<L: Lanes, const PLANES: usize> Task for Decode<'_, L, PLANES> {
    /// Lanes that have a symbol in each row.
    type Output = [L; ROWS];

    #[inline(always)]
    fn run(self) -> [L; ROWS] {
        let mut real = [L::zeros(); ROWS];
        let half = PLANES / 2;
        for (row, symbol) in self.symbols.iter().take(ROWS).enumerate() {
            real[row] = occupied(symbol).plus;
            let low = values(&symbol[..half]);
            let high = values(&symbol[half..]);
            for (code, line) in self.table.iter_mut().enumerate() {
                let value = code + 1;
                // The halves have at most four bits; the masks let the compiler know.
                line[row] = low[value & ((1 << half) - 1) & 15].or(high[value >> half & 15]);
            }
        }
        real
    }
}

/// For every value of at most four planes, the lanes with another value.
#[inline(always)]
fn values<L: Lanes>(planes: &[L]) -> [L; 16] {
    let mut differs = [L::zeros(); 16];
    for (bit, &plane) in planes.iter().enumerate() {
        for value in 0..1 << bit {
            let lower = differs[value & 15];
            differs[(value | 1 << bit) & 15] = lower.or(L::ones().and_not(plane));
            differs[value & 15] = lower.or(plane);
        }
    }
    differs
}

/// Line of a code in the table; adds one if it has none yet.
fn new_line<L: Lanes>(line: &mut u16, table: &mut Vec<[L; ROWS]>) -> usize {
    if *line == 0 {
        // There are at most `ROWS * L::COUNT` symbols in a strip, which a `u16` can count.
        *line = table.len() as u16;
        table.push([L::ones(); ROWS]);
    }
    usize::from(*line)
}

/// Some columns of [`ROWS`] rows of the matrix.
struct Strip<'a, L, const FIRST: bool> {
    table: &'a [[L; ROWS]],
    /// Line of the table for each column.
    columns: &'a [u16],
    /// Differences along the upper edge, replaced by those along the lower edge. For the first
    /// rows, only written.
    edge: &'a mut [Step<L>],
    /// Lanes that have a symbol in each row: there, the left edge increases by one. Above a
    /// pattern, a step of 0 on the left and differing symbols keep all rows equal.
    real: [L; ROWS],
}

impl<L: Lanes, const FIRST: bool> Task for Strip<'_, L, FIRST> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let mut left = self.real.map(|plus| Step { minus: L::zeros(), plus });
        // Two columns per iteration halve the moves between registers at its end.
        let twice = if L::REGISTERS > 16 { self.columns.len().min(self.edge.len()) / 2 * 2 } else { 0 };
        let (columns, last_columns) = self.columns.split_at(twice);
        let (edges, last_edges) = self.edge.split_at_mut(twice);
        for (lines, edges) in columns.as_chunks::<2>().0.iter().zip(edges.as_chunks_mut::<2>().0) {
            for (&line, edge) in lines.iter().zip(edges) {
                column::<L, FIRST>(&self.table[usize::from(line)], edge, &mut left);
            }
        }
        for (&line, edge) in last_columns.iter().zip(last_edges) {
            column::<L, FIRST>(&self.table[usize::from(line)], edge, &mut left);
        }
    }
}

/// One column of a strip.
#[inline(always)]
fn column<L: Lanes, const FIRST: bool>(differs: &[L; ROWS], edge: &mut Step<L>, left: &mut [Step<L>; ROWS]) {
    let mut top = if FIRST { uppermost() } else { *edge };
    for (&differs, left) in differs.iter().zip(left) {
        (top, *left) = cell(differs, top, *left);
    }
    *edge = top;
}

/// Difference along the upper edge of the matrix.
#[inline(always)]
fn uppermost<L: Lanes>() -> Step<L> {
    Step { minus: L::zeros(), plus: L::ones() }
}
