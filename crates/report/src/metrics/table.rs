//! The rows of the table of metrics, and what groups of rows have in common.

use super::{
    Band, Better, Bounds, Layers, LinkPrecision, Metric, MetricUnit, Need, Scale, Scope, Shown, derived,
};

/// A figure of a domain's samples, without further detail.
const DOMAIN: Scope = Scope {
    groups: false,
    layers: Layers::Never,
    threshold: false,
    t_star: false,
    domain_pairs: false,
    whole_run: false,
};

/// A figure of the whole run.
const RUN: Scope = Scope { whole_run: true, ..DOMAIN };

/// A figure of the whole run and of its single layers.
const RUN_LAYERS: Scope = Scope { layers: Layers::Also, ..RUN };

/// A figure of all and of the memorized samples.
const GROUPS: Scope = Scope { groups: true, ..DOMAIN };

/// A figure of pathways at a threshold, of all and of the memorized samples.
const PATHWAYS: Scope = Scope { groups: true, threshold: true, ..DOMAIN };

/// A figure of single layers.
const LAYERS: Scope = Scope { layers: Layers::Only, ..DOMAIN };

/// A figure over all layers and of single ones.
const ALSO_LAYERS: Scope = Scope { layers: Layers::Also, ..DOMAIN };

/// Precision of figures that a link codes with all of its bits.
const MAIN: LinkPrecision = LinkPrecision { fewer_bits: 0, scale: Scale::Linear, further: false };

/// Figures that accompany the main ones.
const SIDE: LinkPrecision = LinkPrecision { fewer_bits: 2, scale: Scale::Linear, further: false };

/// Shares, and the baseline of random pathways.
const COARSE: LinkPrecision = LinkPrecision { fewer_bits: 4, scale: Scale::Linear, further: false };

/// Controls and comparisons that only links with further metrics carry.
const FURTHER: LinkPrecision = LinkPrecision { further: true, ..SIDE };

/// Likewise, as coarse as shares.
const COARSE_FURTHER: LinkPrecision = LinkPrecision { further: true, ..COARSE };

/// Losses.
const LOSS: LinkPrecision = LinkPrecision { fewer_bits: 0, scale: Scale::SquareRoot, further: false };

/// Default row, so that each row states only what differs.
const ROW: Metric = Metric {
    id: "",
    name: "",
    summary: "",
    unit: MetricUnit::Dimensionless,
    section: "",
    scope: DOMAIN,
    better: Better::Neither,
    correlates: false,
    shown: Shown::Tables,
    band: Band::None,
    reference: None,
    bounds: Bounds::None,
    link: SIDE,
    needs: &[Need::Routing],
    derived: None,
};

