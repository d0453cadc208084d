//! Co-activation: which experts are selected for the same token (docs/metrics.md#co-activation).

use crate::error::{Error, check_router};
use crate::load::check_selections;

/// Counts of how often two experts of a layer were selected for the same token, pooled over all
/// tokens (docs/metrics.md#co-activation).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coactivation {
    layers: usize,
    experts: usize,
    /// `[L, E, E]`; the diagonal counts all selections of an expert.
    both: Vec<u64>,
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
    /// Creates zero counts. Takes `8 L E^2` bytes.
    ///
    /// # Errors
    ///
    /// Layers or experts are 0, or there are more than 65,535 experts.
    pub fn new(layers: usize, experts: usize) -> Result<Self, Error> {
        let values = check_router(layers, experts)?;
        Ok(Self { layers, experts, both: vec![0; values * experts] })
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
            for &first in ids {
                let start = (layer * self.experts + usize::from(first)) * self.experts;
                for &second in ids {
                    self.both[start + usize::from(second)] += 1;
                }
            }
        }
        Ok(())
    }

    /// Number of tokens that selected both experts, `[E, E]` of one layer.
    ///
    /// # Panics
    ///
    /// The layer is out of range.
    #[must_use]
    pub fn counts(&self, layer: usize) -> &[u64] {
        let block = self.experts * self.experts;
        &self.both[layer * block..(layer + 1) * block]
    }

    /// `P(second selected | first selected)` (docs/metrics.md#co-activation); `None` if the first
    /// was never selected.
    ///
    /// # Panics
    ///
    /// The layer or an expert is out of range.
    #[must_use]
    pub fn probability(&self, layer: usize, first: usize, second: usize) -> Option<f64> {
        let row = &self.counts(layer)[first * self.experts..(first + 1) * self.experts];
        (row[first] > 0).then(|| row[second] as f64 / row[first] as f64)
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
        for (first, row) in self.counts(layer).chunks_exact(self.experts).enumerate() {
            let selected = row[first];
            if selected < least_selected.max(1) {
                continue;
            }
            let others = row.iter().enumerate().filter(|&(second, &both)| second != first && both > 0);
            pairs.extend(others.map(|(second, &both)| (both as f64 / selected as f64, both, first, second)));
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
