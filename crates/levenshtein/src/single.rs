//! Distance of a single pair: the bit-parallel algorithm of Myers (1999) in Hyyrö's form (2003),
//! used if there are too few pairs to fill a vector.

/// Computes the Levenshtein distance of two sequences.
///
/// For many pairs, [`all_pairs`](crate::all_pairs()) and [`pairs`](crate::pairs()) are many times
/// faster.
#[must_use]
pub fn distance(a: &[u16], b: &[u16]) -> u32 {
    Single::new().distance(a, b)
}

/// One 64-row block of the matrix: vertical differences of the current column.
#[derive(Clone, Copy)]
struct Block {
    plus: u64,
    minus: u64,
}

/// Buffers that are reused for each pair.
pub(crate) struct Single {
    /// Line of each symbol in `matches`; 0 for symbols that do not occur in the rows.
    lines: Vec<u32>,
    /// For each line, a bit for every row with the line's symbol. Line 0 is empty.
    matches: Vec<u64>,
    blocks: Vec<Block>,
}

impl Single {
    pub(crate) fn new() -> Self {
        Self { lines: Vec::new(), matches: Vec::new(), blocks: Vec::new() }
    }

    /// The distance of `a` and `b`.
    pub(crate) fn distance(&mut self, a: &[u16], b: &[u16]) -> u32 {
        let start = a.iter().zip(b).take_while(|(x, y)| x == y).count();
        let (a, b) = (&a[start..], &b[start..]);
        let end = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
        let (a, b) = (&a[..a.len() - end], &b[..b.len() - end]);
        let (rows, columns) = if a.len() <= b.len() { (a, b) } else { (b, a) };
        if rows.is_empty() {
            return columns.len() as u32;
        }
        self.index(rows);
        let sum = self.last_column(rows.len(), columns);
        self.reset(rows);
        (columns.len() as i64 + sum) as u32
    }

    /// Fills `lines` and `matches` for the sequence of the rows.
    fn index(&mut self, rows: &[u16]) {
        let words = rows.len().div_ceil(64);
        self.matches.clear();
        self.matches.resize(words, 0);
        for (row, &symbol) in rows.iter().enumerate() {
            let symbol = usize::from(symbol);
            if symbol >= self.lines.len() {
                self.lines.resize(symbol + 1, 0);
            }
            if self.lines[symbol] == 0 {
                self.lines[symbol] = (self.matches.len() / words) as u32;
                self.matches.resize(self.matches.len() + words, 0);
            }
            self.matches[self.lines[symbol] as usize * words + row / 64] |= 1 << (row % 64);
        }
    }

    /// Resets the entries of `lines` that `index` changed.
    fn reset(&mut self, rows: &[u16]) {
        for &symbol in rows {
            self.lines[usize::from(symbol)] = 0;
        }
    }

    /// Sum of the vertical differences in the last column.
    fn last_column(&mut self, height: usize, columns: &[u16]) -> i64 {
        let words = height.div_ceil(64);
        self.blocks.clear();
        self.blocks.resize(words, Block { plus: !0, minus: 0 });
        for &symbol in columns {
            let line = self.lines.get(usize::from(symbol)).map_or(0, |&line| line as usize);
            let matches = &self.matches[line * words..(line + 1) * words];
            // The row above the matrix increases by one per column.
            let (mut plus_in, mut minus_in) = (1, 0);
            for (block, &matches) in self.blocks.iter_mut().zip(matches) {
                let matches = matches | minus_in;
                let Block { plus, minus } = *block;
                let diagonal = ((matches & plus).wrapping_add(plus) ^ plus) | matches | minus;
                let across_plus = minus | !(diagonal | plus);
                let across_minus = diagonal & plus;
                let shifted_plus = across_plus << 1 | plus_in;
                let shifted_minus = across_minus << 1 | minus_in;
                plus_in = across_plus >> 63;
                minus_in = across_minus >> 63;
                block.plus = shifted_minus | !(diagonal | shifted_plus);
                block.minus = shifted_plus & diagonal;
            }
        }
        let mut sum = 0;
        for (word, block) in self.blocks.iter().enumerate() {
            let rows = height - word * 64;
            let mask = if rows >= 64 { !0 } else { (1 << rows) - 1 };
            sum += i64::from((block.plus & mask).count_ones()) - i64::from((block.minus & mask).count_ones());
        }
        sum
    }
}
