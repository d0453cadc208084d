//! Pairing of groups of memorized samples with groups of generalized items
//! (docs/metrics.md#pairing-and-delay).

use crate::error::{Error, check_len};
use crate::sums::dot;

/// Sum of the unit vectors of one group's embeddings, from which its mean cosines with other groups
/// follow (docs/metrics.md#pairing-and-delay).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct UnitSum {
    sum: Vec<f64>,
    members: usize,
}

impl UnitSum {
    /// Creates an empty group of embeddings with that many components.
    #[must_use]
    pub fn new(components: usize) -> Self {
        Self { sum: vec![0.0; components], members: 0 }
    }

    /// Creates a group of these embeddings.
    ///
    /// # Errors
    ///
    /// The embeddings differ in their number of components, or one is zero or not finite.
    pub fn of<'a, T: Copy + Into<f64> + 'a>(
        embeddings: impl IntoIterator<Item = &'a [T]>,
    ) -> Result<Self, Error> {
        let mut embeddings = embeddings.into_iter().peekable();
        let mut group = Self::new(embeddings.peek().map_or(0, |first| first.len()));
        for embedding in embeddings {
            group.push(embedding)?;
        }
        Ok(group)
    }

    /// Adds one embedding.
    ///
    /// # Errors
    ///
    /// The number of components differs, or the embedding is zero or not finite; nothing is then
    /// added.
    pub fn push<T: Copy + Into<f64>>(&mut self, embedding: &[T]) -> Result<(), Error> {
        check_len("components of an embedding", self.sum.len(), embedding.len())?;
        let wide: Vec<f64> = embedding.iter().map(|&component| component.into()).collect();
        let length = dot(&wide, &wide).sqrt();
        if length <= 0.0 || !length.is_finite() {
            return Err(Error::NoDirection);
        }
        for (sum, component) in self.sum.iter_mut().zip(wide) {
            *sum += component / length;
        }
        self.members += 1;
        Ok(())
    }

    /// Sum of the unit vectors.
    #[must_use]
    pub fn components(&self) -> &[f64] {
        &self.sum
    }

    /// Number of embeddings added.
    #[must_use]
    pub fn members(&self) -> usize {
        self.members
    }

    /// Mean cosine of this group's members with the other's, over all pairs
    /// (docs/metrics.md#pairing-and-delay); `None` if one is empty or their numbers of components
    /// differ.
    #[must_use]
    pub fn mean_cosine(&self, other: &Self) -> Option<f64> {
        let pairs = self.members as f64 * other.members as f64;
        (pairs > 0.0 && self.sum.len() == other.sum.len()).then(|| dot(&self.sum, &other.sum) / pairs)
    }

    /// Mean cosine of one embedding with this group's members
    /// (docs/metrics.md#pairing-and-delay); `None` if the group is empty, the numbers of components
    /// differ, or the embedding is zero or not finite.
    #[must_use]
    pub fn mean_cosine_with<T: Copy + Into<f64>>(&self, embedding: &[T]) -> Option<f64> {
        let mut one = Self::new(self.sum.len());
        one.push(embedding).ok()?;
        self.mean_cosine(&one)
    }
}

/// Mean cosine of each train group with each test group, `[train][test]`
/// (docs/metrics.md#pairing-and-delay); NaN where it is undefined.
#[must_use]
pub fn score_matrix(train: &[UnitSum], test: &[UnitSum]) -> Vec<Vec<f64>> {
    let score = |row: &UnitSum, column| row.mean_cosine(column).unwrap_or(f64::NAN);
    train.iter().map(|row| test.iter().map(|column| score(row, column)).collect()).collect()
}

/// Assignment of rows to columns with the largest total score (docs/metrics.md#pairing-and-delay).
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// Matched rows and columns, ordered by row; as many as the shorter side.
    pub pairs: Vec<(usize, usize)>,
    /// Sum of their scores, added in row order.
    pub total: f64,
    /// Largest total of any other assignment of as many pairs; `None` if there is no other.
    pub second_best_total: Option<f64>,
}

