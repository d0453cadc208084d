//! A run and its parts.

use std::{rc::Rc, sync::Arc};

use trace::{OpenTrace, Results, SampleMeta, TokenIds};

use super::{accuracies::Contradiction, bad::LeftOut, part::Verdict};
use crate::{
    analysis::words::{listed, short},
    error::Error,
    settings::Settings,
};

/// A run: all inputs of an analysis, checked for consistency.
#[derive(Debug)]
pub struct Run {
    /// Checkpoints in training order.
    pub checkpoints: Vec<RunCheckpoint>,
    /// Samples common to all checkpoints, in the order of the first checkpoint.
    pub samples: Vec<SampleMeta>,
    /// Ids of each sample's tokens, where a list of samples has them; of as many samples.
    pub token_ids: Vec<Option<TokenIds>>,
    /// Domains with their samples.
    pub domains: Vec<RunDomain>,
    /// Number of MoE layers, `L`.
    pub layers: usize,
    /// Experts per layer, `E`.
    pub experts: usize,
    /// Experts per token, `k`.
    pub top_k: Option<usize>,
    /// Benchmark results.
    pub results: Option<Rc<Results>>,
    /// Embeddings of samples and items, in the order of the run.
    pub embeddings: Option<RunEmbeddings>,
    /// Mean gates of the benchmark items at the last checkpoint, `[N, L*E]`; `None` where they
    /// cannot be used.
    pub item_gates: Option<Vec<Option<Vec<f32>>>>,
    /// The sentence on items whose gates cannot be used.
    pub items_left_out: Option<String>,
    /// Entropy of every token's gates at a step, in the order of the samples.
    pub token_entropy: Vec<TokenEntropy>,
    /// Samples that the run lacks because their gates cannot be used at some checkpoint.
    pub left_out: Vec<LeftOut>,
    /// Accuracies that the items of the results contradict.
    pub contradictions: Vec<Contradiction>,
    /// Verdict on each file.
    pub verdicts: Vec<Verdict>,
}

impl Run {
    /// Checks that the run has every domain that the settings name.
    ///
    /// # Errors
    /// [`Error::UnknownDomain`] with the first domain that it has not.
    pub fn check_domains(&self, settings: &Settings) -> Result<(), Error> {
        let known = |name: &str| self.domains.iter().any(|domain| domain.name == name);
        let Some(unknown) = settings.eps.keys().find(|name| !known(name)) else { return Ok(()) };
        let domains: Vec<String> =
            self.domains.iter().map(|domain| format!("`{}`", short(&domain.name))).collect();
        Err(Error::UnknownDomain { domain: short(unknown), domains: listed(&domains) })
    }
}

/// One checkpoint of a run.
#[derive(Clone, Debug)]
pub struct RunCheckpoint {
    /// File id.
    pub file: usize,
    /// Training step.
    pub step: u64,
    /// Training tokens seen.
    pub tokens: Option<u64>,
    /// The trace.
    pub trace: Rc<OpenTrace>,
    /// Row of each sample of the run in the trace.
    pub row_of: Arc<[u32]>,
    /// Loss of each sample of the run, NaN if unknown.
    pub loss: Rc<[f32]>,
}

/// One domain of a run.
#[derive(Clone, Debug)]
pub struct RunDomain {
    /// Name.
    pub name: String,
    /// Samples, ascending.
    pub samples: Arc<[u32]>,
    /// Benchmark items, as indices into the items of the results.
    pub items: Vec<usize>,
}

/// Text embeddings in the order of the run.
#[derive(Clone, Debug)]
pub struct RunEmbeddings {
    /// One per sample of the run.
    pub samples: Vec<Vec<f64>>,
    /// One per item of the results.
    pub items: Vec<Vec<f64>>,
}

/// Entropies of single tokens at one checkpoint.
#[derive(Clone, Debug)]
pub struct TokenEntropy {
    /// Training step.
    pub step: Option<u64>,
    /// Mean over layers, one per token, in the order of the samples.
    pub values: Vec<f64>,
}
