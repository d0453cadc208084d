//! OLMoE (Muennighoff et al., arXiv 2409.02060), as transformers' `OlmoeForCausalLM` saves it.

use super::{Defaults, Part, Projection, Rules};

/// OLMoE.
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

    fn expert(&self, expert: usize, part: Part) -> String {
        let name = match part {
            Part::Gate => "gate_proj",
            Part::Up => "up_proj",
            Part::Down => "down_proj",
        };
        format!("mlp.experts.{expert}.{name}.weight")
    }

    fn fused_experts(&self, part: Part) -> &'static str {
        match part {
            Part::Gate | Part::Up => "mlp.experts.gate_up_proj",
            Part::Down => "mlp.experts.down_proj",
        }
    }
}
