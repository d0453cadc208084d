//! Over how many experts and dimensions routing weights are spread.

use super::presets::{ALSO_LAYERS, DOMAIN, FURTHER, GROUPS, MAIN, ROW};
use crate::metrics::{Bounds, Layers, Metric, MetricUnit, Need, Scope, Shown};

/// Metrics of dimension and entropy.
pub const ROWS: &[Metric] = &[
    Metric {
        id: "effective_dimension",
        name: "Effective dimension",
        summary: "Effective dimension of the samples' routing weights, mean over layers; not comparable between groups of different size.",
        section: "effective-dimension",
        scope: Scope { layers: Layers::Also, ..GROUPS },
        correlates: true,
        shown: Shown::Chart,
        bounds: Bounds::From(1.0),
        ..ROW
    },
    Metric {
        id: "entropy",
        name: "Routing entropy",
        summary: "Entropy of a sample's routing weights, mean over samples and layers.",
        unit: MetricUnit::Nats,
        section: "routing-entropy",
        scope: Scope { layers: Layers::Also, ..DOMAIN },
        correlates: true,
        link: MAIN,
        shown: Shown::Chart,
        reference: Some("token_entropy"),
        bounds: Bounds::EntropyOfExperts,
        ..ROW
    },
    Metric {
        id: "effective_experts",
        name: "Effective experts",
        summary: "Exponential of the entropy of a domain's mean routing weights, mean over layers.",
        unit: MetricUnit::Experts,
        section: "expert-domain-information",
        scope: ALSO_LAYERS,
        bounds: Bounds::From(1.0),
        link: FURTHER,
        ..ROW
    },
    Metric {
        id: "token_entropy",
        name: "Token entropy",
        summary: "Mean entropy of the routing weights of single tokens.",
        unit: MetricUnit::Nats,
        section: "token-entropy",
        link: MAIN,
        needs: &[Need::TokenGates],
        bounds: Bounds::EntropyOfExperts,
        ..ROW
    },
];
