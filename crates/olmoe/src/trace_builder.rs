//! Builder of the router trace of a pass, layer by layer, and concatenation of passes.

use std::ops::Range;

use trace::{GateKind, Router, RouterTrace, SampleMeta, TopK};

use crate::{
    checkpoint::Checkpoint, head::Predictions, inputs::Inputs, observer::samples_in, plan::Plan,
    routing::Routing,
};

/// Mean gates and selections of the samples of a pass, filled layer by layer.
pub struct TraceBuilder {
    /// Rows of each sample, `[S]`.
    pub spans: Vec<Range<usize>>,
    layers: usize,
    experts: usize,
    top_k: usize,
    /// Mean gates, `[S,L,E]`.
    gates: Vec<f32>,
    /// Selected experts of each token, `[T,L,k]`.
    ids: Vec<u16>,
    /// First token of each sample in `ids`, and the number of tokens, `[S+1]`.
    offsets: Vec<usize>,
    /// Router matrices, `[L,E,d]`.
    routers: Vec<f32>,
}

impl TraceBuilder {
    /// Builder for the samples of a pass, without any layer yet.
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
            routers: Vec::new(),
            offsets,
            spans,
            layers,
            experts,
            top_k,
        }
    }

    /// Adds the routing of a batch in one layer. `rows` are the batch's rows among all.
    pub fn add_batch(&mut self, layer: usize, rows: &Range<usize>, Routing { gates, ids, .. }: &Routing) {
        let (experts, k, layers) = (self.experts, self.top_k, self.layers);
        let mut sums = vec![0.0_f64; experts];
        for (sample, span) in samples_in(&self.spans, rows) {
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

    /// Adds the router matrix of the next layer, `[E,d]`.
    pub fn add_router(&mut self, values: &[f32]) {
        self.routers.extend_from_slice(values);
    }

    /// Builds the trace. A sample's loss is the mean over its counted targets in nats, NaN if it
    /// has none.
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
            // 0 / 0, and so NaN, for a sample without counted targets.
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
                values: self.routers,
            }),
            topk: Some(TopK { k: self.top_k, layers: self.layers, ids: self.ids, offsets: self.offsets }),
            topk_ordered: true,
        }
    }
}

/// Appends the samples of the next pass to the trace of the passes before.
pub fn append_pass(all: &mut RouterTrace, next: RouterTrace) {
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
