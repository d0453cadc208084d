//! Co-activation: which experts are selected for the same token (docs/metrics.md#co-activation).

use std::collections::BTreeMap;

use crate::error::{Error, check_router};
use crate::load::check_selections;

/// Counts of how often two experts of a layer were selected for the same token, pooled over all
/// tokens (docs/metrics.md#co-activation).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coactivation {
    layers: usize,
    experts: usize,
    both: Counts,
}

/// Experts per layer up to which every pair has a place.
const FEW_EXPERTS: usize = 256;

/// Counts of pairs of experts; a pair of equal experts counts all selections of that expert.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Counts {
    /// `[L, E, E]`.
    Dense(Vec<u64>),
    /// Pairs that occur, by layer, first and second expert: of many experts most pairs do not.
    Sparse(BTreeMap<(u32, u16, u16), u64>),
}

/// Two experts of a layer and the conditional probability of the second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CoactivationPair {
    /// The given expert.
    pub first: usize,
    /// The other expert.
    pub second: usize,
    /// `P(second selected | first selected)`.
    pub probability: f64,
}

impl Coactivation {
    /// Creates zero counts. Takes `8 L E^2` bytes up to 256 experts; above, memory for the pairs
    /// that occur, which are at most `k^2` per token and layer.
    ///
    /// # Errors
    ///
    /// Layers or experts are 0, or there are more than 65,535 experts.
    pub fn new(layers: usize, experts: usize) -> Result<Self, Error> {
        let values = check_router(layers, experts)?;
        let both = if experts <= FEW_EXPERTS {
            Counts::Dense(vec![0; values * experts])
        } else {
            Counts::Sparse(BTreeMap::new())
        };
        Ok(Self { layers, experts, both })
    }

    /// Adds the selected expert ids of some tokens, `[T, L, k]`. The ids of a row must be distinct.
    ///
    /// # Errors
    ///
    /// The slice is not a whole number of tokens, or an id is out of range; the counts are then
    /// unchanged.
    pub fn push(&mut self, ids: &[u16], k: usize) -> Result<(), Error> {
        check_selections(ids, self.layers, self.experts, k)?;
        for (row, ids) in ids.chunks_exact(k.max(1)).enumerate() {
            let layer = row % self.layers;
            match &mut self.both {
                Counts::Dense(both) => {
                    for &first in ids {
                        let start = (layer * self.experts + usize::from(first)) * self.experts;
                        for &second in ids {
                            both[start + usize::from(second)] += 1;
                        }
                    }
                }
                Counts::Sparse(both) => {
                    for &first in ids {
                        for &second in ids {
                            *both.entry((layer as u32, first, second)).or_default() += 1;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Number of tokens that selected both experts.
    ///
    /// # Panics
    ///
    /// The layer or an expert is out of range.
    #[must_use]
    pub fn count(&self, layer: usize, first: usize, second: usize) -> u64 {
        assert!(layer < self.layers && first.max(second) < self.experts, "layer and experts are in range");
        match &self.both {
            Counts::Dense(both) => both[(layer * self.experts + first) * self.experts + second],
            Counts::Sparse(both) => {
                both.get(&(layer as u32, first as u16, second as u16)).copied().unwrap_or(0)
            }
        }
    }

    /// All pairs of a layer that occur, with their counts, by the ids of both.
    fn pairs(&self, layer: usize) -> Vec<(usize, usize, u64)> {
        match &self.both {
            Counts::Dense(both) => {
                let block = self.experts * self.experts;
                let counts = both[layer * block..(layer + 1) * block].iter().enumerate();
                let found = counts.filter(|&(_, &count)| count > 0);
                found.map(|(place, &count)| (place / self.experts, place % self.experts, count)).collect()
            }
            Counts::Sparse(both) => {
                let all = (layer as u32, 0, 0)..=(layer as u32, u16::MAX, u16::MAX);
                let found = both.range(all);
                found.map(|(&(_, a, b), &count)| (usize::from(a), usize::from(b), count)).collect()
            }
        }
    }

    /// `P(second selected | first selected)` (docs/metrics.md#co-activation); `None` if the first
    /// was never selected.
    ///
    /// # Panics
    ///
    /// The layer or an expert is out of range.
    #[must_use]
    pub fn probability(&self, layer: usize, first: usize, second: usize) -> Option<f64> {
        let selected = self.count(layer, first, first);
        (selected > 0).then(|| self.count(layer, first, second) as f64 / selected as f64)
    }

    /// The `most` strongest pairs of different experts of a layer, strongest first
    /// (docs/metrics.md#co-activation).
    ///
    /// Only pairs whose first expert was selected at least `least_selected` times count. Equal
    /// probabilities are ordered by number of tokens, largest first, then by lower ids.
    ///
    /// # Panics
    ///
    /// The layer is out of range.
    #[must_use]
    pub fn strongest(&self, layer: usize, most: usize, least_selected: u64) -> Vec<CoactivationPair> {
        let mut pairs: Vec<(f64, u64, usize, usize)> = Vec::new();
        for (first, second, both) in self.pairs(layer) {
            let selected = self.count(layer, first, first);
            if first != second && selected >= least_selected.max(1) {
                pairs.push((both as f64 / selected as f64, both, first, second));
            }
        }
        pairs.sort_unstable_by(|a, b| {
            b.0.total_cmp(&a.0).then(b.1.cmp(&a.1)).then(a.2.cmp(&b.2)).then(a.3.cmp(&b.3))
        });
        pairs.truncate(most);
        pairs
            .into_iter()
            .map(|(probability, _, first, second)| CoactivationPair { first, second, probability })
            .collect()
    }
}
