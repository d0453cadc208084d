//! Experts of a sample's single tokens (the view "Tokens"). They need the traces, not only the report.

use trace::{SampleMeta, TokenIds};

use super::{Analysis, Run, words::short};
use crate::error::Error;

/// Experts that the tokens of one sample selected at one checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenExperts {
    /// The sample.
    pub sample: SampleMeta,
    /// Training step.
    pub step: u64,
    /// MoE layers, `L`.
    pub layers: usize,
    /// Experts per token, `k`.
    pub k: usize,
    /// Whether a token's experts are ordered by weight, largest first; else by id.
    pub ordered: bool,
    /// Expert ids, `[T,L,k]`.
    pub ids: Vec<u16>,
    /// Ids of the tokens, if a list of samples has as many for this sample.
    pub names: Option<TokenIds>,
    /// Number of token ids that the list has, where it is another number.
    pub listed: Option<usize>,
}

impl TokenExperts {
    /// Number of tokens.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.ids.len().checked_div(self.layers * self.k).unwrap_or(0)
    }

    /// The `k` experts of a token in a layer; empty out of range.
    #[must_use]
    pub fn of(&self, token: usize, layer: usize) -> &[u16] {
        if layer >= self.layers {
            return &[];
        }
        let start = (token * self.layers + layer) * self.k;
        self.ids.get(start..start + self.k).unwrap_or_default()
    }

    /// Where the token's first expert differs from that of an earlier checkpoint, `[T,L]`; where an
    /// order is missing, the set of experts (docs/metrics.md#experts-of-single-tokens).
    ///
    /// # Errors
    /// [`Error::NoTokens`] if the checkpoints do not have the same number of tokens, or sets of
    /// different sizes.
    pub fn flips(&self, before: &Self) -> Result<Vec<bool>, Error> {
        let ordered = self.ordered && before.ordered;
        let (id, at, then) = (short(&self.sample.id), self.step, before.step);
        if (self.tokens(), self.layers) != (before.tokens(), before.layers) {
            return Err(Error::NoTokens {
                reason: format!(
                    "`{id}` has {} tokens at step {then} and {} at step {at}, so they cannot be compared. \
                     Choose another sample or checkpoint.",
                    before.tokens(),
                    self.tokens()
                ),
            });
        }
        if !ordered && self.k != before.k {
            return Err(Error::NoTokens {
                reason: format!(
                    "tokens have {} experts without an order at step {then} and {} at step {at}, so they cannot \
                     be compared. Choose another checkpoint.",
                    before.k, self.k
                ),
            });
        }
        let places = (0..self.tokens()).flat_map(|token| (0..self.layers).map(move |layer| (token, layer)));
        let differ = places.map(|(token, layer)| {
            let (now, then) = (self.of(token, layer), before.of(token, layer));
            if ordered { now.first() != then.first() } else { now.iter().any(|id| !then.contains(id)) }
        });
        Ok(differ.collect())
    }
}

impl Analysis {
    /// Reads the experts of a sample's tokens at a checkpoint, both given by index.
    ///
    /// # Errors
    /// [`Error::NoTokens`] if the checkpoint has no expert ids of the sample's tokens; errors of reading.
    pub async fn token_experts(
        &self,
        run: &Run,
        sample: usize,
        checkpoint: usize,
    ) -> Result<TokenExperts, Error> {
        let none = |reason: String| Error::NoTokens { reason };
        let at = run.checkpoints.get(checkpoint);
        let at = at.ok_or_else(|| none(format!("the run has no checkpoint {checkpoint}.")))?;
        let meta = run.samples.get(sample).zip(at.row_of.get(sample));
        let (meta, &row) = meta.ok_or_else(|| none(format!("the run has no sample {sample}.")))?;
        let row = row as usize;
        let info = &at.trace.info;
        let Some(found) = at.trace.topk(row..row + 1).await? else { return Err(without_ids(at.step)) };
        let mut ids = found.ids;
        if ids.is_empty() {
            let id = short(&meta.id);
            return Err(none(format!(
                "`{id}` has no recorded token at step {}. Choose another sample.",
                at.step
            )));
        }
        if !info.topk_ordered {
            ids.chunks_exact_mut(found.k.max(1)).for_each(<[u16]>::sort_unstable);
        }
        let tokens = ids.len().checked_div(found.layers * found.k).unwrap_or(0);
        let listed = run.token_ids.get(sample).cloned().flatten();
        let number = listed.as_ref().map(|listed| listed.ids.len()).filter(|&number| number != tokens);
        Ok(TokenExperts {
            sample: meta.clone(),
            step: at.step,
            layers: found.layers,
            k: found.k,
            ordered: info.topk_ordered,
            ids,
            names: listed.filter(|_| number.is_none()),
            listed: number,
        })
    }
}

/// A checkpoint has no experts of single tokens.
pub(super) fn without_ids(step: u64) -> Error {
    let reason = format!(
        "the trace of step {step} has no expert ids of single tokens. Write `topk_ids` and `offsets` into it, or choose \
         another checkpoint."
    );
    Error::NoTokens { reason }
}
