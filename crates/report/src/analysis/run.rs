//! Files become one run: checkpoints in training order, the samples that all of them have, and benchmark results
//! beside them. Files that do not fit are left out with a reason; nothing good is lost for their sake.

mod attach;
mod fit;
mod join;
mod label;
mod layers;
mod part;
mod results;
mod rule;

use std::{collections::BTreeMap, rc::Rc};

use trace::{OpenTrace, Results, SampleMeta};

use self::{
    attach::attach,
    fit::{common_samples, one_a_step, same_shape},
    join::join,
    label::{label, one_width},
    results::pick_results,
};
pub use self::{
    label::traces,
    part::{Part, Verdict},
};
use crate::error::Error;

/// A trace with its file's number and its training step.
type Stepped = (usize, u64, OpenTrace);

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

/// Puts files together to a run.
///
/// Traces of another shape than most, of a step that another file already has, without a step, or without samples in
/// common with the others are left out; so are files that are no part of a run. Sample lists and results give names,
/// domains and token counts to traces that have none.
///
/// # Errors
/// [`Error::NothingToAnalyse`] when no file is a usable trace.
pub fn assemble(parts: &[Part]) -> Result<Run, Error> {
    let mut verdicts = Vec::new();
    let results = pick_results(parts, &mut verdicts);
    let (traces, joined) = label(parts, results.as_deref(), &mut verdicts);
    let traces = one_width(traces);
    let traces = same_shape(traces, &mut verdicts);
    let traces = join(traces, &mut verdicts);
    let mut traces = one_a_step(traces, &mut verdicts);
    let samples = common_samples(&mut traces, &mut verdicts)?;
    let Some((_, _, first)) = traces.first() else {
        return Err(Error::NothingToAnalyse { files: parts.len() });
    };
    let (layers, experts) = (first.info.layers, first.info.experts);
    let top_k = traces.iter().find_map(|(_, _, trace)| trace.info.top_k);
    let checkpoints: Vec<RunCheckpoint> =
        traces.into_iter().map(|(file, step, trace)| checkpoint(file, step, trace, &samples)).collect();
    let domains = domains(&samples, results.as_deref());
    let mut run = Run {
        checkpoints,
        samples,
        domains,
        layers,
        experts,
        top_k,
        results,
        embeddings: None,
        item_gates: None,
        token_entropy: Vec::new(),
        verdicts,
    };
    attach(&mut run, parts);
    joined.judge(&mut run.verdicts);
    run.verdicts.sort_by_key(|verdict| verdict.id);
    Ok(run)
}

fn checkpoint(file: usize, step: u64, trace: OpenTrace, samples: &[SampleMeta]) -> RunCheckpoint {
    let rows: BTreeMap<&str, u32> =
        trace.info.samples.iter().enumerate().map(|(row, sample)| (sample.id.as_str(), row as u32)).collect();
    let row_of: Rc<[u32]> =
        samples.iter().map(|sample| rows.get(sample.id.as_str()).copied().unwrap_or(0)).collect();
    let loss = row_of
        .iter()
        .map(|&row| {
            let losses = trace.info.loss.as_deref().unwrap_or(&[]);
            losses.get(row as usize).copied().unwrap_or(f32::NAN)
        })
        .collect();
    RunCheckpoint { file, step, tokens: trace.info.tokens, trace: Rc::new(trace), row_of, loss }
}

fn domains(samples: &[SampleMeta], results: Option<&Results>) -> Vec<RunDomain> {
    // In the order in which the samples name them: the user's own order.
    let mut domains: Vec<(String, Vec<u32>)> = Vec::new();
    let mut index: BTreeMap<&str, usize> = BTreeMap::new();
    for (i, sample) in samples.iter().enumerate() {
        let at = *index.entry(sample.domain.as_str()).or_insert_with(|| {
            domains.push((sample.domain.clone(), Vec::new()));
            domains.len() - 1
        });
        domains[at].1.push(i as u32);
    }
    domains
        .into_iter()
        .map(|(name, members)| {
            let items = results.map_or_else(Vec::new, |results| {
                let named = |&i: &usize| results.items[i].domain == name;
                (0..results.items.len()).filter(named).collect()
            });
            RunDomain { name, samples: members.into(), items }
        })
        .collect()
}
