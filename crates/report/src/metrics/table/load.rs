//! How evenly tokens use the experts.

use super::presets::{ALSO_LAYERS, FURTHER, LAYERS, ROW};
use crate::metrics::{Better, Bounds, Metric, MetricUnit, Need, Shown, derived};

/// Metrics of load.
pub const ROWS: &[Metric] = &[
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
];
