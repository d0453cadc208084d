//! A run and its parts.

use std::rc::Rc;

use trace::{OpenTrace, Results, SampleMeta};

use super::part::Verdict;

/// A trace with its file's number and its training step.
pub(super) type Stepped = (usize, u64, OpenTrace);

/// A run: everything that an analysis needs, checked to fit together.
#[derive(Debug)]
pub struct Run {
    /// Checkpoints in training order.
    pub checkpoints: Vec<RunCheckpoint>,
    /// Samples that every checkpoint has, in the order of the first checkpoint.
    pub samples: Vec<SampleMeta>,
    /// Samples of each domain, by name.
    pub domains: Vec<RunDomain>,
    /// MoE layers, `L`.
    pub layers: usize,
    /// Experts a layer, `E`.
    pub experts: usize,
    /// Experts a token, `k`.
    pub top_k: Option<usize>,
    /// Benchmark results.
    pub results: Option<Rc<Results>>,
    /// Embeddings of samples and items, in the run's order.
    pub embeddings: Option<RunEmbeddings>,
    /// Mean gates of the benchmark items at the last checkpoint, `[N, L*E]`.
    pub item_gates: Option<Vec<Vec<f32>>>,
    /// Entropy of every token's gates at a step, in the order of the samples.
    pub token_entropy: Vec<TokenEntropy>,
    /// What became of each file.
    pub verdicts: Vec<Verdict>,
}

/// One checkpoint of a run.
#[derive(Clone, Debug)]
pub struct RunCheckpoint {
    /// The file's number.
    pub file: usize,
    /// Training step.
    pub step: u64,
    /// Training tokens seen.
    pub tokens: Option<u64>,
    /// Its trace.
    pub trace: Rc<OpenTrace>,
    /// For each sample of the run its row in the trace.
    pub row_of: Rc<[u32]>,
    /// Loss of each sample of the run, NaN where there is none.
    pub loss: Rc<[f32]>,
}

/// One domain of a run.
#[derive(Clone, Debug)]
pub struct RunDomain {
    /// Its name.
    pub name: String,
    /// Its samples, ascending.
    pub samples: Rc<[u32]>,
    /// Its benchmark items, as indices into the results' items.
    pub items: Vec<usize>,
}

/// Text embeddings in the run's order.
#[derive(Clone, Debug)]
pub struct RunEmbeddings {
    /// One a sample of the run.
    pub samples: Vec<Vec<f64>>,
    /// One an item of the results.
    pub items: Vec<Vec<f64>>,
}

/// Entropies of single tokens at one checkpoint.
#[derive(Clone, Debug)]
pub struct TokenEntropy {
    /// Training step.
    pub step: Option<u64>,
    /// Mean over layers, one a token, samples in order.
    pub values: Vec<f64>,
}
