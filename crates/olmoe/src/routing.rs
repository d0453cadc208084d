//! From router logits to experts: softmax over all experts in f32, the heaviest `k`, equal ones to the lower id.

use crate::config::Config;

/// The routing of all tokens in one layer.
#[derive(Debug)]
pub struct Routing {
    /// Weights of all experts, `[N,E]`; each row sums to 1.
    pub gates: Vec<f32>,
    /// The chosen experts, heaviest first, `[N,k]`.
    pub ids: Vec<u16>,
    /// Their weights as used, `[N,k]`.
    pub weights: Vec<f32>,
}

/// The tokens of one expert.
#[derive(Debug, Default)]
pub struct Chosen {
    /// Rows of the tokens, ascending.
    pub rows: Vec<i32>,
    /// The expert's weight for each.
    pub weights: Vec<f32>,
}

/// Routes rows of logits `[N,E]`.
pub fn route(logits: &[f32], config: &Config) -> Routing {
    let (experts, k) = (config.experts, config.top_k);
    let mut routing = Routing {
        gates: Vec::with_capacity(logits.len()),
        ids: Vec::with_capacity(logits.len() / experts * k),
        weights: Vec::with_capacity(logits.len() / experts * k),
    };
    let mut order: Vec<u16> = Vec::with_capacity(experts);
    for row in logits.chunks_exact(experts) {
        let start = routing.gates.len();
        routing.gates.resize(start + experts, 0.0);
        trace::softmax(row, &mut routing.gates[start..]);
        let gates = &routing.gates[start..];
        order.clear();
        order.extend(0..experts as u16);
        // A stable order: of equal weights the lower id comes first.
        order.sort_by(|&a, &b| gates[b as usize].total_cmp(&gates[a as usize]));
        order.truncate(k);
        let sum: f32 = order.iter().map(|&id| gates[id as usize]).sum();
        let scale = if config.norm_topk { sum } else { 1.0 };
        routing.weights.extend(order.iter().map(|&id| gates[id as usize] / scale));
        routing.ids.extend_from_slice(&order);
    }
    routing
}

impl Routing {
    /// The tokens of each expert, `[E]`.
    pub fn by_expert(&self, config: &Config) -> Vec<Chosen> {
        let mut chosen: Vec<Chosen> = (0..config.experts).map(|_| Chosen::default()).collect();
        for (at, (&id, &weight)) in self.ids.iter().zip(&self.weights).enumerate() {
            let expert = &mut chosen[id as usize];
            expert.rows.push((at / config.top_k) as i32);
            expert.weights.push(weight);
        }
        chosen
    }
}
