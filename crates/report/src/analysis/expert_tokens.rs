//! The tokens that each expert of a layer selects most (the view "Tokens").

use std::{collections::BTreeMap, rc::Rc};

use super::{Analysis, Run, Watch, flow::evenly, tokens::without_ids};
use crate::error::Error;

/// Most selections that are counted in the layer.
const MOST_COUNTED: usize = 4_000_000;

/// Most expert ids that are read, which are those of all layers.
const MOST_READ: usize = 64_000_000;

/// Tokens that are kept per expert.
const KEPT: usize = 30;

/// The tokens that the experts of one layer select most, in a domain at a checkpoint
/// (docs/metrics.md#experts-of-single-tokens).
#[derive(Clone, Debug, PartialEq)]
pub struct ExpertTokens {
    /// Selections of each expert, `[E]`.
    pub selections: Vec<u64>,
    /// The tokens selected most by each expert, most first, of equal ones the lowest id; at most 30, `[E]`.
    pub top: Vec<Vec<TokenCount>>,
    /// Tokens that were counted.
    pub tokens: u64,
    /// Samples that were counted.
    pub samples: usize,
    /// Samples whose token ids are known, without those whose list is seen to have another number of tokens than the
    /// trace; more than those counted if the domain was reduced evenly.
    pub known: usize,
    /// Samples of the domain.
    pub of: usize,
}

/// How often an expert selects a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenCount {
    /// Id in the model's vocabulary.
    pub token: u32,
    /// The token's text, if the list of samples has it.
    pub word: Option<Rc<str>>,
    /// Selections of this token by the expert.
    pub count: u64,
    /// Occurrences of this token in the samples that were counted.
    pub occurrences: u64,
}

impl Analysis {
    /// Counts which tokens the experts of a layer select, over the samples of a domain whose token ids are
    /// known. Large domains are reduced evenly.
    ///
    /// # Errors
    /// [`Error::NoTokens`] if the run has no such domain, checkpoint or layer, no token ids, or no expert ids;
    /// errors of reading.
    pub async fn expert_tokens(
        &self,
        run: &Run,
        domain: &str,
        checkpoint: usize,
        layer: usize,
        watch: &dyn Watch,
    ) -> Result<ExpertTokens, Error> {
        let none = |reason: String| Error::NoTokens { reason };
        let at = run.checkpoints.get(checkpoint).filter(|_| layer < run.layers);
        let at =
            at.ok_or_else(|| none(format!("the run has no layer {layer} at checkpoint {checkpoint}.")))?;
        let members = run.domains.iter().find(|found| found.name == domain);
        let members = members.ok_or_else(|| none(format!("the run has no domain {domain:?}.")))?;
        if !at.trace.info.has_topk {
            return Err(without_ids(at.step));
        }
        let ids_of = |sample: u32| run.token_ids.get(sample as usize)?.as_ref();
        let mut known = Vec::new();
        let mut sum = 0_usize;
        for &sample in members.samples.iter() {
            if let Some(listed) = ids_of(sample) {
                known.push(sample);
                sum = sum.saturating_add(listed.ids.len());
            }
        }
        let k = at.trace.info.top_k.unwrap_or(1).max(1);
        let most = (MOST_COUNTED / k).min(MOST_READ / (k * run.layers).max(1));
        // As many samples as have that many tokens, if all have as many as their mean.
        let share = most as f64 / sum.max(1) as f64;
        let number = ((known.len() as f64 * share.min(1.0)) as usize).clamp(1, known.len().max(1));
        let mut counter = Counter::new(run.experts);
        let (mut differing, mut number_differing) = (None, 0);
        for sample in evenly(&known, number) {
            let (Some(listed), Some(&row)) = (ids_of(sample), at.row_of.get(sample as usize)) else {
                continue;
            };
            let row = row as usize;
            let Some(found) = at.trace.topk(row..row + 1).await? else { return Err(without_ids(at.step)) };
            let width = found.layers * found.k;
            let tokens = found.ids.len().checked_div(width).unwrap_or(0);
            if tokens == listed.ids.len() {
                counter.push(&listed.ids, &found.ids, layer * found.k..(layer + 1) * found.k, width);
            } else {
                differing = differing.or(Some((sample, tokens, listed.ids.len())));
                number_differing += 1;
            }
            watch.yield_now().await;
        }
        if counter.samples == 0 {
            return Err(none(match differing {
                Some((sample, tokens, listed)) => format!(
                    "the list of samples has {listed} token ids of `{}`, but the trace of step {} has {tokens} tokens. \
                     List the ids of exactly the tokens that the trace records.",
                    run.samples.get(sample as usize).map_or("", |sample| &sample.id),
                    at.step,
                ),
                None => format!(
                    "no token ids of {domain:?} are known. Add a list of samples (samples.jsonl) with `input_ids`, \
                     and with the ids of the run’s samples."
                ),
            }));
        }
        let (samples, tokens) = (counter.samples, counter.tokens);
        let (selections, mut top) = counter.finish();
        let listed = known.iter().filter_map(|&sample| ids_of(sample));
        add_words(&mut top, listed.flat_map(|listed| listed.ids.iter().copied().zip(listed.words())));
        let known = known.len() - number_differing;
        Ok(ExpertTokens { selections, top, tokens, samples, known, of: members.samples.len() })
    }
}

