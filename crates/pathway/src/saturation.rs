//! Router saturation: agreement of expert selections with the last checkpoint
//! (docs/metrics.md#router-saturation; `OLMoE` paper).

use crate::error::{Error, check_len};
use crate::sums::mean;

/// Agreement of a checkpoint's selections with the last checkpoint's, summed over tokens
/// (docs/metrics.md#router-saturation).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SaturationSum {
    k: usize,
    ordered: bool,
    tokens: u64,
    /// Number of selections common to both checkpoints, `[L]`.
    common: Vec<u64>,
    /// Number of tokens with the same first expert, `[L]`.
    same_first: Vec<u64>,
}

/// Router saturation at one checkpoint, pooled over tokens (docs/metrics.md#router-saturation).
#[derive(Clone, Debug, PartialEq)]
pub struct Saturation {
    /// Share of the `k` selections that the last checkpoint also makes, mean over layers.
    pub k: f64,
    /// Share of the `k` selections per layer, `[L]`.
    pub k_by_layer: Vec<f64>,
    /// Share of tokens with the same heaviest expert as at the last checkpoint, mean over layers;
    /// only if ids are ordered by weight.
    pub top1: Option<f64>,
    /// Share of tokens with the same heaviest expert per layer, `[L]`.
    pub top1_by_layer: Option<Vec<f64>>,
}

impl SaturationSum {
    /// Creates zero sums for `k` experts per token; ids are `ordered` if the heaviest comes first.
    #[must_use]
    pub fn new(layers: usize, k: usize, ordered: bool) -> Self {
        Self { k, ordered, tokens: 0, common: vec![0; layers], same_first: vec![0; layers] }
    }

    /// Adds the selected expert ids `[T, L, k]` of the same tokens at this and at the last
    /// checkpoint. The ids of a row must be distinct.
    ///
    /// # Errors
    ///
    /// The slices differ in length or are not a whole number of tokens; nothing is then added.
    pub fn push(&mut self, now: &[u16], last: &[u16]) -> Result<(), Error> {
        let layers = self.common.len();
        let of_token = layers * self.k;
        let tokens = now.len().checked_div(of_token).unwrap_or(0);
        check_len("selected experts, whole tokens [T, L, k]", tokens * of_token, now.len())?;
        check_len("the last checkpoint's selected experts [T, L, k]", now.len(), last.len())?;
        let k = self.k.max(1);
        for (row, (now, last)) in now.chunks_exact(k).zip(last.chunks_exact(k)).enumerate() {
            let layer = row % layers;
            self.common[layer] += now.iter().filter(|id| last.contains(id)).count() as u64;
            self.same_first[layer] += u64::from(now.first() == last.first());
        }
        self.tokens += tokens as u64;
        Ok(())
    }

    /// Number of tokens added.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// The shares over all tokens added; `None` without tokens.
    #[must_use]
    pub fn result(&self) -> Option<Saturation> {
        let share = |counts: &[u64], of: u64| -> Vec<f64> {
            counts.iter().map(|&count| count as f64 / of as f64).collect()
        };
        if self.tokens == 0 {
            return None;
        }
        let k_by_layer = share(&self.common, self.tokens * self.k as u64);
        let top1_by_layer = self.ordered.then(|| share(&self.same_first, self.tokens));
        Some(Saturation {
            k: mean(&k_by_layer)?,
            k_by_layer,
            top1: top1_by_layer.as_deref().and_then(mean),
            top1_by_layer,
        })
    }
}
