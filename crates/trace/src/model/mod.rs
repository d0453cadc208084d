//! What a router trace is: one checkpoint's routing of a set of samples.

mod check;
mod gate_kind;
pub mod results;
mod router_rule;
mod topk;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

pub use self::{
    gate_kind::GateKind,
    router_rule::{RouterRule, SIGMOID_EXAMPLES},
};
use crate::text::shorten;

/// Name and domain of one sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleMeta {
    /// Its id, unique in the trace and the same at every checkpoint.
    pub id: String,
    /// The domain it belongs to ("math").
    pub domain: String,
}

/// Where a trace's training step comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepSource {
    /// The file says it.
    Metadata,
    /// The file's name, or its folder's, says it.
    FileName,
    /// The user said it.
    User,
    /// Nobody did.
    None,
}

/// The small facts of one checkpoint's trace, known as soon as it is opened.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceInfo {
    /// The file's name.
    pub name: String,
    /// What the file was recognised as: "Grokscope trace", "Hugging Face router logits".
    pub format: &'static str,
    /// The model, where the file names it.
    pub model: Option<String>,
    /// Training step.
    pub step: Option<u64>,
    /// Who says what the step is.
    pub step_from: StepSource,
    /// Training tokens seen at that step.
    pub tokens: Option<u64>,
    /// Name and domain of each sample, `[S]`.
    pub samples: Vec<SampleMeta>,
    /// Whether these names come from the file; if not, samples are called by their place.
    pub labelled: bool,
    /// MoE layers, `L`.
    pub layers: usize,
    /// Experts a layer, `E`.
    pub experts: usize,
    /// Experts a token, `k`.
    pub top_k: Option<usize>,
    /// Whether a token's experts come heaviest first.
    pub topk_ordered: bool,
    /// What the gates are.
    pub gate_kind: GateKind,
    /// Whether gates or logits were stored in 16 bits (METRICS 1).
    pub half_precision: bool,
    /// Mean loss of each sample, `[S]`, nats a token; NaN where there is none.
    pub loss: Option<Vec<f32>>,
    /// Real tokens of each sample, `[S]`.
    pub n_tokens: Option<Vec<u32>>,
    /// Whether the selected experts of single tokens can be read now.
    pub has_topk: bool,
    /// Whether router matrices can be read.
    pub has_router: bool,
    /// Bytes of the file.
    pub bytes: u64,
}

/// The routers' weights, or all that the metrics need of them (METRICS 4).
#[derive(Clone, Debug, PartialEq)]
pub enum Router {
    /// The matrices themselves.
    Weights {
        /// `L`.
        layers: usize,
        /// `E`.
        experts: usize,
        /// Hidden size, `d`.
        width: usize,
        /// `[L,E,d]`.
        values: Vec<f32>,
    },
    /// Their products.
    Gram {
        /// `L`.
        layers: usize,
        /// `E`.
        experts: usize,
        /// `[2L-1,E,E]`: the `L` blocks `W_l W_l^T`, then the `L-1` blocks `W_l W_{l+1}^T`.
        values: Vec<f64>,
    },
}

/// The experts that single tokens went to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopK {
    /// Experts a token, `k`.
    pub k: usize,
    /// MoE layers, `L`.
    pub layers: usize,
    /// `[T,L,k]`, the tokens of the samples in order.
    pub ids: Vec<u16>,
    /// `[n+1]`: sample `i` has the tokens `offsets[i]..offsets[i+1]`, counted from the first one here.
    pub offsets: Vec<usize>,
}

/// How often each expert was selected, in exact integers (METRICS 2, ids-only traces).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Experts a token, `k`.
    pub k: usize,
    /// Layers times experts, `L*E`.
    pub width: usize,
    /// `[n,L,E]`.
    pub values: Vec<u32>,
    /// Tokens recorded of each sample, `[n]`.
    pub tokens: Vec<u32>,
}

/// The selections of one sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleCounts<'a> {
    /// Experts a token, `k`.
    pub k: usize,
    /// `[L,E]`.
    pub values: &'a [u32],
    /// Tokens recorded.
    pub tokens: u32,
}

