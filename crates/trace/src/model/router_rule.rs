//! How routers turn logits into gates and selections, per family of models (transformers 5.24).

use crate::model::gate_kind::GateKind;

/// Families that score by softmax and select the largest logits.
const SOFTMAX: [&str; 24] = [
    "dbrx",
    "doge",
    "flex_olmo",
    "gpt_oss",
    "granitemoe",
    "granitemoehybrid",
    "granitemoeshared",
    "hunyuan_v1_moe",
    "jamba",
    "jetmoe",
    "minimax",
    "mixtral",
    "olmoe",
    "phimoe",
    "qwen2_moe",
    "qwen3_5_moe",
    "qwen3_5_moe_text",
    "qwen3_moe",
    "qwen3_next",
    "qwen3_omni_moe",
    "qwen3_omni_moe_text",
    "qwen3_omni_moe_thinker",
    "qwen3_vl_moe",
    "qwen3_vl_moe_text",
];

/// Families that score by softmax and select by correction biases or by groups.
const SOFTMAX_BIASED: [&str; 6] =
    ["deepseek_v2", "ernie4_5_moe", "ernie4_5_vl_moe", "ernie4_5_vl_moe_text", "longcat_flash", "mistral4"];

/// Families that score by sigmoid and select the largest logits.
const SIGMOID: [&str; 2] = ["llama4", "llama4_text"];

/// Families that score by sigmoid and select by correction biases, many by groups too.
const SIGMOID_BIASED: [&str; 22] = [
    "afmoe",
    "axk1",
    "bailing_hybrid",
    "deepseek_v3",
    "deepseek_v32",
    "dots1",
    "exaone_moe",
    "glm4_moe",
    "glm4_moe_lite",
    "glm4v_moe",
    "glm4v_moe_text",
    "glm_moe_dsa",
    "hy_v3",
    "kimi_k2",
    "kimi_k25",
    "kimi_linear",
    "laguna",
    "lfm2_moe",
    "mimo_v2_flash",
    "minimax_m2",
    "nemotron_h",
    "solar_open",
];

/// Some families that score by sigmoid, for messages.
pub const SIGMOID_EXAMPLES: &str =
    "DeepSeek-V3, Kimi K2, GLM-4.5, dots.llm1, MiniMax-M2, Llama 4, Nemotron-H";

/// How the routers of a model turn logits into gates and selections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouterRule {
    /// Kind of the gates: by softmax or by sigmoid.
    pub kind: GateKind,
    /// Whether a token's experts are those with the largest logits. Otherwise correction biases or groups of experts
    /// decide too, and logits alone do not tell the selection.
    pub by_rank: bool,
}

impl RouterRule {
    /// Softmax and the largest logits: the rule where nothing else is stated.
    pub const SOFTMAX: Self = Self { kind: GateKind::SoftmaxMean, by_rank: true };

    /// The rule of a family, by its `model_type` in transformers; `None` for an unknown one.
    #[must_use]
    pub fn of_family(model_type: &str) -> Option<Self> {
        let families: [(&[&str], GateKind, bool); 4] = [
            (&SOFTMAX, GateKind::SoftmaxMean, true),
            (&SOFTMAX_BIASED, GateKind::SoftmaxMean, false),
            (&SIGMOID, GateKind::SigmoidNormalizedMean, true),
            (&SIGMOID_BIASED, GateKind::SigmoidNormalizedMean, false),
        ];
        families
            .into_iter()
            .find(|(names, ..)| names.contains(&model_type))
            .map(|(_, kind, by_rank)| Self { kind, by_rank })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_have_one_rule_each() {
        let mut names = [SOFTMAX.as_slice(), &SOFTMAX_BIASED, &SIGMOID, &SIGMOID_BIASED].concat();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
