//! Routing: softmax of the router logits over all experts in f32, and the `k` experts with the
//! highest weights. Equal weights go to the lower id.

use crate::{config::Config, threads};

/// Routing of `N` tokens in one layer.
#[derive(Debug)]
pub struct Routing {
    /// Softmax weights of all experts, `[N,E]`; each row sums to 1.
    pub gates: Vec<f32>,
    /// Selected experts, highest weight first, `[N,k]`.
    pub ids: Vec<u16>,
    /// Weights by which the outputs of the selected experts are scaled, `[N,k]`.
    pub weights: Vec<f32>,
}

/// Tokens that selected one expert.
#[derive(Debug, Default)]
pub struct ExpertTokens {
    /// Rows of the tokens, ascending.
    pub rows: Vec<i32>,
    /// Weight of the expert for each token.
    pub weights: Vec<f32>,
}

/// Routes rows of logits `[N,E]`.
pub fn route(logits: &[f32], config: &Config) -> Routing {
    let (experts, k) = (config.experts, config.top_k);
    let tokens = logits.len() / experts;
    let mut gates = vec![0.0; tokens * experts];
    let mut ids = vec![0; tokens * k];
    let mut weights = vec![0.0; tokens * k];
    let rows = logits.chunks_exact(experts).zip(gates.chunks_exact_mut(experts));
    let slots = ids.chunks_exact_mut(k).zip(weights.chunks_exact_mut(k));
    let mut rows: Vec<Row<'_>> = rows
        .zip(slots)
        .map(|((logits, gates), (ids, weights))| Row { logits, gates, ids, weights })
        .collect();
    threads::map_mut(&mut rows, |row| row.route(config.norm_topk));
    Routing { gates, ids, weights }
}

/// Logits and routing of one token.
struct Row<'a> {
    logits: &'a [f32],
    gates: &'a mut [f32],
    ids: &'a mut [u16],
    weights: &'a mut [f32],
}

impl Row<'_> {
    /// Fills in the routing; `norm_topk` scales the selected weights to sum to 1.
    fn route(&mut self, norm_topk: bool) {
        trace::softmax(self.logits, self.gates);
        let k = self.ids.len();
        let mut found = 0;
        for (id, &gate) in self.gates.iter().enumerate() {
            // After equal weights, so that the lower id comes first.
            let at = self.weights[..found].partition_point(|&other| other >= gate);
            if at == k {
                continue;
            }
            found = (found + 1).min(k);
            self.weights[at..found].rotate_right(1);
            self.ids[at..found].rotate_right(1);
            (self.weights[at], self.ids[at]) = (gate, id as u16);
        }
        if norm_topk {
            let sum: f32 = self.weights.iter().sum();
            self.weights.iter_mut().for_each(|weight| *weight /= sum);
        }
    }
}

impl Routing {
    /// Groups the tokens by selected expert, `[E]`.
    pub fn by_expert(&self, config: &Config) -> Vec<ExpertTokens> {
        let mut experts: Vec<ExpertTokens> = (0..config.experts).map(|_| ExpertTokens::default()).collect();
        for (at, (&id, &weight)) in self.ids.iter().zip(&self.weights).enumerate() {
            let expert = &mut experts[id as usize];
            expert.rows.push((at / config.top_k) as i32);
            expert.weights.push(weight);
        }
        experts
    }
}
