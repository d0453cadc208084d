//! Forward pass: embedding, layers, head. The routing of each layer goes into a trace.

use burn::tensor::{Int, Tensor, TensorData};
use trace::RouterTrace;

use crate::{
    attention::{self, MAX_SCORES, Positions},
    checkpoint::Checkpoint,
    device::{Processor, floats},
    error::Error,
    experts,
    head::{self, Predictions},
    inputs::Inputs,
    observer::{Observer, Progress, samples_in},
    plan::{Limits, Plan, plan},
    routing::{ExpertTokens, route},
    rowwise::rms_norm,
    score::{Score, score},
    trace_builder::{TraceBuilder, append_pass},
    weights::{LayerWeights, Prefetch, Weights, upload},
};

/// Values per tensor of a batch: 32 MiB as f32, which every GPU accepts as one buffer.
const BATCH_VALUES: usize = 1 << 23;

/// Hidden states in memory per token: the residual stream and the sum of the experts' outputs.
const STATES: usize = 2;

/// Output of a checkpoint for some inputs.
#[derive(Clone, Debug)]
pub struct ModelOutput {
    /// Router trace of the samples.
    pub trace: RouterTrace,
    /// Scores of the items, in the order of the inputs.
    pub scores: Vec<Score>,
    /// Number of passes over the bytes of the checkpoint.
    pub passes: usize,
}

/// Runs all inputs through a checkpoint.
///
/// This takes one pass over the checkpoint's bytes; several if the hidden states of all tokens
/// exceed the processor's budget. Gates are means over all tokens of a sample. A sample's loss is
/// the mean over its counted targets in nats, NaN if it has none.
///
/// # Errors
/// [`Error::Missing`] without samples, [`Error::Input`] for inputs that do not fit the model,
/// [`Error::File`] and [`Error::Tensor`] for weights that cannot be read, [`Error::NotFinite`] for
/// router logits that are not finite, and [`Error::Device`] if the device fails.
pub async fn run(
    checkpoint: &Checkpoint,
    inputs: &Inputs,
    processor: &Processor,
    observer: &dyn Observer,
) -> Result<ModelOutput, Error> {
    let config = &checkpoint.config;
    if inputs.samples.is_empty() {
        return Err(Error::Missing {
            folder: checkpoint.folder.clone(),
            missing: "sample to run it on".to_owned(),
            advice: "Add samples: JSON lines with `id`, `domain`, and `input_ids` or `text`.",
        });
    }
    inputs.check(config.vocabulary, config.max_positions)?;
    let states = (config.hidden * STATES * size_of::<f32>()) as u64;
    let passes = inputs.passes((processor.budget / states).max(1) as usize);
    let mut output: Option<ModelOutput> = None;
    let mut first_sample = 0;
    for (number, inputs) in passes.iter().enumerate() {
        let pass = Pass {
            weights: Weights { checkpoint, device: &processor.device, backend: processor.backend },
            inputs,
            first_sample,
            number,
            passes: passes.len(),
            observer,
        };
        // Boxed because the future of a pass is large, and would make those of all callers large.
        let (trace, scores) = Box::pin(pass.run()).await?;
        first_sample += inputs.samples.len();
        match &mut output {
            Some(output) => {
                append_pass(&mut output.trace, trace);
                output.scores.extend(scores);
            }
            None => output = Some(ModelOutput { trace, scores, passes: passes.len() }),
        }
    }
    output.ok_or_else(|| Error::Device { message: "nothing was computed".to_owned() })
}

/// One pass over the bytes of a checkpoint.
struct Pass<'a> {
    weights: Weights<'a>,
    inputs: &'a Inputs,
    /// Number of samples in the passes before.
    first_sample: usize,
    /// Index of the pass, from 0.
    number: usize,
    /// Number of passes.
    passes: usize,
    observer: &'a dyn Observer,
}

