//! A router trace: one checkpoint's routing of a set of samples.

mod check;
mod gate_kind;
pub mod results;
mod router_rule;
mod topk;

use std::{
    collections::{BTreeMap, BTreeSet},
    hash::{DefaultHasher, Hash as _, Hasher as _},
};

pub use self::{
    gate_kind::GateKind,
    router_rule::{RouterRule, SIGMOID_EXAMPLES},
};
use crate::text::shorten;

/// The most experts per layer. Their ids and the break between layers are the symbols of a pathway,
/// which have 16 bits.
pub const MAX_EXPERTS: usize = 65_535;

/// Name and domain of one sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleMeta {
    /// Its id, unique in the trace and the same at every checkpoint.
    pub id: String,
    /// Its domain, such as "math".
    pub domain: String,
}

/// The origin of a trace's training step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepSource {
    /// The file's content.
    Metadata,
    /// The name of the file or of its folder.
    FileName,
    /// The number of the checkpoint in the name of the file or its folder (`ckpt-3`), which need not
    /// be a step.
    CheckpointName,
    /// The user.
    User,
    /// The step is unknown.
    None,
}

/// The metadata of one checkpoint's trace, known as soon as it is opened.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceInfo {
    /// The file's name.
    pub name: String,
    /// The format's name, such as "Grokscope trace" or "Hugging Face router logits".
    pub format: &'static str,
    /// The model, if the file names it.
    pub model: Option<String>,
    /// Training step.
    pub step: Option<u64>,
    /// The origin of the step.
    pub step_from: StepSource,
    /// Training tokens up to that step.
    pub tokens: Option<u64>,
    /// Name and domain of each sample, `[S]`.
    pub samples: Vec<SampleMeta>,
    /// Whether these names come from the file; otherwise samples are named by their index.
    pub labelled: bool,
    /// MoE layers, `L`.
    pub layers: usize,
    /// The number of the only layer, where each layer has a file of its own.
    pub layer: Option<u64>,
    /// Experts per layer, `E`.
    pub experts: usize,
    /// Experts per token, `k`.
    pub top_k: Option<usize>,
    /// Whether a token's experts are ordered by weight, largest first.
    pub topk_ordered: bool,
    /// The quantity that the gates are.
    pub gate_kind: GateKind,
    /// Whether gates or logits were stored in 16 bits (`docs/metrics.md#mean-gates`).
    pub half_precision: bool,
    /// Mean loss of each sample in nats per token, `[S]`; NaN where unknown.
    pub loss: Option<Vec<f32>>,
    /// Real tokens of each sample, `[S]`.
    pub n_tokens: Option<Vec<u32>>,
    /// Whether the selected experts of single tokens can be read.
    pub has_topk: bool,
    /// Whether router matrices can be read.
    pub has_router: bool,
    /// Size of the file in bytes.
    pub bytes: u64,
}

/// The routers' weights, or the products of them that consistency needs
/// (`docs/metrics.md#pathway-consistency`).
#[derive(Clone, Debug, PartialEq)]
pub enum Router {
    /// The matrices.
    Weights {
        /// MoE layers, `L`.
        layers: usize,
        /// Experts per layer, `E`.
        experts: usize,
        /// Hidden size, `d`.
        width: usize,
        /// Values, `[L,E,d]`.
        values: Vec<f32>,
    },
    /// Products of the matrices.
    Gram {
        /// MoE layers, `L`.
        layers: usize,
        /// Experts per layer, `E`.
        experts: usize,
        /// Values, `[2L-1,E,E]`: the `L` products `W_l W_l^T`, then the `L-1` products
        /// `W_l W_{l+1}^T`.
        values: Vec<f64>,
    },
}

/// The selected experts of single tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopK {
    /// Experts per token, `k`.
    pub k: usize,
    /// MoE layers, `L`.
    pub layers: usize,
    /// Expert ids, `[T,L,k]`, the tokens of the samples in order.
    pub ids: Vec<u16>,
    /// Token offsets, `[n+1]`: sample `i` has the tokens `offsets[i]..offsets[i+1]` of `ids`.
    pub offsets: Vec<usize>,
}

/// Exact counts of how often each expert was selected (`docs/metrics.md#mean-gates`, traces of
/// expert ids).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Experts per token, `k`.
    pub k: usize,
    /// Layers times experts, `L*E`.
    pub width: usize,
    /// Counts, `[n,L,E]`.
    pub values: Vec<u32>,
    /// Recorded tokens of each sample, `[n]`.
    pub tokens: Vec<u32>,
}

