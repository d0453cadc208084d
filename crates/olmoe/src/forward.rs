//! The pass: embedding, layers, head; what routers do is folded into a trace on the way.

use burn::tensor::{Device, Int, Tensor, TensorData};
use trace::{GateKind, Router, RouterTrace, SampleMeta, TopK};

use crate::{
    attention::{self, Positions, rms_norm},
    checkpoint::Checkpoint,
    error::Error,
    experts,
    head::{self, Predictions, floats},
    inputs::Inputs,
    plan::{ItemQueries, Plan, plan},
    routing::route,
    watch::Watch,
    weights::{Weights, upload},
};

/// What a checkpoint did with its inputs.
#[derive(Clone, Debug)]
pub struct Traced {
    /// The samples.
    pub trace: RouterTrace,
    /// The items, in their order.
    pub scores: Vec<Score>,
}

/// How an item was answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Score {
    /// Whether greedy decoding gives exactly the answer; `None` where the item has none.
    pub greedy: Option<bool>,
    /// Whether the right choice has the highest log-likelihood (`acc` of lm-evaluation-harness); `None` without choices.
    pub choice: Option<bool>,
}

impl Score {
    /// Whether the item counts as right: by its answer where it has one, else by its choices.
    pub fn correct(self) -> Option<bool> {
        self.greedy.or(self.choice)
    }
}

/// Runs all inputs through a checkpoint, in one pass over its bytes.
///
/// Gates are means over all tokens of a sample; its loss is the mean over its counted targets, NaN where it has none.
///
/// # Errors
/// Inputs that do not fit the model, weights that cannot be read, a device that fails; see [`Error`].
pub async fn run(
    checkpoint: &Checkpoint,
    inputs: &Inputs,
    device: &Device,
    watch: &dyn Watch,
) -> Result<Traced, Error> {
    let config = &checkpoint.config;
    if inputs.samples.is_empty() {
        return Err(Error::Missing {
            folder: checkpoint.folder.clone(),
            missing: "sample to run it on".to_owned(),
            advice: "Give a file of JSON lines with `id`, `domain` and `input_ids`.",
        });
    }
    inputs.check(config.vocabulary, config.max_positions)?;
    let plan = plan(inputs);
    let weights = Weights { checkpoint, device };
    let positions = Positions::new(config);
    let mut fold = Fold::new(inputs, &plan, config.layers, config.experts, config.top_k);
    let mut x = embed(&weights, &plan).await?;
    for layer in 0..config.layers {
        watch.layer(layer, config.layers + 1);
        watch.breathe().await;
        let norm = weights.vector(&config.family.attention_norm(layer), config.hidden).await?;
        let normed = rms_norm(x.clone(), norm, config.norm_eps);
        x = x + attention::attend(&weights, layer, &normed, &plan.groups, &positions).await?;

        let norm = weights.vector(&config.family.expert_norm(layer), config.hidden).await?;
        let normed = rms_norm(x.clone(), norm, config.norm_eps);
        let shape = [config.experts, config.hidden];
        let router = weights.host_rows(&config.family.router(layer), shape, 0..config.experts).await?;
        let logits = normed.clone().matmul(upload(router.clone(), shape, device).transpose());
        let logits = floats(logits).await?;
        if let Some(at) = logits.iter().position(|logit| !logit.is_finite()) {
            let (folder, token) = (checkpoint.folder.clone(), at / config.experts);
            return Err(Error::NotFinite { folder, layer, token });
        }
        let routing = route(&logits, config);
        fold.layer(layer, &routing.gates, &routing.ids, router);
        x = x + experts::apply(&weights, layer, &normed, &routing.by_expert(config), watch).await?;
    }
    watch.layer(config.layers, config.layers + 1);
    let predictions = if plan.rows.is_empty() {
        Predictions { greedy: Vec::new(), log_likelihood: Vec::new() }
    } else {
        let norm = weights.vector(&config.family.final_norm(), config.hidden).await?;
        let rows: Vec<i32> = plan.rows.iter().map(|&row| row as i32).collect();
        let index = Tensor::<1, Int>::from_data(TensorData::new(rows, [plan.rows.len()]), device);
        let asked = rms_norm(x.select(0, index), norm, config.norm_eps);
        head::predict(&weights, asked, &plan, watch).await?
    };
    watch.layer(config.layers + 1, config.layers + 1);
    let items = plan.item_queries.iter().zip(&inputs.items);
    let scores = items
        .map(|(queries, item)| score(queries, item.choices.as_ref().map(|(_, gold)| *gold), &predictions))
        .collect();
    Ok(Traced { trace: fold.finish(checkpoint, inputs, &predictions, &plan), scores })
}