/// Every metric, in the order in which tables and files list them.
pub const METRICS: &[Metric] = &[
    Metric {
        id: "loss",
        name: "Training loss",
        summary: "Mean training loss over all samples with a finite loss.",
        unit: MetricUnit::Nats,
        section: "training-loss",
        better: Better::Lower,
        correlates: true,
        link: LOSS,
        needs: &[Need::Losses],
        shown: Shown::Chart,
        reference: Some("validation_loss"),
        bounds: Bounds::From(0.0),
        ..ROW
    },
    Metric {
        id: "loss_moving_average",
        name: "Training loss, moving average",
        summary: "Mean of the training loss at up to three checkpoints, the last of them this one.",
        unit: MetricUnit::Nats,
        section: "training-loss",
        better: Better::Lower,
        correlates: true,
        link: LOSS,
        needs: &[Need::Losses],
        derived: Some(derived::loss_moving_average),
        bounds: Bounds::From(0.0),
        ..ROW
    },
    Metric {
        id: "validation_loss",
        name: "Validation loss",
        summary: "Validation loss as the results give it.",
        unit: MetricUnit::Nats,
        section: "validation-loss",
        better: Better::Lower,
        correlates: true,
        link: LOSS,
        needs: &[Need::Results],
        bounds: Bounds::From(0.0),
        ..ROW
    },
    Metric {
        id: "accuracy",
        name: "Accuracy",
        summary: "Share of benchmark items answered correctly.",
        unit: MetricUnit::Share,
        section: "accuracy",
        better: Better::Higher,
        link: MAIN,
        needs: &[Need::Results],
        shown: Shown::Chart,
        bounds: Bounds::Between(0.0, 1.0),
        ..ROW
    },
    Metric {
        id: "distance",
        name: "Pathway distance",
        summary: "Mean Levenshtein distance between the pathways of two samples.",
        unit: MetricUnit::Pathway,
        section: "pathway-distance",
        scope: Scope { t_star: true, domain_pairs: true, ..PATHWAYS },
        better: Better::Lower,
        correlates: true,
        link: MAIN,
        shown: Shown::Chart,
        band: Band::HalfWidth("distance_ci"),
        reference: Some("null_distance"),
        bounds: Bounds::From(0.0),
        ..ROW
    },
    Metric {
        id: "distance_ci",
        name: "Pathway distance, 95 % half width",
        summary: "Half width of the 95 % confidence interval of the mean pathway distance.",
        unit: MetricUnit::Pathway,
        section: "pathway-distance",
        scope: PATHWAYS,
        derived: Some(derived::distance_ci),
        bounds: Bounds::From(0.0),
        ..ROW
    },
    Metric {
        id: "distance_normalised",
        name: "Normalised distance",
        summary: "Mean of the pathway distance over the longer of the two lengths.",
        unit: MetricUnit::Share,
        section: "normalised-distance",
        scope: PATHWAYS,
        better: Better::Lower,
        correlates: true,
        bounds: Bounds::Between(0.0, 1.0),
        ..ROW
    },
    Metric {
        id: "pathway_length",
        name: "Pathway length",
        summary: "Mean length of a pathway.",
        unit: MetricUnit::Pathway,
        section: "pathway",
        scope: PATHWAYS,
        bounds: Bounds::From(0.0),
        ..ROW
    },
    Metric {
        id: "null_distance",
        name: "Null distance",
        summary: "Mean distance between random pathways of the same lengths.",
        unit: MetricUnit::Pathway,
        section: "null-distance-and-structure",
        scope: Scope { groups: false, ..PATHWAYS },
        bounds: Bounds::From(0.0),
        link: COARSE,
        ..ROW
    },
    Metric {
        id: "structure",
        name: "Structure",
        summary: "1 − distance / null distance: how much closer pathways are than random ones.",
        section: "null-distance-and-structure",
        scope: Scope { groups: false, ..PATHWAYS },
        better: Better::Higher,
        derived: Some(derived::structure),
        shown: Shown::Cursor,
        ..ROW
    },
    Metric {
        id: "null_distance_load",
        name: "Null distance, load-matched",
        summary: "Mean distance between random pathways of the same lengths whose experts are as popular as in the domain.",
        unit: MetricUnit::Pathway,
        section: "load-matched-null",
        scope: Scope { groups: false, ..PATHWAYS },
        bounds: Bounds::From(0.0),
        link: COARSE_FURTHER,
        ..ROW
    },
    Metric {
        id: "structure_load",
        name: "Structure beyond load",
        summary: "1 − distance / load-matched null distance: what pathways share beyond popular experts.",
        section: "load-matched-null",
        scope: Scope { groups: false, ..PATHWAYS },
        better: Better::Higher,
        derived: Some(derived::structure_load),
        shown: Shown::Timeline,
        reference: Some("structure"),
        link: FURTHER,
        ..ROW
    },
    Metric {
        id: "layer_distance",
        name: "Distance of expert lists",
        summary: "Mean Levenshtein distance between two samples' expert lists of one layer.",
        unit: MetricUnit::Symbols,
        section: "layer-distance",
        scope: Scope { threshold: true, ..LAYERS },
        better: Better::Lower,
        bounds: Bounds::From(0.0),
        ..ROW
    },
    Metric {
        id: "consistency",
        name: "Consistency",
        summary: "Median over samples of 1 − C: how alike the routing of adjacent layers is.",
        section: "pathway-consistency",
        scope: GROUPS,
        better: Better::Higher,
        correlates: true,
        link: MAIN,
        needs: &[Need::Routing, Need::RouterWeights],
        shown: Shown::Chart,
        band: Band::Quartiles("consistency_lower", "consistency_upper"),
        ..ROW
    },
    Metric {
        id: "consistency_lower",
        name: "Consistency, lower quartile",
        summary: "Lower quartile over samples of 1 − C.",
        section: "pathway-consistency",
        scope: GROUPS,
        better: Better::Higher,
        needs: &[Need::Routing, Need::RouterWeights],
        ..ROW
    },
    Metric {
        id: "consistency_upper",
        name: "Consistency, upper quartile",
        summary: "Upper quartile over samples of 1 − C.",
        section: "pathway-consistency",
        scope: GROUPS,
        better: Better::Higher,
        needs: &[Need::Routing, Need::RouterWeights],
        ..ROW
    },
    Metric {
        id: "consistency_mean",
        name: "Mean consistency",
        summary: "Mean over samples of 1 − C.",
        section: "pathway-consistency",
        scope: GROUPS,
        better: Better::Higher,
        correlates: true,
        needs: &[Need::Routing, Need::RouterWeights],
        ..ROW
    },
    Metric {
        id: "consistency_c",
        name: "C of the paper",
        summary: "Mean over samples of C itself, which is lower for smoother pathways.",
        section: "pathway-consistency",
        scope: GROUPS,
        better: Better::Lower,
        needs: &[Need::Routing, Need::RouterWeights],
        derived: Some(derived::consistency_c),
        ..ROW
    },
    Metric {
        id: "smoothness",
        name: "Smoothness",
        summary: "Mean cosine between the routing embeddings of adjacent layers, from −1 to 1.",
        section: "smoothness",
        scope: GROUPS,
        better: Better::Higher,
        correlates: true,
        link: MAIN,
        needs: &[Need::Routing, Need::RouterWeights],
        shown: Shown::Chart,
        bounds: Bounds::Between(-1.0, 1.0),
        ..ROW
    },
    Metric {
        id: "consistency_undefined",
        name: "Consistency undefined",
        summary: "Share of samples whose consistency is undefined.",
        unit: MetricUnit::Share,
        section: "pathway-consistency",
        scope: GROUPS,
        link: COARSE,
        needs: &[Need::Routing, Need::RouterWeights],
        bounds: Bounds::Between(0.0, 1.0),
        ..ROW
    },
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
    Metric {
        id: "saturation_k",
        name: "Router saturation",
        summary: "Share of a token's selected experts that the last checkpoint selects too.",
        unit: MetricUnit::Share,
        section: "router-saturation",
        scope: Scope { layers: Layers::Also, ..DOMAIN },
        needs: &[Need::Ids],
        bounds: Bounds::Between(0.0, 1.0),
        ..ROW
    },
    Metric {
        id: "saturation_top1",
        name: "Router saturation, top 1",
        summary: "Share of tokens whose heaviest expert is also the last checkpoint's.",
        unit: MetricUnit::Share,
        section: "router-saturation",
        scope: Scope { layers: Layers::Also, ..DOMAIN },
        needs: &[Need::Ids],
        bounds: Bounds::Between(0.0, 1.0),
        ..ROW
    },
    Metric {
        id: "commitment_overlap",
        name: "Overlap with the checkpoint before",
        summary: "Share of a token's selected experts that the checkpoint before selected too.",
        unit: MetricUnit::Share,
        section: "commitment",
        scope: ALSO_LAYERS,
        needs: &[Need::Ids],
        bounds: Bounds::Between(0.0, 1.0),
        link: COARSE_FURTHER,
        shown: Shown::Timeline,
        reference: Some("commitment_chance"),
        ..ROW
    },
    Metric {
        id: "commitment_chance",
        name: "Overlap by chance",
        summary: "Overlap with the checkpoint before if tokens chose experts independently with the same loads.",
        unit: MetricUnit::Share,
        section: "commitment",
        scope: ALSO_LAYERS,
        needs: &[Need::Ids],
        bounds: Bounds::Between(0.0, 1.0),
        link: COARSE_FURTHER,
        ..ROW
    },
    Metric {
        id: "top1_changed",
        name: "Changes of the first expert",
        summary: "Share of tokens whose heaviest expert is another than at the checkpoint before.",
        unit: MetricUnit::Share,
        section: "commitment",
        scope: ALSO_LAYERS,
        needs: &[Need::Ids],
        bounds: Bounds::Between(0.0, 1.0),
        link: COARSE_FURTHER,
        ..ROW
    },
    Metric {
        id: "top1_reverted",
        name: "Changes taken back",
        summary: "Share of the changes of the first expert that the next checkpoint takes back.",
        unit: MetricUnit::Share,
        section: "commitment",
        scope: ALSO_LAYERS,
        needs: &[Need::Ids],
        bounds: Bounds::Between(0.0, 1.0),
        link: COARSE_FURTHER,
        ..ROW
    },
    Metric {
        id: "top1_persisted",
        name: "Changes kept",
        summary: "Share of the changes of the first expert that the next checkpoint keeps.",
        unit: MetricUnit::Share,
        section: "commitment",
        scope: ALSO_LAYERS,
        needs: &[Need::Ids],
        bounds: Bounds::Between(0.0, 1.0),
        link: COARSE_FURTHER,
        ..ROW
    },
    Metric {
        id: "load_max_violation",
        name: "Imbalance of load",
        summary: "By what share of the mean the busiest expert's selections exceed it, mean over layers.",
        section: "expert-load",
        scope: ALSO_LAYERS,
        better: Better::Lower,
        correlates: true,
        needs: &[Need::Ids],
        derived: Some(derived::load_max_violation),
        bounds: Bounds::From(0.0),
        link: FURTHER,
        ..ROW
    },
    Metric {
        id: "load_max_over_mean",
        name: "Busiest expert",
        summary: "Selections of the busiest expert over the mean of all experts of the layer.",
        section: "expert-load",
        scope: LAYERS,
        better: Better::Lower,
        needs: &[Need::Ids],
        derived: Some(derived::load_max_over_mean),
        bounds: Bounds::From(0.0),
        ..ROW
    },
    Metric {
        id: "load_cv",
        name: "Variation of load",
        summary: "Coefficient of variation of the selections of a layer's experts, mean over layers.",
        section: "expert-load",
        scope: ALSO_LAYERS,
        better: Better::Lower,
        correlates: true,
        shown: Shown::Timeline,
        needs: &[Need::Ids],
        derived: Some(derived::load_cv),
        bounds: Bounds::From(0.0),
        link: FURTHER,
        ..ROW
    },
    Metric {
        id: "load_never_used",
        name: "Unused experts",
        summary: "Experts of a layer that no token selected.",
        unit: MetricUnit::Experts,
        section: "expert-load",
        scope: LAYERS,
        better: Better::Lower,
        needs: &[Need::Ids],
        derived: Some(derived::load_never_used),
        bounds: Bounds::From(0.0),
        ..ROW
    },
    Metric {
        id: "load_never_used_share",
        name: "Share of unused experts",
        summary: "Share of a layer's experts that no token selected, mean over layers.",
        unit: MetricUnit::Share,
        section: "expert-load",
        scope: ALSO_LAYERS,
        better: Better::Lower,
        correlates: true,
        needs: &[Need::Ids],
        derived: Some(derived::load_never_used_share),
        bounds: Bounds::Between(0.0, 1.0),
        link: FURTHER,
        ..ROW
    },
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