/// The selection counts of one sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleCounts<'a> {
    /// Experts per token, `k`.
    pub k: usize,
    /// Counts, `[L,E]`.
    pub values: &'a [u32],
    /// Number of recorded tokens.
    pub tokens: u32,
}

impl Counts {
    /// The counts of sample `i` of the range; zero for an index out of range.
    #[must_use]
    pub fn of(&self, i: usize) -> SampleCounts<'_> {
        let start = i.saturating_mul(self.width);
        let values = self.values.get(start..start.saturating_add(self.width)).unwrap_or_default();
        SampleCounts { k: self.k, values, tokens: self.tokens.get(i).copied().unwrap_or(0) }
    }
}

/// A whole trace in memory: the input of the writer and the result of folding router logits.
#[derive(Clone, Debug, PartialEq)]
pub struct RouterTrace {
    /// The model, if known.
    pub model: Option<String>,
    /// Training step.
    pub step: Option<u64>,
    /// Training tokens.
    pub tokens: Option<u64>,
    /// Name and domain of each sample, `[S]`; `None` if only the number of samples is known.
    pub samples: Option<Vec<SampleMeta>>,
    /// MoE layers, `L`.
    pub layers: usize,
    /// Experts per layer, `E`.
    pub experts: usize,
    /// The quantity that the gates are.
    pub gate_kind: GateKind,
    /// Gates, `[S,L,E]`.
    pub gates: Vec<f32>,
    /// Mean loss of each sample, `[S]`.
    pub loss: Option<Vec<f32>>,
    /// Real tokens of each sample, `[S]`.
    pub n_tokens: Option<Vec<u32>>,
    /// The routers.
    pub router: Option<Router>,
    /// The selected experts of every token.
    pub topk: Option<TopK>,
    /// Whether a token's experts are ordered by weight, largest first.
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

/// Names for unnamed samples: their index, counted from 0.
pub(crate) fn unnamed_samples(count: usize) -> Vec<SampleMeta> {
    (0..count).map(|i| SampleMeta { id: i.to_string(), domain: "all".to_owned() }).collect()
}

/// Offsets from token counts, `[S+1]`.
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

/// Adds the domain to ids that several domains have, whatever the order of the samples.
fn name_by_domain(name: &str, samples: &mut [SampleMeta], warnings: &mut Vec<String>) {
    if first_duplicate(samples).is_none() {
        return;
    }
    let mut domains: BTreeMap<&str, &str> = BTreeMap::new();
    let mut shared: BTreeSet<String> = BTreeSet::new();
    for SampleMeta { id, domain } in samples.iter() {
        if *domains.entry(id).or_insert(domain) != domain {
            shared.insert(id.clone());
        }
    }
    let Some(first) = shared.first().cloned() else { return };
    let mut example = String::new();
    for sample in samples.iter_mut().filter(|sample| shared.contains(&sample.id)) {
        sample.id = format!("{} ({})", sample.id, sample.domain);
        if example.is_empty() {
            example.clone_from(&sample.id);
        }
    }
    warnings.push(format!(
        "{name}: {} sample ids are in several domains (for example `{}`); these samples are named by both, as `{}`.",
        shared.len(),
        shorten(&first),
        shorten(&example)
    ));
}

/// Renames later samples of a repeated id, equally at every checkpoint with the same list.
pub fn make_distinct(name: &str, samples: &mut [SampleMeta], warnings: &mut Vec<String>) {
    name_by_domain(name, samples, warnings);
    let Some(twice) = first_duplicate(samples).map(str::to_owned) else { return };
    let mut taken: BTreeSet<String> = samples.iter().map(|s| s.id.clone()).collect();
    let mut seen = BTreeSet::new();
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
        "{name}: sample ids are repeated (for example `{}`); {renamed} samples were renamed like `{} (2)`. \
         Give every sample its own id, so that checkpoints can be compared sample by sample.",
        shorten(&twice),
        shorten(&twice)
    ));
}

/// An id that two samples share.
pub(crate) fn first_duplicate(samples: &[SampleMeta]) -> Option<&str> {
    // Sorts by hashes, which compare faster than texts; different ids with equal hashes are
    // compared as texts.
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
