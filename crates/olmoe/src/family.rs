//! Differences between model families: defaults of `config.json` and tensor names. A new family is
//! a file beside `family/olmoe.rs` and a line in [`ALL`].

mod olmoe;

use std::fmt;

/// Supported families.
const ALL: [&dyn Rules; 1] = [&olmoe::Olmoe];

/// A family of mixture-of-experts models.
#[derive(Clone, Copy)]
pub struct Family(&'static dyn Rules);

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
    fn name(self) -> &'static str {
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
trait Rules: Sync {
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

impl Family {
    /// Finds the family of a `model_type`.
    pub fn of(model_type: &str) -> Option<Self> {
        ALL.into_iter().find(|rules| rules.model_type() == model_type).map(Self)
    }

    /// Supported values of `model_type`, for messages.
    pub fn supported() -> String {
        ALL.map(|rules| format!("`{}`", rules.model_type())).join(" or ")
    }

    /// Name of the family in traces.
    pub fn name(self) -> &'static str {
        self.0.model_type()
    }

    /// Defaults of fields that `config.json` may omit.
    pub fn defaults(self) -> Defaults {
        self.0.defaults()
    }

    /// Name of the embedding, `[V,d]`.
    pub fn embedding(self) -> String {
        self.0.embedding()
    }

    /// Name of the output head, `[V,d]`, unless it is tied to the embedding.
    pub fn head(self) -> String {
        self.0.head()
    }

    /// Name of the final norm's weight, `[d]`.
    pub fn final_norm(self) -> String {
        self.0.final_norm()
    }

    /// Name of the weight of the norm before the attention, `[d]`.
    pub fn attention_norm(self, layer: usize) -> String {
        self.0.in_layer(layer, self.0.attention_norm())
    }

    /// Name of the weight of the norm before the experts, `[d]`.
    pub fn expert_norm(self, layer: usize) -> String {
        self.0.in_layer(layer, self.0.expert_norm())
    }

    /// Name of the weight of the norm over a whole projection, `[out]`, if there is one.
    pub fn projection_norm(self, layer: usize, projection: Projection) -> Option<String> {
        self.0.projection_norm(projection).map(|name| self.0.in_layer(layer, name))
    }

    /// Name of the matrix of a projection, `[out,in]`.
    pub fn projection(self, layer: usize, projection: Projection) -> String {
        self.0.in_layer(layer, &format!("self_attn.{}.weight", projection.name()))
    }

    /// Name of the bias of a projection, `[out]`.
    pub fn bias(self, layer: usize, projection: Projection) -> String {
        self.0.in_layer(layer, &format!("self_attn.{}.bias", projection.name()))
    }

    /// Name of the router, `[E,d]`.
    pub fn router(self, layer: usize) -> String {
        self.0.in_layer(layer, self.0.router())
    }

    /// Name of a matrix of one expert.
    pub fn expert(self, layer: usize, expert: usize, matrix: ExpertMatrix) -> String {
        self.0.in_layer(layer, &self.0.expert(expert, matrix))
    }

    /// Name of the fused tensor of all experts: gate above up `[E,2I,d]`, or down `[E,d,I]`.
    pub fn fused_experts(self, layer: usize, matrix: ExpertMatrix) -> String {
        self.0.in_layer(layer, self.0.fused_experts(matrix))
    }
}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Family").field(&self.name()).finish()
    }
}

impl PartialEq for Family {
    fn eq(&self, other: &Self) -> bool {
        self.name() == other.name()
    }
}

impl Eq for Family {}
