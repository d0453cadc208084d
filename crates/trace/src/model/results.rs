//! Benchmark results and what else is known of samples and items beside the traces.

/// Results of a run's benchmark items over its checkpoints, and accuracies and losses where only those are given.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Results {
    /// The model, where named.
    pub model: Option<String>,
    /// Training steps of the checkpoints, `[C]`, ascending. Empty where `evaluation` is to say the one step.
    pub steps: Vec<u64>,
    /// Files of one evaluation of one checkpoint have the same text here: a file without a step has that of the others.
    pub evaluation: Option<String>,
    /// What is known of the samples, in their order; may be empty.
    pub samples: Vec<SampleRecord>,
    /// The benchmark items; may be empty.
    pub items: Vec<Item>,
    /// Accuracies of whole domains.
    pub accuracy: Vec<Accuracy>,
    /// Validation losses of whole domains.
    pub validation_loss: Vec<ValidationLoss>,
}

/// What is known of one sample beside its trace.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleRecord {
    /// Its id.
    pub id: String,
    /// Its domain.
    pub domain: String,
    /// Its real tokens.
    pub tokens: Option<u32>,
    /// Embedding of its text, `[d]`.
    pub embedding: Option<Vec<f64>>,
}

/// One benchmark item.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// Its id.
    pub id: String,
    /// Its domain.
    pub domain: String,
    /// Whether it was answered rightly at each of the results' steps, `[C]`; `None` where not known.
    pub correct: Vec<Option<bool>>,
    /// The same by its likeliest choice (`acc` of lm-evaluation-harness), `[C]`; empty where there are no choices.
    pub acc: Vec<Option<bool>>,
    /// The same by the likeliest choice for a character of it (`acc_norm`), `[C]`; empty where not known.
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
    /// Share of right answers, from 0 to 1.
    pub accuracy: f64,
}

/// Validation loss of a domain at one step.
#[derive(Clone, Debug, PartialEq)]
pub struct ValidationLoss {
    /// The domain.
    pub domain: String,
    /// Training step.
    pub step: u64,
    /// Nats a token.
    pub loss: f64,
}

/// Embeddings of texts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Embeddings {
    /// `[S][d]`; empty where the file has none.
    pub samples: Vec<Vec<f32>>,
    /// `[N][d]`; empty where the file has none.
    pub items: Vec<Vec<f32>>,
}

/// Mean gates of the benchmark items at the last checkpoint (METRICS 6, without embeddings).
#[derive(Clone, Debug, PartialEq)]
pub struct ItemGates {
    /// MoE layers, `L`.
    pub layers: usize,
    /// Experts a layer, `E`.
    pub experts: usize,
    /// `[N,L,E]`.
    pub values: Vec<f32>,
}

/// What is kept of the gates of single tokens: their entropies.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenGates {
    /// Training step.
    pub step: Option<u64>,
    /// MoE layers, `L`.
    pub layers: usize,
    /// Experts a layer, `E`.
    pub experts: usize,
    /// `[T]`: entropy of each token's gates in nats, mean over layers; the tokens of the samples in order.
    pub entropy: Vec<f64>,
}

/// Names, domains and token counts of the samples, in the order of the traces.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleList {
    /// One a sample.
    pub samples: Vec<SampleRecord>,
    /// Whether checkpoints can be run on them: every line has `input_ids` or `text`.
    pub runnable: bool,
}
