//! The pass: embedding, layers, head; what routers do is folded into a trace on the way.

use burn::tensor::{Int, Tensor, TensorData};
use trace::RouterTrace;

use crate::{
    attention::{self, MOST_SCORES, Positions},
    checkpoint::Checkpoint,
    device::{Processor, floats},
    error::Error,
    experts,
    fold::{Fold, append},
    head::{self, Predictions},
    inputs::Inputs,
    plan::{Limits, Plan, plan},
    routing::{Chosen, route},
    rows::rms_norm,
    score::{Score, score},
    watch::{Stage, Watch, each_sample},
    weights::{Dense, Started, Weights, upload},
};

/// Values of one tensor of a block: 32 MiB as f32, which every graphics processor takes as one buffer.
const BLOCK: usize = 1 << 23;

/// Hidden states that are in memory at once for every token: the stream itself and what the experts add.
const STATES: usize = 2;

/// What a checkpoint did with its inputs.
#[derive(Clone, Debug)]
pub struct Traced {
    /// The samples.
    pub trace: RouterTrace,
    /// The items, in their order.
    pub scores: Vec<Score>,
    /// Passes over the bytes of the checkpoint.
    pub passes: usize,
}

/// Runs all inputs through a checkpoint.
///
/// One pass over its bytes does for as many tokens as have room in the processor's budget; more are run in several.
/// Gates are means over all tokens of a sample; its loss is the mean over its counted targets, NaN where it has none.
///
/// # Errors
/// Inputs that do not fit the model, weights that cannot be read, a device that fails; see [`Error`].
pub async fn run(
    checkpoint: &Checkpoint,
    inputs: &Inputs,
    processor: &Processor,
    watch: &dyn Watch,
) -> Result<Traced, Error> {
    let config = &checkpoint.config;
    if inputs.samples.is_empty() {
        return Err(Error::Missing {
            folder: checkpoint.folder.clone(),
            missing: "sample to run it on".to_owned(),
            advice: "Give a file of JSON lines with `id`, `domain` and `input_ids` or `text`.",
        });
    }
    inputs.check(config.vocabulary, config.max_positions)?;
    let states = (config.hidden * STATES * size_of::<f32>()) as u64;
    let parts = inputs.parts((processor.budget / states).max(1) as usize);
    let passes = parts.len();
    let mut traced: Option<Traced> = None;
    let mut first_sample = 0;
    for (number, part) in parts.iter().enumerate() {
        let pass = Pass {
            weights: Weights { checkpoint, device: &processor.device, backend: processor.backend },
            inputs: part,
            first_sample,
            number: (number, passes),
            watch,
        };
        // The future of a pass is large, and those of callers would be as large.
        let (trace, scores) = Box::pin(pass.run()).await?;
        first_sample += part.samples.len();
        match &mut traced {
            Some(traced) => {
                append(&mut traced.trace, trace);
                traced.scores.extend(scores);
            }
            None => traced = Some(Traced { trace, scores, passes }),
        }
    }
    traced.ok_or_else(|| Error::Device { message: "nothing was computed".to_owned() })
}

/// One pass over the bytes of a checkpoint.
struct Pass<'a> {
    weights: Weights<'a>,
    inputs: &'a Inputs,
    /// Samples of the passes before.
    first_sample: usize,
    /// Its number and that of all.
    number: (usize, usize),
    watch: &'a dyn Watch,
}

