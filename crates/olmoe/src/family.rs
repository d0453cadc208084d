//! What differs between families of models: what `config.json` leaves out, and the names of their tensors. A further
//! family is one further file beside `family/olmoe.rs`, and its line in [`ALL`].

mod olmoe;

use std::fmt;

/// All families that can be run.
const ALL: [&dyn Rules; 1] = [&olmoe::Olmoe];

/// A family of mixture-of-experts models.
#[derive(Clone, Copy)]
pub struct Family(&'static dyn Rules);

/// The matrices of one expert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Its gate projection, `[I,d]`.
    Gate,
    /// Its up projection, `[I,d]`.
    Up,
    /// Its down projection, `[d,I]`.
    Down,
}

/// A projection of the attention.
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
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 4] = [Self::Q, Self::K, Self::V, Self::O];

    /// What most families call it.
    fn name(self) -> &'static str {
        match self {
            Self::Q => "q_proj",
            Self::K => "k_proj",
            Self::V => "v_proj",
            Self::O => "o_proj",
        }
    }
}

/// What holds where `config.json` does not say.
#[derive(Clone, Copy, Debug)]
pub struct Defaults {
    /// Base of the rotary embedding.
    pub rope_theta: f64,
    /// Added to the mean square of a norm.
    pub norm_eps: f64,
    /// Whether the weights of the chosen experts are scaled to sum to 1.
    pub norm_topk: bool,
    /// Longest sequence.
    pub max_positions: usize,
}

/// One family. What is given here is how transformers names the tensors of most; a family overrides what it calls
/// otherwise.
trait Rules: Sync {
    /// `model_type` of its `config.json`; what a trace calls the model.
    fn model_type(&self) -> &'static str;

    /// What its configs may leave out.
    fn defaults(&self) -> Defaults;

    /// Tensors outside of layers: the embedding `[V,d]`.
    fn embedding(&self) -> String {
        "model.embed_tokens.weight".to_owned()
    }

    /// The head, `[V,d]`.
    fn head(&self) -> String {
        "lm_head.weight".to_owned()
    }

    /// Weight of the last norm, `[d]`.
    fn final_norm(&self) -> String {
        "model.norm.weight".to_owned()
    }

    /// A tensor of a layer, by its name in there.
    fn in_layer(&self, layer: usize, rest: &str) -> String {
        format!("model.layers.{layer}.{rest}")
    }

    /// Weight of the norm before the attention, `[d]`.
    fn attention_norm(&self) -> &'static str {
        "input_layernorm.weight"
    }

    /// Weight of the norm before the experts, `[d]`.
    fn expert_norm(&self) -> &'static str {
        "post_attention_layernorm.weight"
    }

    /// Weight of the norm over a whole projection, where there is one, `[out]`.
    fn projection_norm(&self, projection: Projection) -> Option<&'static str>;

    /// The router, `[E,d]`.
    fn router(&self) -> &'static str;

    /// A matrix of one expert.
    fn expert(&self, expert: usize, part: Part) -> String;

    /// The same matrices of all experts in one tensor: gate above up `[E,2I,d]`, or down `[E,d,I]`.
    fn fused_experts(&self, part: Part) -> &'static str;
}

impl Family {
    /// The family of a `model_type`.
    pub fn of(model_type: &str) -> Option<Self> {
        ALL.into_iter().find(|rules| rules.model_type() == model_type).map(Self)
    }

    /// The model types that can be run, for messages.
    pub fn known() -> String {
        ALL.map(|rules| format!("`{}`", rules.model_type())).join(" or ")
    }

    /// What the family is called in a trace.
    pub fn name(self) -> &'static str {
        self.0.model_type()
    }

    /// What its configs may leave out.
    pub fn defaults(self) -> Defaults {
        self.0.defaults()
    }

    /// Rows of the embedding, `[V,d]`.
    pub fn embedding(self) -> String {
        self.0.embedding()
    }

    /// The head, `[V,d]`, where it is not the embedding.
    pub fn head(self) -> String {
        self.0.head()
    }

    /// Weight of the last norm, `[d]`.
    pub fn final_norm(self) -> String {
        self.0.final_norm()
    }

    /// Weight of the norm before the attention, `[d]`.
    pub fn attention_norm(self, layer: usize) -> String {
        self.0.in_layer(layer, self.0.attention_norm())
    }

    /// Weight of the norm before the experts, `[d]`.
    pub fn expert_norm(self, layer: usize) -> String {
        self.0.in_layer(layer, self.0.expert_norm())
    }

    /// Weight of the norm over the whole projected queries or keys.
    pub fn projection_norm(self, layer: usize, projection: Projection) -> Option<String> {
        self.0.projection_norm(projection).map(|name| self.0.in_layer(layer, name))
    }

    /// A projection of the attention, `[out,in]`.
    pub fn projection(self, layer: usize, projection: Projection) -> String {
        self.0.in_layer(layer, &format!("self_attn.{}.weight", projection.name()))
    }

    /// Its bias, `[out]`.
    pub fn bias(self, layer: usize, projection: Projection) -> String {
        self.0.in_layer(layer, &format!("self_attn.{}.bias", projection.name()))
    }

    /// The router, `[E,d]`.
    pub fn router(self, layer: usize) -> String {
        self.0.in_layer(layer, self.0.router())
    }

    /// A matrix of one expert.
    pub fn expert(self, layer: usize, expert: usize, part: Part) -> String {
        self.0.in_layer(layer, &self.0.expert(expert, part))
    }

    /// The same matrices of all experts in one tensor: gate above up `[E,2I,d]`, or down `[E,d,I]`.
    pub fn fused_experts(self, layer: usize, part: Part) -> String {
        self.0.in_layer(layer, self.0.fused_experts(part))
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
