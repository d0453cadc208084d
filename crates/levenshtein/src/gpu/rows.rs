//! Detection of matrix blocks in a list of pairs: a caller that measures a matrix lists it row by
//! row. Blocks are computed with shared patterns, many times faster than unrelated pairs.

use std::ops::Range;

/// Least number of columns; fewer leave a workgroup half empty.
const FEWEST_COLUMNS: usize = super::kernel::GROUP as usize;
/// Least number of pairs; fewer are not worth a separate submission.
const FEWEST_PAIRS: u64 = 4096;

/// Rows that share their columns. Each row has all columns of the first row, or the last of them,
/// as in a triangle.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rows {
    /// Start of each row in the list.
    pub(super) starts: Vec<usize>,
    /// Number of pairs of each row.
    lengths: Vec<usize>,
}

impl Rows {
    /// Pairs of the first row; their second sequences are the columns.
    pub(super) fn columns(&self) -> Range<usize> {
        let start = self.starts.first().copied().unwrap_or(0);
        start..start + self.lengths.first().copied().unwrap_or(0)
    }

    /// Position in the list of the pair of a row and a column, if it is listed.
    pub(super) fn position(&self, row: usize, column: usize) -> Option<usize> {
        let left_out = self.columns().len() - self.lengths[row];
        Some(self.starts[row] + column.checked_sub(left_out)?)
    }

    /// Number of pairs.
    pub(super) fn pairs(&self) -> u64 {
        self.lengths.iter().map(|&length| length as u64).sum()
    }
}

/// Finds matrix blocks in a list; returns them and the positions of all other pairs.
pub(super) fn find(pairs: &[(u32, u32)]) -> (Vec<Rows>, Vec<Range<usize>>) {
    let run = |start: usize| {
        let rest = &pairs[start..];
        let length = rest.iter().position(|pair| pair.0 != rest[0].0).unwrap_or(rest.len());
        start..start + length
    };
    let (mut found, mut others) = (Vec::new(), Vec::<Range<usize>>::new());
    let mut at = 0;
    while at < pairs.len() {
        let start = at;
        let columns = run(at);
        at = columns.end;
        let mut rows = Rows { starts: vec![columns.start], lengths: vec![columns.len()] };
        // Shorter rows are computed in full; little is wasted.
        let shortest = columns.len().saturating_sub((columns.len() / 8).max(FEWEST_COLUMNS / 4));
        while at < pairs.len() && columns.len() >= FEWEST_COLUMNS {
            let next = run(at);
            let fits = next.len() <= columns.len() && next.len() >= shortest;
            let last = columns.end.saturating_sub(next.len())..columns.end;
            if !fits || !pairs[next.clone()].iter().zip(&pairs[last]).all(|(x, y)| x.1 == y.1) {
                break;
            }
            rows.starts.push(next.start);
            rows.lengths.push(next.len());
            at = next.end;
        }
        if columns.len() >= FEWEST_COLUMNS && rows.pairs() >= FEWEST_PAIRS {
            found.push(rows);
            continue;
        }
        match others.last_mut().filter(|last| last.end == start) {
            Some(last) => last.end = at,
            None => others.push(start..at),
        }
    }
    (found, others)
}

#[cfg(test)]
mod tests {
    use super::find;

    fn positions(pairs: &[(u32, u32)]) -> (usize, usize) {
        let (found, others) = find(pairs);
        let mut seen = vec![0; pairs.len()];
        for rows in &found {
            let mut count = 0;
            for (row, &start) in rows.starts.iter().enumerate() {
                for (column, of_first) in rows.columns().enumerate() {
                    if let Some(position) = rows.position(row, column) {
                        assert_eq!(pairs[position], (pairs[start].0, pairs[of_first].1));
                        seen[position] += 1;
                        count += 1;
                    }
                }
            }
            assert_eq!(count, rows.pairs());
        }
        others.iter().flat_map(Clone::clone).for_each(|position| seen[position] += 1);
        assert!(seen.iter().all(|&times| times == 1), "every pair once");
        (found.len(), others.iter().map(ExactSizeIterator::len).sum())
    }

    #[test]
    fn matrices_are_found() {
        let rectangle: Vec<(u32, u32)> = (0..70).flat_map(|i| (100..400).map(move |j| (i, j))).collect();
        assert_eq!(positions(&rectangle), (1, 0));
        // Cut within rows, as chunks are: full rows, with a partial row before and after.
        assert_eq!(positions(&rectangle[50..10_100]), (1, 250 + 200));
        let triangle: Vec<(u32, u32)> = (0..1000).flat_map(|i| (i + 1..1000).map(move |j| (i, j))).collect();
        let (blocks, others) = positions(&triangle);
        assert!(blocks < 30 && others < 50_000, "{blocks} blocks, {others} of {} others", triangle.len());
    }

    #[test]
    fn other_lists_stay_lists() {
        assert_eq!(positions(&[]), (0, 0));
        let scattered: Vec<(u32, u32)> = (0..5000).map(|i| (i * 7 % 31, i)).collect();
        assert_eq!(positions(&scattered), (0, 5000));
        let narrow: Vec<(u32, u32)> = (0..100).flat_map(|i| (0..63).map(move |j| (i, j))).collect();
        assert_eq!(positions(&narrow), (0, 6300));
        let short: Vec<(u32, u32)> = (0..3).flat_map(|i| (0..64).map(move |j| (i, j))).collect();
        assert_eq!(positions(&short), (0, 192));
        // Each row has its own columns.
        let apart: Vec<(u32, u32)> = (0..3).flat_map(|i| (0..5000).map(move |j| (i, 5 * i + j))).collect();
        assert_eq!(positions(&apart), (3, 0));
        assert_eq!(positions(&[short, apart, vec![(9, 9), (9, 8)]].concat()), (3, 194));
    }
}
