//! Router logits that become gates by a rule.

use std::{fmt, rc::Rc};

use crate::{error::Error, io::source::Pending, model::GateKind, open_trace::bad_samples::BadSample};

/// Router logits that can be folded again by another rule.
pub trait RouterLogits: fmt::Debug {
    /// Gates of all samples by a rule, `[S,L,E]`; computed once.
    fn gates(&self, kind: GateKind) -> Pending<'_, Result<FoldedGates, Error>>;

    /// Rows of each layer.
    fn rows(&self) -> usize;

    /// The same rows as samples of these lengths, which sum to [`Self::rows`].
    fn split(&self, counts: &[u32]) -> Rc<dyn RouterLogits>;

    /// Whether the rule can be applied.
    ///
    /// # Errors
    /// [`Error::Tensor`] when the rule needs logits and the values are not logits.
    fn check(&self, kind: GateKind) -> Result<(), Error>;

    /// Whether the values are probabilities, which need no rule.
    fn are_probabilities(&self) -> bool;
}

/// Gates of router logits.
#[derive(Clone, Debug)]
pub struct FoldedGates {
    /// Gates, `[S,L,E]`.
    pub gates: Rc<[f32]>,
    /// Samples with a logit that is not finite, ascending.
    pub bad: Rc<[BadSample]>,
}
