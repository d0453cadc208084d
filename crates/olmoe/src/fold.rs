//! What routers do in a pass, folded into a trace layer by layer; traces of passes, put together.

use std::ops::Range;

use trace::{GateKind, Router, RouterTrace, SampleMeta, TopK};

use crate::{
    checkpoint::Checkpoint, head::Predictions, inputs::Inputs, plan::Plan, routing::Routing,
    watch::each_sample,
};

/// Mean gates and selections of the samples, layer by layer.
pub struct Fold {
    /// Rows of each sample.
    pub spans: Vec<Range<usize>>,
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
    pub fn new(inputs: &Inputs, plan: &Plan, layers: usize, experts: usize, top_k: usize) -> Self {
        let lengths = inputs.samples.iter().map(|sample| sample.tokens.len());
        let spans: Vec<Range<usize>> =
            plan.sample_starts.iter().zip(lengths).map(|(&start, len)| start..start + len).collect();
        let mut offsets = vec![0];
        for span in &spans {
            offsets.push(offsets.last().copied().unwrap_or(0) + span.len());
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

    /// Takes in the routing of a block's rows. A sample lies in one block as a whole.
    pub fn block(&mut self, layer: usize, rows: &Range<usize>, Routing { gates, ids, .. }: &Routing) {
        let (experts, k, layers) = (self.experts, self.top_k, self.layers);
        let mut sums = vec![0.0_f64; experts];
        for (sample, span) in each_sample(&self.spans, rows) {
            sums.fill(0.0);
            for row in gates[span.start * experts..span.end * experts].chunks_exact(experts) {
                for (sum, &gate) in sums.iter_mut().zip(row) {
                    *sum += f64::from(gate);
                }
            }
            let mean = &mut self.gates[(sample * layers + layer) * experts..][..experts];
            for (mean, sum) in mean.iter_mut().zip(&sums) {
                *mean = (sum / span.len() as f64) as f32;
            }
            for (token, row) in span.enumerate() {
                let to = ((self.offsets[sample] + token) * layers + layer) * k;
                self.ids[to..to + k].copy_from_slice(&ids[row * k..][..k]);
            }
        }
    }

    /// Takes in the router of the next layer, `[E,d]`.
    pub fn router(&mut self, values: &[f32]) {
        self.router.extend_from_slice(values);
    }

    /// The trace of the pass.
    pub fn finish(
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
            n_tokens: Some(self.spans.iter().map(|span| span.len() as u32).collect()),
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

/// Puts the samples of a further pass behind those of the passes before.
pub fn append(all: &mut RouterTrace, next: RouterTrace) {
    all.gates.extend(next.gates);
    if let (Some(all), Some(next)) = (&mut all.samples, next.samples) {
        all.extend(next);
    }
    if let (Some(all), Some(next)) = (&mut all.loss, next.loss) {
        all.extend(next);
    }
    if let (Some(all), Some(next)) = (&mut all.n_tokens, next.n_tokens) {
        all.extend(next);
    }
    if let (Some(all), Some(next)) = (&mut all.topk, next.topk) {
        let before = all.offsets.last().copied().unwrap_or(0);
        all.offsets.extend(next.offsets.iter().skip(1).map(|offset| before + offset));
        all.ids.extend(next.ids);
    }
}
