//! How far routing depends on the domain of a sample.

use super::presets::{COARSE_FURTHER, FURTHER, ROW, RUN, RUN_LAYERS};
use crate::metrics::{Bounds, Metric, MetricUnit, Shown, derived};

/// Metrics over all domains.
pub const ROWS: &[Metric] = &[
    Metric {
        id: "expert_information",
        name: "Expert-domain information",
        summary: "Information between experts and domains, mean over layers.",
        unit: MetricUnit::Nats,
        section: "expert-domain-information",
        scope: RUN_LAYERS,
        shown: Shown::Timeline,
        reference: Some("expert_information_null"),
        bounds: Bounds::From(0.0),
        link: FURTHER,
        ..ROW
    },
    Metric {
        id: "expert_information_share",
        name: "Expert-domain information, share",
        summary: "Expert-domain information over its largest possible value.",
        unit: MetricUnit::Share,
        section: "expert-domain-information",
        scope: RUN_LAYERS,
        derived: Some(derived::expert_information_share),
        bounds: Bounds::Between(0.0, 1.0),
        link: FURTHER,
        ..ROW
    },
    Metric {
        id: "expert_information_null",
        name: "Expert-domain information by chance",
        summary: "Mean expert-domain information with the domains of samples permuted.",
        unit: MetricUnit::Nats,
        section: "expert-domain-information",
        scope: RUN_LAYERS,
        bounds: Bounds::From(0.0),
        link: COARSE_FURTHER,
        ..ROW
    },
    Metric {
        id: "expert_information_p",
        name: "Expert-domain information, p",
        summary: "Share of permutations of the samples' domains with at least this expert-domain information.",
        unit: MetricUnit::Share,
        section: "expert-domain-information",
        scope: RUN_LAYERS,
        bounds: Bounds::Between(0.0, 1.0),
        link: COARSE_FURTHER,
        ..ROW
    },
    Metric {
        id: "signature_within",
        name: "Signatures within domains",
        summary: "Mean cosine of the routing weights of two samples of one domain, less the run's mean weights.",
        section: "signature-separation",
        scope: RUN,
        bounds: Bounds::Between(-1.0, 1.0),
        link: COARSE_FURTHER,
        ..ROW
    },
    Metric {
        id: "signature_across",
        name: "Signatures across domains",
        summary: "Mean cosine of the routing weights of samples of two domains, less the run's mean weights.",
        section: "signature-separation",
        scope: RUN,
        bounds: Bounds::Between(-1.0, 1.0),
        link: COARSE_FURTHER,
        ..ROW
    },
    Metric {
        id: "signature_separation",
        name: "Signature separation",
        summary: "Mean cosine within domains less that across domains, in pooled standard deviations.",
        section: "signature-separation",
        scope: RUN,
        shown: Shown::Timeline,
        reference: Some("signature_separation_null"),
        link: FURTHER,
        ..ROW
    },
    Metric {
        id: "signature_separation_null",
        name: "Signature separation by chance",
        summary: "Mean signature separation with the domains of samples permuted.",
        section: "signature-separation",
        scope: RUN,
        link: COARSE_FURTHER,
        ..ROW
    },
    Metric {
        id: "signature_separation_p",
        name: "Signature separation, p",
        summary: "Share of permutations of the samples' domains with at least this signature separation.",
        unit: MetricUnit::Share,
        section: "signature-separation",
        scope: RUN,
        bounds: Bounds::Between(0.0, 1.0),
        link: COARSE_FURTHER,
        ..ROW
    },
];