/// Rows of the embedding for all tokens, `[N,d]`. Each row in use is read once.
async fn embed(weights: &Weights<'_>, plan: &Plan) -> Result<Tensor<2>, Error> {
    let config = &weights.checkpoint.config;
    let shape = [config.vocabulary, config.hidden];
    let name = config.family.embedding();
    let mut used = plan.tokens.clone();
    used.sort_unstable();
    used.dedup();
    let mut table = Vec::with_capacity(used.len() * config.hidden);
    // Neighbours are read together.
    for run in used.chunk_by(|&a, &b| a + 1 == b) {
        if let (Some(&first), Some(&last)) = (run.first(), run.last()) {
            table.extend(weights.host_rows(&name, shape, first as usize..last as usize + 1).await?);
        }
    }
    let table = upload(table, [used.len(), config.hidden], weights.device);
    let places: Vec<i32> =
        plan.tokens.iter().map(|token| used.binary_search(token).unwrap_or_default() as i32).collect();
    let index = Tensor::<1, Int>::from_data(TensorData::new(places, [plan.tokens.len()]), weights.device);
    Ok(table.select(0, index))
}

fn score(queries: &ItemQueries, gold: Option<usize>, predictions: &Predictions) -> Score {
    let greedy = queries
        .greedy
        .as_ref()
        .map(|answer| answer.iter().all(|&(row, token)| predictions.greedy[row] == token));
    let likelihood =
        |queries: &Vec<usize>| queries.iter().map(|&query| predictions.log_likelihood[query]).sum::<f64>();
    let choice = gold.map(|gold| {
        let all: Vec<f64> = queries.choices.iter().map(likelihood).collect();
        // Of equal ones the first counts, as in numpy's argmax.
        let best = (0..all.len()).fold(0, |best, at| if all[at] > all[best] { at } else { best });
        best == gold
    });
    Score { greedy, choice }
}

/// Mean gates and selections of the samples, layer by layer.
struct Fold {
    /// `(first row, tokens)` of each sample.
    spans: Vec<(usize, usize)>,
    layers: usize,
    experts: usize,
    top_k: usize,
    /// `[S,L,E]`.
    gates: Vec<f32>,
    /// `[T,L,k]`.
    ids: Vec<u16>,
    /// `[S+1]`.
    offsets: Vec<usize>,
    /// `[L,E,d]`.
    router: Vec<f32>,
}

impl Fold {
    fn new(inputs: &Inputs, plan: &Plan, layers: usize, experts: usize, top_k: usize) -> Self {
        let lengths = inputs.samples.iter().map(|sample| sample.tokens.len());
        let spans: Vec<(usize, usize)> = plan.sample_starts.iter().copied().zip(lengths).collect();
        let mut offsets = vec![0];
        for (_, len) in &spans {
            offsets.push(offsets.last().copied().unwrap_or(0) + len);
        }
        let tokens = offsets.last().copied().unwrap_or(0);
        Self {
            gates: vec![0.0; spans.len() * layers * experts],
            ids: vec![0; tokens * layers * top_k],
            router: Vec::new(),
            offsets,
            spans,
            layers,
            experts,
            top_k,
        }
    }

    fn layer(&mut self, layer: usize, gates: &[f32], ids: &[u16], router: Vec<f32>) {
        let (experts, k, layers) = (self.experts, self.top_k, self.layers);
        let mut sums = vec![0.0_f64; experts];
        for (sample, &(start, len)) in self.spans.iter().enumerate() {
            sums.fill(0.0);
            for row in gates[start * experts..(start + len) * experts].chunks_exact(experts) {
                for (sum, &gate) in sums.iter_mut().zip(row) {
                    *sum += f64::from(gate);
                }
            }
            let mean = &mut self.gates[(sample * layers + layer) * experts..][..experts];
            for (mean, sum) in mean.iter_mut().zip(&sums) {
                *mean = (sum / len as f64) as f32;
            }
            for token in 0..len {
                let to = ((self.offsets[sample] + token) * layers + layer) * k;
                self.ids[to..to + k].copy_from_slice(&ids[(start + token) * k..][..k]);
            }
        }
        self.router.extend(router);
    }

    fn finish(
        self,
        checkpoint: &Checkpoint,
        inputs: &Inputs,
        predictions: &Predictions,
        plan: &Plan,
    ) -> RouterTrace {
        let config = &checkpoint.config;
        let loss = plan.sample_queries.iter().map(|queries| {
            let sum: f64 = queries.iter().map(|&query| predictions.log_likelihood[query]).sum();
            // Without counted targets there is no loss: 0 / 0.
            (-sum / queries.len() as f64) as f32
        });
        RouterTrace {
            model: Some(config.family.name().to_owned()),
            step: checkpoint.step,
            tokens: checkpoint.tokens,
            samples: Some(
                inputs
                    .samples
                    .iter()
                    .map(|sample| SampleMeta { id: sample.id.clone(), domain: sample.domain.clone() })
                    .collect(),
            ),
            layers: self.layers,
            experts: self.experts,
            gate_kind: GateKind::SoftmaxMean,
            gates: self.gates,
            loss: Some(loss.collect()),
            n_tokens: Some(inputs.samples.iter().map(|sample| sample.tokens.len() as u32).collect()),
            router: Some(Router::Weights {
                layers: self.layers,
                experts: self.experts,
                width: config.hidden,
                values: self.router,
            }),
            topk: Some(TopK { k: self.top_k, layers: self.layers, ids: self.ids, offsets: self.offsets }),
            topk_ordered: true,
        }
    }
}