impl Pass<'_> {
    async fn run(&self) -> Result<(RouterTrace, Vec<Score>), Error> {
        let Weights { checkpoint, device, .. } = self.weights;
        let config = &checkpoint.config;
        let widest =
            config.hidden.max(config.heads * config.head_width).max(config.intermediate).max(config.experts);
        let limits = Limits { block: (BLOCK / widest).max(1), scores: MOST_SCORES / config.heads };
        let plan = plan(self.inputs, limits);
        let mut fold = Fold::new(self.inputs, &plan, config.layers, config.experts, config.top_k);
        let mut positions = Positions::new(config, device, self.weights.backend);
        let mut x = self.embed(&plan).await?;
        let mut next = Some(Started::new(self.weights.dense(0)).await);
        for layer in 0..config.layers {
            self.stage(layer, &plan);
            self.watch.breathe().await;
            let Some(ready) = next.take() else { break };
            let weights = Box::pin(ready.get()).await?;
            x = self.attend(x, &weights, &plan, &mut positions).await?;
            let chosen = self.route(layer, &x, &weights, &plan, &mut fold).await?;
            if layer + 1 < config.layers {
                // The next layer's first weights come while the experts compute.
                next = Some(Started::new(self.weights.dense(layer + 1)).await);
            }
            x = experts::apply(&self.weights, layer, x, &weights.expert_norm, &chosen, self.watch).await?;
        }
        self.stage(config.layers, &plan);
        let predictions = self.predict(x, &plan, &fold).await?;
        self.stage(config.layers + 1, &plan);
        let scores = plan.item_queries.iter().zip(&self.inputs.items);
        let scores = scores.map(|(queries, item)| score(queries, item, &predictions)).collect();
        Ok((fold.finish(checkpoint, self.inputs, &predictions, &plan), scores))
    }

    fn stage(&self, done: usize, plan: &Plan) {
        let (pass, passes) = self.number;
        let layers = self.weights.checkpoint.config.layers + 1;
        self.watch.stage(Stage { pass, passes, done, layers, tokens: plan.tokens.len() });
    }

    /// Rows of the embedding for the tokens of each block, `[N,d]`. Each row in use is read once.
    async fn embed(&self, plan: &Plan) -> Result<Vec<Tensor<2>>, Error> {
        let Weights { checkpoint, device, .. } = self.weights;
        let config = &checkpoint.config;
        let shape = [config.vocabulary, config.hidden];
        let name = config.family.embedding();
        let mut used = plan.tokens.clone();
        used.sort_unstable();
        used.dedup();
        let mut table = Vec::with_capacity(used.len() * config.hidden);
        // Neighbours are read together.
        for run in used.chunk_by(|&a, &b| a + 1 == b) {
            if let (Some(&first), Some(&last)) = (run.first(), run.last()) {
                table.extend(self.weights.host_rows(&name, shape, first as usize..last as usize + 1).await?);
            }
        }
        let width = config.hidden;
        let blocks = plan.blocks.iter().map(|block| {
            let mut rows = Vec::with_capacity(block.rows.len() * width);
            for token in &plan.tokens[block.rows.clone()] {
                let at = used.binary_search(token).unwrap_or_default();
                rows.extend_from_slice(&table[at * width..(at + 1) * width]);
            }
            upload(rows, [block.rows.len(), width], device)
        });
        Ok(blocks.collect())
    }

    async fn attend(
        &self,
        x: Vec<Tensor<2>>,
        weights: &Dense,
        plan: &Plan,
        positions: &mut Positions<'_>,
    ) -> Result<Vec<Tensor<2>>, Error> {
        let Weights { checkpoint, backend, .. } = self.weights;
        let eps = checkpoint.config.norm_eps;
        let mut attended = Vec::with_capacity(x.len());
        for (x, block) in x.into_iter().zip(&plan.blocks) {
            let normed = rms_norm(backend, x.clone(), &weights.attention_norm, eps)?;
            attended.push(x + attention::attend(weights, &normed, &block.groups, positions)?);
            self.watch.breathe().await;
        }
        Ok(attended)
    }

    /// What each expert of each block is to do; gates and selections go into the trace.
    async fn route(
        &self,
        layer: usize,
        x: &[Tensor<2>],
        weights: &Dense,
        plan: &Plan,
        fold: &mut Fold,
    ) -> Result<Vec<Vec<Chosen>>, Error> {
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
        let mut chosen = Vec::with_capacity(plan.blocks.len());
        for (logits, block) in logits.into_iter().zip(&plan.blocks) {
            let logits = floats(logits).await?;
            if let Some(at) = logits.iter().position(|logit| !logit.is_finite()) {
                let (folder, token) = (checkpoint.folder.clone(), block.rows.start + at / config.experts);
                return Err(Error::NotFinite { folder, layer, token });
            }
            for (sample, rows) in each_sample(&fold.spans, &block.rows) {
                let logits = &logits[rows.start * config.experts..rows.end * config.experts];
                self.watch.logits(self.first_sample + sample, layer, logits);
            }
            let routing = route(&logits, config);
            fold.block(layer, &block.rows, &routing);
            chosen.push(routing.by_expert(config));
        }
        fold.router(&weights.router);
        Ok(chosen)
    }

    async fn predict(&self, x: Vec<Tensor<2>>, plan: &Plan, fold: &Fold) -> Result<Predictions, Error> {
        let Weights { checkpoint, device, backend } = self.weights;
        let config = &checkpoint.config;
        if plan.rows.is_empty() && !self.watch.wants_hidden() {
            return Ok(Predictions { greedy: Vec::new(), log_likelihood: Vec::new() });
        }
        let norm = self.weights.vector(&config.family.final_norm(), config.hidden).await?;
        let mut asked = Vec::new();
        for (x, block) in x.into_iter().zip(&plan.blocks) {
            if self.watch.wants_hidden() {
                let states = floats(rms_norm(backend, x.clone(), &norm, config.norm_eps)?).await?;
                for (sample, rows) in each_sample(&fold.spans, &block.rows) {
                    let states = &states[rows.start * config.hidden..rows.end * config.hidden];
                    self.watch.hidden(self.first_sample + sample, states);
                }
            }
            let from = plan.rows.partition_point(|&row| row < block.rows.start);
            let to = plan.rows.partition_point(|&row| row < block.rows.end);
            if from == to {
                continue;
            }
            let rows: Vec<i32> =
                plan.rows[from..to].iter().map(|&row| (row - block.rows.start) as i32).collect();
            let index = Tensor::<1, Int>::from_data(TensorData::new(rows, [to - from]), device);
            asked.push(rms_norm(backend, x.select(0, index), &norm, config.norm_eps)?);
        }
        head::predict(&self.weights, &asked, plan, self.watch).await
    }
}
