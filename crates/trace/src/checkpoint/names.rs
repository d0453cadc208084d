//! Names of router tensors in checkpoints.

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

/// The layer of a router tensor, by its name.
#[must_use]
pub fn router_layer(tensor: &str) -> Option<usize> {
    let (model, rest) = tensor.split_once("layers.")?;
    let (layer, rest) = rest.split_once('.')?;
    // Blocks of multi-token prediction (`mtp.layers.0.…`) are not layers of the model.
    let of_model = model.is_empty() || (model.starts_with("model.") && model.ends_with('.'));
    let digits = layer.bytes().all(|byte| byte.is_ascii_digit());
    if of_model && digits && ROUTERS.contains(&rest) { layer.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::router_layer;

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
