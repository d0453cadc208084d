//! Benchmark results, and data on samples and items from outside the traces.

use std::rc::Rc;

use crate::error::Error;

/// Results of a run's benchmark items over its checkpoints, or only accuracies and losses.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Results {
    /// The model, if named.
    pub model: Option<String>,
    /// Training steps of the checkpoints, `[C]`, ascending. Empty if the only step must be found
    /// through `evaluation`.
    pub steps: Vec<u64>,
    /// Identifies an evaluation: the files of one evaluation of one checkpoint have the same text
    /// here, and a file without a step takes the step of the others.
    pub evaluation: Option<String>,
    /// Data on the samples, in their order; may be empty.
    pub samples: Vec<SampleRecord>,
    /// The benchmark items; may be empty.
    pub items: Vec<Item>,
    /// Accuracies of whole domains.
    pub accuracy: Vec<Accuracy>,
    /// Validation losses of whole domains.
    pub validation_loss: Vec<ValidationLoss>,
}

/// Data on one sample from outside its trace.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleRecord {
    /// Id of the sample or item.
    pub id: String,
    /// Domain of the sample or item.
    pub domain: String,
    /// Number of its real tokens.
    pub tokens: Option<u32>,
    /// Embedding of its text, `[d]`.
    pub embedding: Option<Vec<f64>>,
    /// Ids of its tokens, if they are listed.
    pub token_ids: Option<TokenIds>,
}

/// Ids of a sample's tokens, shared by its copies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenIds {
    /// Ids in the model's vocabulary, one per token, `[T]`.
    pub ids: Rc<[u32]>,
    /// The sample's text, if it has as many words as there are ids.
    text: Option<Rc<str>>,
}

impl TokenIds {
    /// The ids of a sample. The text names the tokens only if it has as many words, separated by white space.
    #[must_use]
    pub fn new(ids: &[u32], text: Option<&str>) -> Self {
        let fits = |text: &&str| text.split_whitespace().count() == ids.len();
        Self { ids: ids.into(), text: text.filter(fits).map(Into::into) }
    }

    /// The words of the tokens in order; as many as ids, or none.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.text.as_deref().unwrap_or_default().split_whitespace()
    }
}

/// One benchmark item.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Id of the sample or item.
    pub id: String,
    /// Domain of the sample or item.
    pub domain: String,
    /// Whether the answer was correct at each of the results' steps, `[C]`; `None` if unknown.
    pub correct: Vec<Option<bool>>,
    /// Whether the likeliest choice was correct (`acc` of lm-evaluation-harness), `[C]`; empty
    /// without choices.
    pub acc: Vec<Option<bool>>,
    /// Whether the likeliest choice per character was correct (`acc_norm`), `[C]`; empty if
    /// unknown.
    pub acc_norm: Vec<Option<bool>>,
    /// Embedding of its text, `[d]`.
    pub embedding: Option<Vec<f64>>,
}

/// Accuracy of a domain at one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Accuracy {
    /// The domain.
    pub domain: String,
    /// Training step.
    pub step: u64,
    /// Share of correct answers, from 0 to 1.
    pub accuracy: f64,
}

/// Validation loss of a domain at one step.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidationLoss {
    /// The domain.
    pub domain: String,
    /// Training step.
    pub step: u64,
    /// Nats per token.
    pub loss: f64,
}

/// Embeddings of texts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embeddings {
    /// Embeddings of samples, `[S][d]`; may be empty.
    pub samples: Vec<Vec<f32>>,
    /// Embeddings of items, `[N][d]`; may be empty.
    pub items: Vec<Vec<f32>>,
}

/// Mean gates of the benchmark items at the last checkpoint, for pairing without embeddings
/// (`docs/metrics.md#pairing-and-delay`).
#[derive(Clone, Debug, PartialEq)]
pub struct ItemGates {
    /// MoE layers, `L`.
    pub layers: usize,
    /// Experts per layer, `E`.
    pub experts: usize,
    /// Mean gates, `[N,L,E]`; those of unusable items are as stored.
    pub values: Vec<f32>,
    /// Items whose gates cannot be used, ascending.
    pub unusable: Option<UnusableRows>,
}

/// Items or tokens of a file whose gates cannot be used.
#[derive(Clone, Debug, PartialEq)]
pub struct UnusableRows {
    /// Indices of the items or tokens in the file, ascending.
    pub rows: Vec<usize>,
    /// What is wrong with the first of them.
    pub fault: Error,
}

/// Entropies of single tokens' gates (`docs/metrics.md#token-entropy`).
#[derive(Clone, Debug, PartialEq)]
pub struct TokenGates {
    /// Training step.
    pub step: Option<u64>,
    /// MoE layers, `L`.
    pub layers: usize,
    /// Experts per layer, `E`.
    pub experts: usize,
    /// Entropy of each token's gates in nats, mean over layers, `[T]`; the tokens of the samples in
    /// order. NaN for unusable tokens.
    pub entropy: Vec<f64>,
    /// Tokens whose gates cannot be used, ascending.
    pub unusable: Option<UnusableRows>,
}

/// Names, domains and token counts of the samples, in the order of the traces.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleList {
    /// One record per sample.
    pub samples: Vec<SampleRecord>,
    /// Whether checkpoints can be run on the samples: every line has `input_ids` or `text`.
    pub runnable: bool,
}
