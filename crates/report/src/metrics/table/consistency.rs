//! How alike the routing of adjacent layers is.

use super::presets::{COARSE, GROUPS, MAIN, ROW};
use crate::metrics::{Band, Better, Bounds, Metric, MetricUnit, Need, Shown, derived};

/// Metrics of consistency and smoothness.
pub const ROWS: &[Metric] = &[
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
];