/// Selections of one layer, counted by expert and token.
struct Counter {
    experts: usize,
    samples: usize,
    tokens: u64,
    /// Expert in the upper and token in the lower 32 bits, one per selection.
    pairs: Vec<u64>,
    occurrences: BTreeMap<u32, u64>,
}

impl Counter {
    fn new(experts: usize) -> Self {
        Self { experts, samples: 0, tokens: 0, pairs: Vec::new(), occurrences: BTreeMap::new() }
    }

    /// Adds a sample: its token ids, and its expert ids in rows of `width`, of which `columns` are the layer.
    fn push(&mut self, tokens: &[u32], ids: &[u16], columns: std::ops::Range<usize>, width: usize) {
        self.samples += 1;
        self.tokens += tokens.len() as u64;
        for (&token, row) in tokens.iter().zip(ids.chunks_exact(width.max(1))) {
            *self.occurrences.entry(token).or_default() += 1;
            let experts = row.get(columns.clone()).unwrap_or_default();
            self.pairs.extend(experts.iter().map(|&expert| u64::from(expert) << 32 | u64::from(token)));
        }
    }

    /// Selections of each expert, and its top tokens.
    fn finish(mut self) -> (Vec<u64>, Vec<Vec<TokenCount>>) {
        self.pairs.sort_unstable();
        let mut selections = vec![0; self.experts];
        let mut top: Vec<Vec<TokenCount>> = vec![Vec::new(); self.experts];
        for equal in self.pairs.chunk_by(|one, other| one == other) {
            let Some(&pair) = equal.first() else { continue };
            let (expert, token, count) = ((pair >> 32) as usize, pair as u32, equal.len() as u64);
            let (Some(sum), Some(tokens)) = (selections.get_mut(expert), top.get_mut(expert)) else {
                continue;
            };
            *sum += count;
            let occurrences = self.occurrences.get(&token).copied().unwrap_or(count);
            tokens.push(TokenCount { token, word: None, count, occurrences });
        }
        for tokens in &mut top {
            // Equal counts stay in the order of their ids.
            tokens.sort_by_key(|token| std::cmp::Reverse(token.count));
            tokens.truncate(KEPT);
            tokens.shrink_to_fit();
        }
        (selections, top)
    }
}

/// Names the tokens by the first of their words.
fn add_words<'a>(top: &mut [Vec<TokenCount>], words: impl Iterator<Item = (u32, &'a str)>) {
    let mut named: BTreeMap<u32, Option<Rc<str>>> =
        top.iter().flatten().map(|token| (token.token, None)).collect();
    for (token, word) in words {
        if let Some(name) = named.get_mut(&token) {
            name.get_or_insert_with(|| word.into());
        }
    }
    for token in top.iter_mut().flatten() {
        token.word = named.get(&token.token).cloned().flatten();
    }
}
