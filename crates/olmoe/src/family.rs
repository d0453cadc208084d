//! Differences between model families: defaults of `config.json` and tensor names. A new family is
//! a file beside `family/olmoe.rs` and a line in [`ALL`].

mod olmoe;
mod rules;

use std::fmt;

use rules::Rules;

pub use rules::{Defaults, ExpertMatrix, Projection};

/// Supported families.
const ALL: [&dyn Rules; 1] = [&olmoe::Olmoe];

/// A family of mixture-of-experts models.
#[derive(Clone, Copy)]
pub struct Family(&'static dyn Rules);

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
