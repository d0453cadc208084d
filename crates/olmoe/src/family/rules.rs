//! What each model family states: defaults of `config.json` and tensor names.

/// Matrix of an expert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExpertMatrix {
    /// Gate projection, `[I,d]`.
    Gate,
    /// Up projection, `[I,d]`.
    Up,
    /// Down projection, `[d,I]`.
    Down,
}

/// Projection of the attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Projection {
    /// Queries.
    Q,
    /// Keys.
    K,
    /// Values.
    V,
    /// Output.
    O,
}

impl Projection {
    /// All projections, in the order of their declaration.
    pub const ALL: [Self; 4] = [Self::Q, Self::K, Self::V, Self::O];

    /// Name in the tensors of most families.
    pub fn name(self) -> &'static str {
        match self {
            Self::Q => "q_proj",
            Self::K => "k_proj",
            Self::V => "v_proj",
            Self::O => "o_proj",
        }
    }
}

/// Defaults of fields that `config.json` may omit.
#[derive(Clone, Copy, Debug)]
pub struct Defaults {
    /// Base of the rotary embedding.
    pub rope_theta: f64,
    /// Term added to the mean square in a norm.
    pub norm_eps: f64,
    /// Whether the weights of the selected experts are scaled to sum to 1.
    pub norm_topk: bool,
    /// Longest sequence in tokens.
    pub max_positions: usize,
}

/// Rules of one family. The default methods are the tensor names of most families in transformers.
pub trait Rules: Sync {
    /// `model_type` in `config.json`, and name of the model in traces.
    fn model_type(&self) -> &'static str;

    /// Defaults of fields that `config.json` may omit.
    fn defaults(&self) -> Defaults;

    /// Name of the embedding, `[V,d]`.
    fn embedding(&self) -> String {
        "model.embed_tokens.weight".to_owned()
    }

    /// Name of the output head, `[V,d]`.
    fn head(&self) -> String {
        "lm_head.weight".to_owned()
    }

    /// Name of the final norm's weight, `[d]`.
    fn final_norm(&self) -> String {
        "model.norm.weight".to_owned()
    }

    /// Full name of a tensor of a layer from its name within the layer.
    fn in_layer(&self, layer: usize, rest: &str) -> String {
        format!("model.layers.{layer}.{rest}")
    }

    /// Name within a layer of the weight `[d]` of the norm before the attention.
    fn attention_norm(&self) -> &'static str {
        "input_layernorm.weight"
    }

    /// Name within a layer of the weight `[d]` of the norm before the experts.
    fn expert_norm(&self) -> &'static str {
        "post_attention_layernorm.weight"
    }

    /// Name within a layer of the weight `[out]` of the norm over a whole projection, if there is
    /// one.
    fn projection_norm(&self, projection: Projection) -> Option<&'static str>;

    /// Name within a layer of the router, `[E,d]`.
    fn router(&self) -> &'static str;

    /// Name within a layer of a matrix of one expert.
    fn expert(&self, expert: usize, matrix: ExpertMatrix) -> String;

    /// Name within a layer of the fused tensor of all experts: gate above up `[E,2I,d]`, or down
    /// `[E,d,I]`.
    fn fused_experts(&self, matrix: ExpertMatrix) -> &'static str;
}
