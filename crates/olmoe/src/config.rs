//! Model configuration from `config.json`.
//!
//! Fields are those of transformers' `OlmoeConfig`, in the styles of transformers 4 and 5.
//! Unsupported settings are errors that name the field.

use serde::Deserialize;
use serde_json::Value;

use crate::{error::Error, family::Family};

/// Upper bound of each size, so that products of three sizes fit into 64 bits.
const MAX_SIZE: usize = 1 << 20;

/// Advice for a config that contradicts itself or the tensors.
pub const USE_MATCHING_CONFIG: &str = "Use the config.json that was saved with these weights.";

/// Sizes and settings of a model.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Family of the model, which has its tensor names and defaults.
    pub family: Family,
    /// Width of the residual stream, `d`.
    pub hidden: usize,
    /// Inner width of an expert, `I`.
    pub intermediate: usize,
    /// Number of layers, `L`.
    pub layers: usize,
    /// Number of attention heads, `h`.
    pub heads: usize,
    /// Number of key and value heads; divides `heads`.
    pub kv_heads: usize,
    /// Width of a head, `w`.
    pub head_width: usize,
    /// Experts per layer, `E`.
    pub experts: usize,
    /// Experts per token, `k`.
    pub top_k: usize,
    /// Size of the vocabulary, `V`.
    pub vocabulary: usize,
    /// Longest sequence in tokens.
    pub max_positions: usize,
    /// Base of the rotary embedding.
    pub rope_theta: f64,
    /// Term added to the mean square in a norm.
    pub norm_eps: f64,
    /// Whether the weights of the selected experts are scaled to sum to 1.
    pub norm_topk: bool,
    /// Bound `c` if queries, keys and values are clipped to `[-c, c]`.
    pub clip_qkv: Option<f64>,
    /// Whether the head uses the matrix of the embedding.
    pub tied: bool,
    /// Whether the projections of the attention have biases.
    pub attention_bias: bool,
}

#[derive(Deserialize)]
struct File {
    model_type: Option<String>,
    hidden_size: Option<usize>,
    intermediate_size: Option<usize>,
    num_hidden_layers: Option<usize>,
    num_attention_heads: Option<usize>,
    num_key_value_heads: Option<usize>,
    head_dim: Option<usize>,
    num_experts: Option<usize>,
    num_experts_per_tok: Option<usize>,
    vocab_size: Option<usize>,
    max_position_embeddings: Option<usize>,
    rope_theta: Option<f64>,
    rope_scaling: Option<Value>,
    rope_parameters: Option<Rope>,
    rms_norm_eps: Option<f64>,
    norm_topk_prob: Option<bool>,
    clip_qkv: Option<f64>,
    tie_word_embeddings: Option<bool>,
    attention_bias: Option<bool>,
    hidden_act: Option<String>,
    quantization_config: Option<Value>,
}

#[derive(Deserialize)]
struct Rope {
    rope_theta: Option<f64>,
    rope_type: Option<String>,
    partial_rotary_factor: Option<f64>,
}

