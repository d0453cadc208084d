//! How far tokens keep their experts from checkpoint to checkpoint.

use super::presets::{ALSO_LAYERS, COARSE_FURTHER, DOMAIN, ROW};
use crate::metrics::{Bounds, Layers, Metric, MetricUnit, Need, Scope, Shown};

/// Metrics of agreement between checkpoints.
pub const ROWS: &[Metric] = &[
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
];