impl Pass<'_> {
    async fn run(&self) -> Result<(RouterTrace, Vec<Score>), Error> {
        let Weights { checkpoint, device, .. } = self.weights;
        let config = &checkpoint.config;
        let widest =
            config.hidden.max(config.heads * config.head_width).max(config.intermediate).max(config.experts);
        let limits = Limits { batch: (BATCH_VALUES / widest).max(1), scores: MAX_SCORES / config.heads };
        let plan = plan(self.inputs, limits);
        let mut builder = TraceBuilder::new(self.inputs, &plan, config.layers, config.experts, config.top_k);
        let mut positions = Positions::new(config, device, self.weights.backend);
        let mut x = self.embed(&plan).await?;
        let mut next = Some(Prefetch::start(self.weights.layer(0)).await);
        for layer in 0..config.layers {
            self.report(layer, &plan);
            self.observer.yield_now().await;
            let Some(ready) = next.take() else { break };
            let weights = Box::pin(ready.finish()).await?;
            x = self.attend(x, &weights, &plan, &mut positions).await?;
            let routed = self.route(layer, &x, &weights, &plan, &mut builder).await?;
            if layer + 1 < config.layers {
                // The next layer is read while the experts compute.
                next = Some(Prefetch::start(self.weights.layer(layer + 1)).await);
            }
            x = experts::apply(&self.weights, layer, x, &weights.expert_norm, &routed, self.observer).await?;
        }
        self.report(config.layers, &plan);
        let predictions = self.predict(x, &plan, &builder).await?;
        self.report(config.layers + 1, &plan);
        let scores = plan.item_queries.iter().zip(&self.inputs.items);
        let scores = scores.map(|(queries, item)| score(queries, item, &predictions)).collect();
        Ok((builder.finish(checkpoint, self.inputs, &predictions, &plan), scores))
    }

    /// Reports to the observer that `done` layers are finished.
    fn report(&self, done: usize, plan: &Plan) {
        self.observer.progress(Progress {
            pass: self.number,
            passes: self.passes,
            done,
            layers: self.weights.checkpoint.config.layers + 1,
            tokens: plan.tokens.len(),
        });
    }

    /// Embeds the tokens of each batch: `[N,d]`. Each row of the embedding in use is read once.
    async fn embed(&self, plan: &Plan) -> Result<Vec<Tensor<2>>, Error> {
        let Weights { checkpoint, device, .. } = self.weights;
        let config = &checkpoint.config;
        let shape = [config.vocabulary, config.hidden];
        let name = config.family.embedding();
        let mut used = plan.tokens.clone();
        used.sort_unstable();
        used.dedup();
        let mut table = Vec::with_capacity(used.len() * config.hidden);
        // Consecutive rows are read together.
        for run in used.chunk_by(|&a, &b| a + 1 == b) {
            if let (Some(&first), Some(&last)) = (run.first(), run.last()) {
                table.extend(self.weights.host_rows(&name, shape, first as usize..last as usize + 1).await?);
            }
        }
        let width = config.hidden;
        let batches = plan.batches.iter().map(|batch| {
            let mut rows = Vec::with_capacity(batch.rows.len() * width);
            for token in &plan.tokens[batch.rows.clone()] {
                let at = used.binary_search(token).unwrap_or_default();
                rows.extend_from_slice(&table[at * width..(at + 1) * width]);
            }
            upload(rows, [batch.rows.len(), width], device)
        });
        Ok(batches.collect())
    }

    /// Adds the attention output of a layer to the residual stream of each batch.
    async fn attend(
        &self,
        x: Vec<Tensor<2>>,
        weights: &LayerWeights,
        plan: &Plan,
        positions: &mut Positions<'_>,
    ) -> Result<Vec<Tensor<2>>, Error> {
        let Weights { checkpoint, backend, .. } = self.weights;
        let eps = checkpoint.config.norm_eps;
        let mut attended = Vec::with_capacity(x.len());
        for (x, batch) in x.into_iter().zip(&plan.batches) {
            let normed = rms_norm(backend, x.clone(), &weights.attention_norm, eps)?;
            attended.push(x + attention::attend(weights, &normed, &batch.groups, positions)?);
            self.observer.yield_now().await;
        }
        Ok(attended)
    }

    /// Routes all tokens of a layer and adds gates and selections to the trace. Returns the tokens
    /// of each expert per batch.
    async fn route(
        &self,
        layer: usize,
        x: &[Tensor<2>],
        weights: &LayerWeights,
        plan: &Plan,
        builder: &mut TraceBuilder,
    ) -> Result<Vec<Vec<ExpertTokens>>, Error> {
        let Weights { checkpoint, device, backend } = self.weights;
        let config = &checkpoint.config;
        let router = upload(weights.router.clone(), [config.experts, config.hidden], device).transpose();
        let logits: Vec<Tensor<2>> = x
            .iter()
            .map(|x| {
                let normed = rms_norm(backend, x.clone(), &weights.expert_norm, config.norm_eps)?;
                Ok(normed.matmul(router.clone()))
            })
            .collect::<Result<_, Error>>()?;
        let mut routed = Vec::with_capacity(plan.batches.len());
        for (logits, batch) in logits.into_iter().zip(&plan.batches) {
            let logits = floats(logits).await?;
            if let Some(at) = logits.iter().position(|logit| !logit.is_finite()) {
                let (folder, token) = (checkpoint.folder.clone(), batch.rows.start + at / config.experts);
                return Err(Error::NotFinite { folder, layer, token });
            }
            for (sample, rows) in samples_in(&builder.spans, &batch.rows) {
                let logits = &logits[rows.start * config.experts..rows.end * config.experts];
                self.observer.router_logits(self.first_sample + sample, layer, logits);
            }
            let routing = route(&logits, config);
            builder.add_batch(layer, &batch.rows, &routing);
            routed.push(routing.by_expert(config));
        }
        builder.add_router(&weights.router);
        Ok(routed)
    }

    /// Applies the final norm and the head to the rows that the plan queries.
    async fn predict(
        &self,
        x: Vec<Tensor<2>>,
        plan: &Plan,
        builder: &TraceBuilder,
    ) -> Result<Predictions, Error> {
        let Weights { checkpoint, device, backend } = self.weights;
        let config = &checkpoint.config;
        if plan.rows.is_empty() && !self.observer.wants_hidden_states() {
            return Ok(Predictions { greedy: Vec::new(), log_likelihood: Vec::new() });
        }
        let norm = self.weights.vector(&config.family.final_norm(), config.hidden).await?;
        let mut queried = Vec::new();
        for (x, batch) in x.into_iter().zip(&plan.batches) {
            if self.observer.wants_hidden_states() {
                let states = floats(rms_norm(backend, x.clone(), &norm, config.norm_eps)?).await?;
                for (sample, rows) in samples_in(&builder.spans, &batch.rows) {
                    let states = &states[rows.start * config.hidden..rows.end * config.hidden];
                    self.observer.hidden_states(self.first_sample + sample, states);
                }
            }
            let from = plan.rows.partition_point(|&row| row < batch.rows.start);
            let to = plan.rows.partition_point(|&row| row < batch.rows.end);
            if from == to {
                continue;
            }
            let rows: Vec<i32> =
                plan.rows[from..to].iter().map(|&row| (row - batch.rows.start) as i32).collect();
            let index = Tensor::<1, Int>::from_data(TensorData::new(rows, [to - from]), device);
            queried.push(rms_norm(backend, x.select(0, index), &norm, config.norm_eps)?);
        }
        head::predict(&self.weights, &queried, plan, self.observer).await
    }
}