impl Config {
    /// Parses the bytes of a `config.json`; `name` is its name in messages.
    ///
    /// # Errors
    /// [`Error::Text`] for invalid JSON and for sizes that are absent, out of range or contradictory;
    /// [`Error::Unsupported`] for settings that are not implemented.
    pub fn parse(name: &str, bytes: &[u8]) -> Result<Self, Error> {
        let file: File = serde_json::from_slice(bytes).map_err(|error| Error::Text {
            name: name.to_owned(),
            place: format!("line {}", error.line()),
            found: error.to_string(),
            expected: "a model configuration as transformers writes it".to_owned(),
            advice: "Copy or download the file again.",
        })?;
        let unsupported = |field, found: String, supported: &str| {
            Err(Error::Unsupported {
                name: name.to_owned(),
                field,
                found,
                supported: supported.to_owned(),
                advice: "This checkpoint cannot be run: its results would be wrong.",
            })
        };
        let model_type = file.model_type.as_deref().unwrap_or("absent");
        let Some(family) = Family::of(model_type) else {
            return unsupported("model_type", model_type.to_owned(), &Family::supported());
        };
        let defaults = family.defaults();
        if let Some(act) = file.hidden_act.as_deref().filter(|&act| act != "silu") {
            return unsupported("hidden_act", act.to_owned(), "`silu`");
        }
        if let Some(scaling) = file.rope_scaling.filter(|scaling| !is_default_rope(scaling)) {
            return unsupported("rope_scaling", scaling.to_string(), "none");
        }
        if let Some(quantization) = file.quantization_config.filter(|value| !value.is_null()) {
            let method = quantization.get("quant_method").unwrap_or(&quantization).to_string();
            return unsupported("quantization_config", method, "weights in f32, f16 or bf16");
        }
        let rope = file.rope_parameters;
        if let Some(kind) = rope.as_ref().and_then(|rope| rope.rope_type.as_deref())
            && kind != "default"
        {
            return unsupported("rope_parameters.rope_type", kind.to_owned(), "`default`");
        }
        if let Some(part) = rope.as_ref().and_then(|rope| rope.partial_rotary_factor)
            && (part - 1.0).abs() > 0.0
        {
            return unsupported("rope_parameters.partial_rotary_factor", part.to_string(), "1");
        }
        let size = |field: &'static str, value: Option<usize>, default: Option<usize>| {
            let value = value.or(default);
            value.filter(|size| (1..=MAX_SIZE).contains(size)).ok_or_else(|| Error::Text {
                name: name.to_owned(),
                place: field.to_owned(),
                found: value.map_or_else(|| "nothing".to_owned(), |value| value.to_string()),
                expected: format!("a whole number from 1 to {MAX_SIZE}"),
                advice: USE_MATCHING_CONFIG,
            })
        };
        let hidden = size("hidden_size", file.hidden_size, None)?;
        let heads = size("num_attention_heads", file.num_attention_heads, None)?;
        let kv_heads = size("num_key_value_heads", file.num_key_value_heads, Some(heads))?;
        let config = Self {
            family,
            hidden,
            intermediate: size("intermediate_size", file.intermediate_size, None)?,
            layers: size("num_hidden_layers", file.num_hidden_layers, None)?,
            heads,
            kv_heads,
            head_width: size("head_dim", file.head_dim, Some(hidden / heads))?,
            experts: size("num_experts", file.num_experts, None)?,
            top_k: size("num_experts_per_tok", file.num_experts_per_tok, None)?,
            vocabulary: size("vocab_size", file.vocab_size, None)?,
            max_positions: size(
                "max_position_embeddings",
                file.max_position_embeddings,
                Some(defaults.max_positions),
            )?,
            rope_theta: rope
                .and_then(|rope| rope.rope_theta)
                .or(file.rope_theta)
                .unwrap_or(defaults.rope_theta),
            norm_eps: file.rms_norm_eps.unwrap_or(defaults.norm_eps),
            norm_topk: file.norm_topk_prob.unwrap_or(defaults.norm_topk),
            clip_qkv: file.clip_qkv,
            tied: file.tie_word_embeddings.unwrap_or(false),
            attention_bias: file.attention_bias.unwrap_or(false),
        };
        config.check(name)?;
        Ok(config)
    }

    /// Checks sizes against each other, and that all constants are positive.
    fn check(&self, name: &str) -> Result<(), Error> {
        let wrong = |place: &str, found: String, expected: &str| {
            Err(Error::Text {
                name: name.to_owned(),
                place: place.to_owned(),
                found,
                expected: expected.to_owned(),
                advice: USE_MATCHING_CONFIG,
            })
        };
        if !self.heads.is_multiple_of(self.kv_heads) {
            let found = format!("{} for {} heads", self.kv_heads, self.heads);
            return wrong("num_key_value_heads", found, "a divisor of num_attention_heads");
        }
        if !self.head_width.is_multiple_of(2) {
            return wrong("head_dim", self.head_width.to_string(), "an even number");
        }
        if self.top_k > self.experts || self.experts >= 1 << 16 {
            let found = format!("{} of {} experts", self.top_k, self.experts);
            return wrong("num_experts_per_tok", found, "at most num_experts, and num_experts at most 65535");
        }
        let positive = |value: f64| value.is_finite() && value > 0.0;
        if !positive(self.rope_theta)
            || !positive(self.norm_eps)
            || self.clip_qkv.is_some_and(|clip| !positive(clip))
        {
            let found = format!("{}, {}, {:?}", self.rope_theta, self.norm_eps, self.clip_qkv);
            return wrong("rope_theta, rms_norm_eps, clip_qkv", found, "positive numbers");
        }
        Ok(())
    }
}

/// Whether a `rope_scaling` means no scaling: `null`, or the type `default` of older files.
fn is_default_rope(scaling: &Value) -> bool {
    let kind = scaling.get("rope_type").or_else(|| scaling.get("type"));
    scaling.is_null() || kind.and_then(Value::as_str) == Some("default")
}
