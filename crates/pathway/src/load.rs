//! Expert load: how evenly the experts are used (docs/metrics.md#expert-load).

use crate::error::{Error, check_len, check_router};

/// Selection counts of each expert, pooled over all tokens added (docs/metrics.md#expert-load).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadCounts {
    layers: usize,
    experts: usize,
    counts: Vec<u64>,
}

/// Load of the experts of one layer (docs/metrics.md#expert-load).
#[derive(Clone, Debug, PartialEq)]
pub struct LayerLoad {
    /// Selection count of each expert, `[E]`.
    pub counts: Vec<u64>,
    /// Largest count over the mean count; undefined without selections.
    pub max_over_mean: Option<f64>,
    /// Maximum violation: by what share of the mean the largest count exceeds it; undefined without
    /// selections.
    pub max_violation: Option<f64>,
    /// Coefficient of variation: the population standard deviation of the counts over their mean;
    /// undefined without selections.
    pub cv: Option<f64>,
    /// Number of experts that were never selected.
    pub never_used: usize,
}

impl LoadCounts {
    /// Creates zero counts.
    ///
    /// # Errors
    ///
    /// Layers or experts are 0, or there are more than 65,535 experts.
    pub fn new(layers: usize, experts: usize) -> Result<Self, Error> {
        let values = check_router(layers, experts)?;
        Ok(Self { layers, experts, counts: vec![0; values] })
    }

    /// Adds the selected expert ids of some tokens, `[T, L, k]`.
    ///
    /// # Errors
    ///
    /// The slice is not a whole number of tokens, or an id is out of range; the counts are then
    /// unchanged.
    pub fn push(&mut self, ids: &[u16], k: usize) -> Result<(), Error> {
        check_selections(ids, self.layers, self.experts, k)?;
        for (row, ids) in ids.chunks_exact(k.max(1)).enumerate() {
            let layer = row % self.layers;
            for &id in ids {
                self.counts[layer * self.experts + usize::from(id)] += 1;
            }
        }
        Ok(())
    }

    /// Adds counts `[L, E]`.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] unless the slice is `[L, E]`.
    pub fn push_counts(&mut self, counts: &[u32]) -> Result<(), Error> {
        check_len("selection counts [L, E]", self.counts.len(), counts.len())?;
        for (sum, &count) in self.counts.iter_mut().zip(counts) {
            *sum += u64::from(count);
        }
        Ok(())
    }

    /// Selection count of each expert, `[L, E]`.
    #[must_use]
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }

    /// Load of each layer, `[L]`.
    #[must_use]
    pub fn layers(&self) -> Vec<LayerLoad> {
        self.counts.chunks_exact(self.experts).map(LayerLoad::new).collect()
    }
}

impl LayerLoad {
    /// Computes the load of a layer from the selection counts of its experts, `[E]`.
    #[must_use]
    pub fn new(counts: &[u64]) -> Self {
        let total: u64 = counts.iter().sum();
        let mean = total as f64 / counts.len() as f64;
        let squares: f64 = counts.iter().map(|&count| (count as f64 - mean) * (count as f64 - mean)).sum();
        let largest = counts.iter().copied().max().unwrap_or(0);
        Self {
            counts: counts.to_vec(),
            max_over_mean: (total > 0).then(|| largest as f64 / mean),
            max_violation: (total > 0).then(|| largest as f64 / mean - 1.0),
            cv: (total > 0).then(|| (squares / counts.len() as f64).sqrt() / mean),
            never_used: counts.iter().filter(|&&count| count == 0).count(),
        }
    }
}

/// Returns the number of tokens in `ids` `[T, L, k]`, or an error if tokens are incomplete or an id
/// is out of range.
pub(crate) fn check_selections(ids: &[u16], layers: usize, experts: usize, k: usize) -> Result<usize, Error> {
    let of_token = layers.saturating_mul(k);
    let tokens = ids.len().checked_div(of_token).unwrap_or(0);
    check_len("selected experts, whole tokens [T, L, k]", tokens * of_token, ids.len())?;
    match ids.iter().position(|&id| usize::from(id) >= experts) {
        None => Ok(tokens),
        Some(place) => Err(Error::UnknownExpert {
            token: place / of_token,
            layer: place % of_token / k,
            expert: ids[place],
            experts,
        }),
    }
}