/// Finds the best assignment of a score matrix `[rows][columns]` by the Hungarian method in
/// `O(n^2 m)` (docs/metrics.md#pairing-and-delay).
///
/// The second best assignment is the best of those without one of its pairs. Among assignments with
/// the same total, the result depends only on the matrix.
///
/// # Errors
///
/// The rows differ in length, or a score is NaN or infinite.
pub fn assign(scores: &[Vec<f64>]) -> Result<Assignment, Error> {
    let columns = check(scores)?;
    let pairs = best(scores, columns, None);
    let total =
        |pairs: &[(usize, usize)]| pairs.iter().map(|&(row, column)| scores[row][column]).sum::<f64>();
    // With one row and one column there is no other assignment; otherwise leaving out any pair
    // leaves one.
    let others = scores.len().max(columns) > 1;
    let second_best_total = pairs
        .iter()
        .filter(|_| others)
        .map(|&without| total(&best(scores, columns, Some(without))))
        .reduce(f64::max);
    Ok(Assignment { total: total(&pairs), pairs, second_best_total })
}

/// The pairs of the best assignment of a score matrix `[rows][columns]`, ordered by row
/// (docs/metrics.md#experts-of-two-runs), without the second best one, which would take as many times
/// as long as there are pairs.
///
/// # Errors
///
/// Those of [`assign`].
pub fn best_pairs(scores: &[Vec<f64>]) -> Result<Vec<(usize, usize)>, Error> {
    let columns = check(scores)?;
    Ok(best(scores, columns, None))
}

/// Checks a score matrix and returns its number of columns.
fn check(scores: &[Vec<f64>]) -> Result<usize, Error> {
    let columns = scores.first().map_or(0, Vec::len);
    for (row, values) in scores.iter().enumerate() {
        check_len("scores of one train group, one per test group", columns, values.len())?;
        if let Some(column) = values.iter().position(|score| !score.is_finite()) {
            return Err(Error::Score { row, column });
        }
    }
    Ok(columns)
}

/// Best assignment without the pair `without`, ordered by row.
pub(crate) fn best(
    scores: &[Vec<f64>],
    columns: usize,
    without: Option<(usize, usize)>,
) -> Vec<(usize, usize)> {
    let cost = |row: usize, column: usize| {
        if without == Some((row, column)) { f64::INFINITY } else { -scores[row][column] }
    };
    let mut pairs: Vec<(usize, usize)> = if scores.len() <= columns {
        let matched = cheapest(scores.len(), columns, cost);
        matched.into_iter().enumerate().collect()
    } else {
        let matched = cheapest(columns, scores.len(), |column, row| cost(row, column));
        matched.into_iter().enumerate().map(|(column, row)| (row, column)).collect()
    };
    pairs.sort_unstable();
    pairs
}

/// Column of each row in the assignment with the least total cost, for at most as many rows as
/// columns.
///
/// Rows are added one by one. Each takes the shortest augmenting path under reduced costs, with
/// potentials that keep all reduced costs non-negative.
fn cheapest(rows: usize, columns: usize, cost: impl Fn(usize, usize) -> f64) -> Vec<usize> {
    let mut row_potential = vec![0.0; rows];
    let mut column_potential = vec![0.0; columns];
    let mut row_of: Vec<Option<usize>> = vec![None; columns];
    for new_row in 0..rows {
        let mut distance = vec![f64::INFINITY; columns];
        // The column before each on the shortest path to it; none where the path starts at the new
        // row.
        let mut before: Vec<Option<usize>> = vec![None; columns];
        let mut settled = vec![false; columns];
        let (mut row, mut via, mut length) = (new_row, None, 0.0);
        let end = loop {
            let mut nearest: Option<usize> = None;
            for column in (0..columns).filter(|&column| !settled[column]) {
                let reached = length + cost(row, column) - row_potential[row] - column_potential[column];
                if reached < distance[column] {
                    distance[column] = reached;
                    before[column] = via;
                }
                if nearest.is_none_or(|best| distance[column] < distance[best]) {
                    nearest = Some(column);
                }
            }
            // There are no more rows than columns, so a column is always left.
            let Some(column) = nearest else { break None };
            settled[column] = true;
            length = distance[column];
            match row_of[column] {
                None => break Some(column),
                Some(taken_by) => (row, via) = (taken_by, Some(column)),
            }
        };
        row_potential[new_row] += length;
        for column in (0..columns).filter(|&column| settled[column]) {
            let slack = length - distance[column];
            column_potential[column] -= slack;
            if let Some(row) = row_of[column] {
                row_potential[row] += slack;
            }
        }
        // Along the path every row moves on to the next column.
        let mut column = end;
        while let Some(current) = column {
            let previous = before[current];
            row_of[current] = previous.map_or(Some(new_row), |previous| row_of[previous]);
            column = previous;
        }
    }
    let mut column_of = vec![0; rows];
    for (column, row) in row_of.into_iter().enumerate() {
        if let Some(row) = row {
            column_of[row] = column;
        }
    }
    column_of
}
