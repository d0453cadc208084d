//! Names of tensors in checkpoints: those of routers, and what wrappers add to names.

use std::borrow::Cow;

/// Ends of routers' names, after `model.layers.{i}.`.
pub(crate) const ROUTERS: [&str; 6] = [
    // OLMoE, Qwen2-MoE, Qwen3-MoE, DeepSeek V2 and V3, GLM-4 MoE, FlexOlmo, Ernie.
    "mlp.gate.weight",
    // Mixtral.
    "block_sparse_moe.gate.weight",
    // GPT-OSS.
    "mlp.router.weight",
    // GraniteMoE, in its files and in later versions of transformers.
    "block_sparse_moe.router.layer.weight",
    "block_sparse_moe.router.weight",
    // Jamba.
    "feed_forward.router.weight",
];

/// Ends of the names of correction biases, which are added to the scores when experts are selected, after
/// `model.layers.{i}.`.
const CORRECTION_BIASES: [&str; 3] = [
    // DeepSeek V3, GLM-4 MoE, dots.llm1.
    "mlp.gate.e_score_correction_bias",
    // Ernie.
    "mlp.moe_statics.e_score_correction_bias",
    // MiniMax M2.
    "block_sparse_moe.e_score_correction_bias",
];

/// A tensor's name without what wrappers add: `_orig_mod.` of `torch.compile`, `module.` of data-parallel training.
#[must_use]
pub fn unwrapped(tensor: &str) -> Cow<'_, str> {
    let mut rest = tensor;
    while let Some(inner) = rest.strip_prefix("module.").or_else(|| rest.strip_prefix("_orig_mod.")) {
        rest = inner;
    }
    if rest.contains("._orig_mod.") {
        Cow::Owned(rest.replace("._orig_mod.", "."))
    } else {
        Cow::Borrowed(rest)
    }
}

/// The layer of a router tensor, by its name.
#[must_use]
pub fn router_layer(tensor: &str) -> Option<usize> {
    layer_of(tensor, &ROUTERS)
}

/// The layer of a tensor of correction biases, by its name.
#[must_use]
pub fn correction_layer(tensor: &str) -> Option<usize> {
    layer_of(tensor, &CORRECTION_BIASES)
}

/// The layer of a tensor whose name has one of these ends.
fn layer_of(tensor: &str, ends: &[&str]) -> Option<usize> {
    let tensor = unwrapped(tensor);
    let (model, rest) = tensor.split_once("layers.")?;
    let (layer, rest) = rest.split_once('.')?;
    // Blocks of multi-token prediction (`mtp.layers.0.…`) are not layers of the model.
    let of_model = model.is_empty() || (model.starts_with("model.") && model.ends_with('.'));
    let digits = layer.bytes().all(|byte| byte.is_ascii_digit());
    if of_model && digits && ends.contains(&rest) { layer.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::{correction_layer, router_layer, unwrapped};

    #[test]
    fn wrappers_are_taken_off() {
        assert_eq!(unwrapped("_orig_mod.model.norm.weight"), "model.norm.weight");
        assert_eq!(unwrapped("module._orig_mod.model.layers.0._orig_mod.mlp"), "model.layers.0.mlp");
        assert_eq!(unwrapped("model.modules.x"), "model.modules.x");
        assert_eq!(router_layer("module.model.layers.3.mlp.gate.weight"), Some(3));
    }

    #[test]
    fn names_of_all_families() {
        assert_eq!(router_layer("model.layers.3.mlp.gate.weight"), Some(3));
        assert_eq!(router_layer("model.layers.10.block_sparse_moe.gate.weight"), Some(10));
        assert_eq!(router_layer("model.layers.0.mlp.router.weight"), Some(0));
        assert_eq!(router_layer("model.layers.7.block_sparse_moe.router.layer.weight"), Some(7));
        assert_eq!(router_layer("model.language_model.layers.7.mlp.gate.weight"), Some(7));
        assert_eq!(router_layer("layers.7.mlp.gate.weight"), Some(7));
    }

    #[test]
    fn names_of_correction_biases() {
        assert_eq!(correction_layer("model.layers.3.mlp.gate.e_score_correction_bias"), Some(3));
        assert_eq!(correction_layer("model.layers.0.mlp.moe_statics.e_score_correction_bias"), Some(0));
        assert_eq!(correction_layer("model.layers.3.mlp.gate.weight"), None);
        assert_eq!(correction_layer("mtp.layers.0.mlp.gate.e_score_correction_bias"), None);
    }

    #[test]
    fn names_of_other_tensors() {
        for name in [
            "model.layers.3.mlp.gate_proj.weight",
            "model.layers.3.mlp.shared_expert_gate.weight",
            "model.layers.3.mlp.gate.e_score_correction_bias",
            "model.layers.x.mlp.gate.weight",
            "model.layers.+1.mlp.gate.weight",
            "model.layers.99999999999999999999999.mlp.gate.weight",
            "mtp.layers.0.mlp.gate.weight",
            "lm_head.weight",
        ] {
            assert_eq!(router_layer(name), None, "{name}");
        }
    }
}
