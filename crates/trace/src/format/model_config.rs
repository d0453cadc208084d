//! A model's `config.json` beside router logits: which family's rule makes gates of them.

use serde_json::Value;

use crate::{
    error::Error,
    io::source::{ByteSource as _, Source},
    model::{GateKind, RouterRule},
    text::{file_name, shorten},
};

/// Longest configuration that is read, in bytes.
const MAX_CONFIG: u64 = 1 << 20;

/// Depth of nested configurations (`text_config` and the like) that are searched.
const MAX_DEPTH: usize = 4;

/// Fields under which configurations name the scoring function.
const SCORE_FIELDS: [&str; 5] = [
    "scoring_func",
    "score_function",
    "moe_router_score_function",
    "moe_router_activation_func",
    "expert_selection_fn",
];

/// Configurations of the language model inside that of a larger one.
const NESTED: [&str; 4] = ["text_config", "llm_config", "language_config", "thinker_config"];

/// What a model's `config.json` states about its routers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelConfig {
    /// The file's name.
    pub name: String,
    /// Family of the model, or of the language model inside it.
    pub model_type: String,
    /// Rule of the routers; `None` if the family is unknown and no scoring function is named.
    pub rule: Option<RouterRule>,
    /// Why the configuration alone is not part of a run, and what to do; whole sentences.
    pub reason: String,
}

impl ModelConfig {
    /// Reads a configuration; `None` for every other file.
    ///
    /// # Errors
    /// What the source returns.
    pub(crate) async fn read(source: &Source, reason: &str) -> Result<Option<Self>, Error> {
        if file_name(source.name()) != "config.json" || source.len() > MAX_CONFIG {
            return Ok(None);
        }
        let bytes = source.read(0, source.len() as usize).await?;
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
        let Ok(config) = serde_json::from_slice(bytes) else { return Ok(None) };
        Ok(stated(&config, MAX_DEPTH).map(|(model_type, rule)| Self {
            name: source.name().to_owned(),
            model_type: shorten(model_type),
            rule,
            reason: reason.to_owned(),
        }))
    }
}

/// Family and rule that a configuration states, or else one nested in it.
fn stated(config: &Value, depth: usize) -> Option<(&str, Option<RouterRule>)> {
    let here = (config.get("model_type").and_then(Value::as_str)?, rule_of(config));
    if here.1.is_some() || depth == 0 {
        return Some(here);
    }
    let mut nested = NESTED.iter().filter_map(|field| stated(config.get(field)?, depth - 1));
    Some(nested.find(|(_, rule)| rule.is_some()).unwrap_or(here))
}

/// The rule that a configuration states: by its family, or else by the scoring function that it names.
fn rule_of(config: &Value) -> Option<RouterRule> {
    let text = |field: &str| config.get(field).and_then(Value::as_str);
    let family = text("model_type").unwrap_or_default();
    // Of families with groups and without biases, one group or `greedy` leaves the largest logits.
    let one_group = text("topk_method") == Some("greedy")
        || config.get("n_group").is_none_or(|groups| groups.as_u64().is_none_or(|n| n <= 1));
    if let Some(rule) = RouterRule::of_family(family) {
        let by_rank = rule.by_rank || (["deepseek_v2", "mistral4"].contains(&family) && one_group);
        return Some(RouterRule { by_rank, ..rule });
    }
    match SCORE_FIELDS.iter().find_map(|field| text(field))? {
        "softmax" => Some(RouterRule { kind: GateKind::SoftmaxMean, by_rank: one_group }),
        "sigmoid" => Some(RouterRule { kind: GateKind::SigmoidNormalizedMean, by_rank: false }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(config: &Value) -> Option<(GateKind, bool)> {
        stated(config, MAX_DEPTH)?.1.map(|rule| (rule.kind, rule.by_rank))
    }

    #[test]
    fn configurations_state_the_rule() {
        use GateKind::{SigmoidNormalizedMean as Sigmoid, SoftmaxMean as Softmax};
        let cases = [
            (json!({"model_type": "olmoe"}), Some((Softmax, true))),
            (json!({"model_type": "deepseek_v3", "scoring_func": "softmax"}), Some((Sigmoid, false))),
            (json!({"model_type": "ernie4_5_moe"}), Some((Softmax, false))),
            (json!({"model_type": "llama4_text"}), Some((Sigmoid, true))),
            (json!({"model_type": "deepseek_v2", "n_group": 8}), Some((Softmax, false))),
            (
                json!({"model_type": "deepseek_v2", "n_group": 8, "topk_method": "greedy"}),
                Some((Softmax, true)),
            ),
            (json!({"model_type": "deepseek_v2", "n_group": 1}), Some((Softmax, true))),
            (json!({"model_type": "new", "scoring_func": "sigmoid"}), Some((Sigmoid, false))),
            (json!({"model_type": "new", "scoring_func": "softmax"}), Some((Softmax, true))),
            (json!({"model_type": "new", "scoring_func": 3, "text_config": null}), None),
            (json!({"model_type": "vlm", "text_config": {"model_type": "glm4_moe"}}), Some((Sigmoid, false))),
            (json!({"text_config": {"model_type": "glm4_moe"}}), None),
            (json!([1]), None),
        ];
        for (config, rule) in cases {
            assert_eq!(of(&config), rule, "{config}");
        }
    }
}
