//! What differs between families of models: the names of their tensors. A further family is a further variant here.

/// A family of mixture-of-experts models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// OLMoE (Muennighoff et al., arXiv 2409.02060), as transformers' `OlmoeForCausalLM` saves it.
    Olmoe,
}

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
}

impl Family {
    /// What the family is called in a trace.
    pub fn name(self) -> &'static str {
        match self {
            Self::Olmoe => "olmoe",
        }
    }

    /// Rows of the embedding, `[V,d]`.
    pub fn embedding(self) -> String {
        match self {
            Self::Olmoe => "model.embed_tokens.weight".to_owned(),
        }
    }

    /// The head, `[V,d]`, where it is not the embedding.
    pub fn head(self) -> String {
        match self {
            Self::Olmoe => "lm_head.weight".to_owned(),
        }
    }

    /// Weight of the last norm, `[d]`.
    pub fn final_norm(self) -> String {
        match self {
            Self::Olmoe => "model.norm.weight".to_owned(),
        }
    }

    /// Weight of the norm before the attention, `[d]`.
    pub fn attention_norm(self, layer: usize) -> String {
        self.in_layer(layer, "input_layernorm.weight")
    }

    /// Weight of the norm before the experts, `[d]`.
    pub fn expert_norm(self, layer: usize) -> String {
        self.in_layer(layer, "post_attention_layernorm.weight")
    }

    /// Weight of the norm over the whole projected queries or keys.
    pub fn projection_norm(self, layer: usize, projection: Projection) -> Option<String> {
        match projection {
            Projection::Q => Some(self.in_layer(layer, "self_attn.q_norm.weight")),
            Projection::K => Some(self.in_layer(layer, "self_attn.k_norm.weight")),
            Projection::V | Projection::O => None,
        }
    }

    /// A projection of the attention, `[out,in]`.
    pub fn projection(self, layer: usize, projection: Projection) -> String {
        self.in_layer(layer, &format!("self_attn.{}.weight", Self::projection_name(projection)))
    }

    /// Its bias, `[out]`.
    pub fn bias(self, layer: usize, projection: Projection) -> String {
        self.in_layer(layer, &format!("self_attn.{}.bias", Self::projection_name(projection)))
    }

    fn projection_name(projection: Projection) -> &'static str {
        match projection {
            Projection::Q => "q_proj",
            Projection::K => "k_proj",
            Projection::V => "v_proj",
            Projection::O => "o_proj",
        }
    }

    /// The router, `[E,d]`.
    pub fn router(self, layer: usize) -> String {
        self.in_layer(layer, "mlp.gate.weight")
    }

    /// A matrix of one expert.
    pub fn expert(self, layer: usize, expert: usize, part: Part) -> String {
        let name = match part {
            Part::Gate => "gate_proj",
            Part::Up => "up_proj",
            Part::Down => "down_proj",
        };
        self.in_layer(layer, &format!("mlp.experts.{expert}.{name}.weight"))
    }

    /// The same matrices of all experts in one tensor: gate above up `[E,2I,d]`, or down `[E,d,I]`.
    pub fn fused_experts(self, layer: usize, part: Part) -> String {
        let name = match part {
            Part::Gate | Part::Up => "gate_up_proj",
            Part::Down => "down_proj",
        };
        self.in_layer(layer, &format!("mlp.experts.{name}"))
    }

    fn in_layer(self, layer: usize, rest: &str) -> String {
        match self {
            Self::Olmoe => format!("model.layers.{layer}.{rest}"),
        }
    }
}
