//! OLMoE (Muennighoff et al., arXiv 2409.02060), as transformers' `OlmoeForCausalLM` saves it.

use super::rules::{Defaults, ExpertMatrix, Projection, Rules};

/// Rules of OLMoE.
pub struct Olmoe;

impl Rules for Olmoe {
    fn model_type(&self) -> &'static str {
        "olmoe"
    }

    fn defaults(&self) -> Defaults {
        Defaults { rope_theta: 10_000.0, norm_eps: 1e-5, norm_topk: false, max_positions: 4096 }
    }

    fn projection_norm(&self, projection: Projection) -> Option<&'static str> {
        match projection {
            Projection::Q => Some("self_attn.q_norm.weight"),
            Projection::K => Some("self_attn.k_norm.weight"),
            Projection::V | Projection::O => None,
        }
    }

    fn router(&self) -> &'static str {
        "mlp.gate.weight"
    }

    fn expert(&self, expert: usize, matrix: ExpertMatrix) -> String {
        let name = match matrix {
            ExpertMatrix::Gate => "gate_proj",
            ExpertMatrix::Up => "up_proj",
            ExpertMatrix::Down => "down_proj",
        };
        format!("mlp.experts.{expert}.{name}.weight")
    }

    fn fused_experts(&self, matrix: ExpertMatrix) -> &'static str {
        match matrix {
            ExpertMatrix::Gate | ExpertMatrix::Up => "mlp.experts.gate_up_proj",
            ExpertMatrix::Down => "mlp.experts.down_proj",
        }
    }
}
