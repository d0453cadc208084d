//! Null of a pairing: the best total after members are shuffled among their groups
//! (docs/metrics.md#pairing-and-delay).

use crate::draw::{Rng, shuffle_with};
use crate::error::{Error, check_len};
use crate::pairing::best;

/// Up to this number of arrangements of the members, all are tried.
pub const MOST_ARRANGEMENTS: u64 = 10_000;

/// Random arrangements tried of a side of usual size.
const DRAWS: u64 = 999;

/// Fewest random arrangements tried: the smallest share is then .01.
const FEWEST_DRAWS: u64 = 99;

/// Operations that the arrangements of one side may take: about a second.
const OPERATIONS: u64 = 500_000_000;

/// Tolerance of a hit: equal totals must count although their sums round differently.
const SLACK: f64 = 1e-12;

/// One side of a pairing: its members, ordered by group, against the groups of the other side.
#[derive(Clone, Copy, Debug)]
pub struct PairingSide<'a> {
    /// Members of each group of this side, `[groups]`.
    pub sizes: &'a [usize],
    /// Number of groups of the other side.
    pub others: usize,
    /// Mean cosine of each member with each group of the other side, `[members][others]`.
    pub cosines: &'a [f64],
}

/// Share of shuffled pairings that score as well as the real one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PairingNull {
    /// Arrangements whose best total is at least the real one, over all arrangements; with random
    /// ones `(hits + 1) / (draws + 1)`.
    pub share: f64,
    /// Arrangements tried.
    pub draws: u64,
    /// Whether all arrangements were tried; the real one is then among them.
    pub exact: bool,
}

/// Shuffles the members of one side among its groups, keeps the sizes, and counts how often the
/// best total is at least the real one (docs/metrics.md#pairing-and-delay).
///
/// All arrangements are tried if there are at most [`MOST_ARRANGEMENTS`], else 999 seeded ones, or
/// down to 99 for sides so large that they would take more than about a second. Needs `[groups]`
/// times `[others]` numbers besides the cosines.
///
/// # Errors
///
/// The cosines do not have their shape, or one is not finite.
pub fn pairing_null(side: PairingSide<'_>, seed: u64) -> Result<PairingNull, Error> {
    let members: usize = side.sizes.iter().sum();
    check_len("cosines of members, [members][others]", members * side.others, side.cosines.len())?;
    if let Some(at) = side.cosines.iter().position(|cosine| !cosine.is_finite()) {
        return Err(Error::Score { row: at / side.others, column: at % side.others });
    }
    let mut group_of: Vec<usize> =
        side.sizes.iter().enumerate().flat_map(|(group, &size)| std::iter::repeat_n(group, size)).collect();
    let mut scores = vec![vec![0.0; side.others]; side.sizes.len()];
    let bound = side.best_total(&group_of, &mut scores) - SLACK;
    let mut is_hit = |group_of: &[usize]| u64::from(side.best_total(group_of, &mut scores) >= bound);

    if let Some(arrangements) = arrangements(side.sizes) {
        let mut hits = is_hit(&group_of);
        while next_arrangement(&mut group_of) {
            hits += is_hit(&group_of);
        }
        return Ok(PairingNull {
            share: hits as f64 / arrangements as f64,
            draws: arrangements,
            exact: true,
        });
    }
    let draws = side.draws();
    let mut rng = Rng::new(seed);
    let mut hits = 0;
    for _ in 0..draws {
        shuffle_with(&mut group_of, &mut rng);
        hits += is_hit(&group_of);
    }
    Ok(PairingNull { share: (hits + 1) as f64 / (draws + 1) as f64, draws, exact: false })
}

impl PairingSide<'_> {
    /// Largest total when member `i` belongs to group `group_of[i]`; fills the scores,
    /// `[groups][others]`.
    fn best_total(&self, group_of: &[usize], scores: &mut [Vec<f64>]) -> f64 {
        for row in scores.iter_mut() {
            row.fill(0.0);
        }
        for (&group, cosines) in group_of.iter().zip(self.cosines.chunks_exact(self.others.max(1))) {
            for (sum, cosine) in scores[group].iter_mut().zip(cosines) {
                *sum += cosine;
            }
        }
        for (row, &size) in scores.iter_mut().zip(self.sizes) {
            for sum in row {
                *sum /= size.max(1) as f64;
            }
        }
        best(scores, self.others, None).into_iter().map(|(row, column)| scores[row][column]).sum()
    }

    /// Random arrangements that the limit on operations allows.
    fn draws(&self) -> u64 {
        let (groups, others) = (self.sizes.len() as u64, self.others as u64);
        let assigning = groups.min(others).pow(2).saturating_mul(groups.max(others));
        let operations = (self.cosines.len() as u64).saturating_add(assigning);
        (OPERATIONS / operations.max(1)).clamp(FEWEST_DRAWS, DRAWS)
    }
}

/// Number of ways to put the members into groups of these sizes, up to [`MOST_ARRANGEMENTS`].
fn arrangements(sizes: &[usize]) -> Option<u64> {
    let (mut ways, mut members) = (1_u64, 0_u64);
    for &size in sizes {
        for chosen in 1..=size as u64 {
            members += 1;
            // The product is the next binomial coefficient times `chosen`.
            ways = ways.checked_mul(members)? / chosen;
            if ways > MOST_ARRANGEMENTS {
                return None;
            }
        }
    }
    Some(ways)
}

/// Turns the groups of the members into the next arrangement in lexicographic order; false after
/// the last one.
fn next_arrangement(group_of: &mut [usize]) -> bool {
    let Some(pivot) = group_of.windows(2).rposition(|pair| pair[0] < pair[1]) else { return false };
    let larger = group_of.iter().rposition(|&group| group > group_of[pivot]).unwrap_or(pivot);
    group_of.swap(pivot, larger);
    group_of[pivot + 1..].reverse();
    true
}

#[cfg(test)]
mod tests {
    use super::{arrangements, next_arrangement};

    #[test]
    fn every_arrangement_comes_once() {
        let mut group_of = vec![0, 0, 1, 1, 1, 2];
        let mut seen = std::collections::BTreeSet::from([group_of.clone()]);
        while next_arrangement(&mut group_of) {
            assert!(seen.insert(group_of.clone()));
        }
        // 6! / (2! 3! 1!)
        assert_eq!(seen.len(), 60);
        assert_eq!(arrangements(&[2, 3, 1]), Some(60));
    }

    #[test]
    fn large_numbers_of_arrangements_are_not_counted() {
        assert_eq!(arrangements(&[]), Some(1));
        assert_eq!(arrangements(&[40_000]), Some(1));
        assert_eq!(arrangements(&[8, 8]), None);
    }
}
