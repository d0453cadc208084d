//! How far pathways are apart, compared with random pathways.

use super::presets::{COARSE, COARSE_FURTHER, FURTHER, LAYERS, MAIN, PATHWAYS, ROW};
use crate::metrics::{Band, Better, Bounds, Metric, MetricUnit, Scope, Shown, derived};

/// Metrics of pathway distances.
pub const ROWS: &[Metric] = &[
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
];