impl Counts {
    /// Those of sample `i`, counted from the first one here; nothing selected for a sample that is not here.
    #[must_use]
    pub fn of(&self, i: usize) -> SampleCounts<'_> {
        let start = i.saturating_mul(self.width);
        let values = self.values.get(start..start.saturating_add(self.width)).unwrap_or_default();
        SampleCounts { k: self.k, values, tokens: self.tokens.get(i).copied().unwrap_or(0) }
    }
}

/// A whole trace in memory: what the writer takes, and what dumps of router logits fold into.
#[derive(Clone, Debug, PartialEq)]
pub struct RouterTrace {
    /// The model, where known.
    pub model: Option<String>,
    /// Training step.
    pub step: Option<u64>,
    /// Training tokens seen.
    pub tokens: Option<u64>,
    /// Name and domain of each sample, `[S]`; `None` where only the number of samples is known.
    pub samples: Option<Vec<SampleMeta>>,
    /// MoE layers, `L`.
    pub layers: usize,
    /// Experts a layer, `E`.
    pub experts: usize,
    /// What the gates are.
    pub gate_kind: GateKind,
    /// `[S,L,E]`.
    pub gates: Vec<f32>,
    /// Mean loss of each sample, `[S]`.
    pub loss: Option<Vec<f32>>,
    /// Real tokens of each sample, `[S]`.
    pub n_tokens: Option<Vec<u32>>,
    /// The routers.
    pub router: Option<Router>,
    /// The selected experts of every token.
    pub topk: Option<TopK>,
    /// Whether a token's experts come heaviest first.
    pub topk_ordered: bool,
}

impl RouterTrace {
    /// Samples, `S`.
    #[must_use]
    pub fn len(&self) -> usize {
        self.gates.len().checked_div(self.layers * self.experts).unwrap_or(0)
    }

    /// Whether there are no samples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Names for samples that nobody named: their place, counted from 0.
pub(crate) fn unnamed_samples(count: usize) -> Vec<SampleMeta> {
    (0..count).map(|i| SampleMeta { id: i.to_string(), domain: "all".to_owned() }).collect()
}

/// Token counts to offsets, `[S+1]`.
pub(crate) fn offsets_of(counts: &[u32]) -> Vec<u64> {
    let mut offsets = Vec::with_capacity(counts.len() + 1);
    let mut sum = 0_u64;
    offsets.push(sum);
    for &count in counts {
        sum += u64::from(count);
        offsets.push(sum);
    }
    offsets
}

/// Gives later samples of an id that comes twice another one, the same at every checkpoint of the same list.
pub fn make_distinct(name: &str, samples: &mut [SampleMeta], warnings: &mut Vec<String>) {
    let Some(twice) = first_duplicate(samples).map(str::to_owned) else { return };
    let mut taken: std::collections::BTreeSet<String> = samples.iter().map(|s| s.id.clone()).collect();
    let mut seen = std::collections::BTreeSet::new();
    let mut renamed = 0_usize;
    for sample in samples.iter_mut() {
        if seen.insert(sample.id.clone()) {
            continue;
        }
        let mut n = 2_usize;
        let mut id = format!("{} ({n})", sample.id);
        while !taken.insert(id.clone()) {
            n += 1;
            id = format!("{} ({n})", sample.id);
        }
        sample.id = id;
        seen.insert(sample.id.clone());
        renamed += 1;
    }
    warnings.push(format!(
        "{name}: sample ids come more than once (`{}` for one); {renamed} samples were given ids like `{} (2)`. \
         Give every sample its own id, so that checkpoints can be compared sample by sample.",
        shorten(&twice),
        shorten(&twice)
    ));
}

/// An id that two samples share.
pub(crate) fn first_duplicate(samples: &[SampleMeta]) -> Option<&str> {
    // Sorted by numbers made of them, which are compared faster than texts; different ids that share one are told apart.
    let number = |id: &str| {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        hasher.finish()
    };
    let mut ids: Vec<(u64, &str)> =
        samples.iter().map(|SampleMeta { id, .. }| (number(id), id.as_str())).collect();
    ids.sort_unstable();
    let twice =
        ids.windows(2).filter_map(|pair| if let [a, b] = pair { (a == b).then_some(a.1) } else { None });
    twice.min()
}
