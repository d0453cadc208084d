//! Tables and charts of router weights, which need no samples: drift to the last checkpoint and similarity of experts
//! over training. [`geometry()`] returns finished specifications, so the page needs no drawing code for them.

use report::{CheckpointGeometry, Geometry, LayerFigure};
use serde::{Deserialize, Serialize};
use wire::{Json, json};

use crate::{
    axis::{PLAIN, SHORT},
    chart::{self, Frame},
    number, series,
    table::{Cell, Column, Table},
    theme::{Look, Theme},
};

/// Tables and charts of a [`Geometry`].
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
pub struct GeometrySheet {
    /// Description in one or two sentences.
    pub says: String,
    /// All figures of all layers, as CSV.
    pub csv: String,
    /// Means over layers, then one table per layer, each with its title; one row per checkpoint.
    pub tables: Vec<(String, Table)>,
    /// Charts over training, one line per layer; empty if fewer than two checkpoints have a step.
    pub charts: Vec<GeometryChart>,
}

/// A chart with finished specifications.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GeometryChart {
    /// Stable identifier, letters and dashes.
    pub id: String,
    /// The title, also shown in the chart.
    pub title: String,
    /// One or two sentences for screen readers.
    pub summary: String,
    /// The numbers of the chart as a table.
    pub table: Table,
    /// Specification of the light theme, as JSON.
    pub light: String,
    /// Specification of the dark theme, as JSON.
    pub dark: String,
}

/// Figure of router geometry that a chart shows, with its words.
struct Measure {
    id: &'static str,
    title: &'static str,
    says: &'static str,
    axis: &'static str,
    read: LayerFigure,
}

const MEASURES: [Measure; 6] = [
    Measure {
        id: "router-drift",
        title: "Routers: drift to the last checkpoint",
        says: "relative distance of each layer’s router from its last checkpoint",
        axis: "Drift",
        read: |layer| layer.drift,
    },
    Measure {
        id: "router-similarity",
        title: "Routers: similarity of experts",
        says: "mean cosine over pairs of a layer’s experts",
        axis: "Similarity",
        read: |layer| layer.similarity,
    },
    Measure {
        id: "router-turn",
        title: "Routers: turn since the checkpoint before",
        says: "one less the cosine of each layer’s weights with those at the checkpoint before",
        axis: "Turn",
        read: |layer| layer.turn,
    },
    Measure {
        id: "router-rank",
        title: "Routers: effective rank",
        says: "exponential of the entropy of the singular values",
        axis: "Effective rank",
        read: |layer| layer.effective_rank,
    },
    Measure {
        id: "router-conditioning",
        title: "Routers: conditioning",
        says: "largest distance of an expert’s row from the mean row, over the mean row’s norm",
        axis: "Conditioning",
        read: |layer| layer.conditioning,
    },
    Measure {
        id: "router-bias",
        title: "Routers: spread of correction biases",
        says: "standard deviation over a layer’s experts",
        axis: "Spread",
        read: |layer| layer.bias_spread,
    },
];

/// Columns of the tables: heading and value.
const COLUMNS: [(&str, LayerFigure); 11] = [
    ("Drift", |layer| layer.drift),
    ("Cosine to last", |layer| layer.cosine),
    ("Similarity", |layer| layer.similarity),
    ("Gram difference", |layer| layer.gram_difference),
    ("Norm", |layer| layer.norm_mean),
    ("Smallest norm", |layer| layer.norm_min),
    ("Largest norm", |layer| layer.norm_max),
    ("Turn", |layer| layer.turn),
    ("Effective rank", |layer| layer.effective_rank),
    ("Conditioning", |layer| layer.conditioning),
    ("Spread of biases", |layer| layer.bias_spread),
];

/// Tables and charts of the routers.
#[must_use]
pub fn geometry(geometry: &Geometry) -> GeometrySheet {
    let Geometry { layers, experts, width, checkpoints, .. } = geometry;
    let says = format!(
        "{}, {} with {experts} experts of width {width}. Drift, cosine and Gram difference are relative to the last checkpoint, turn to the one before.",
        chart::counted(checkpoints.len() as u64, "checkpoint"),
        chart::counted(layers.len() as u64, "router"),
    );
    let mut tables =
        vec![table(geometry, "Mean over layers".to_owned(), |checkpoint, read| checkpoint.mean(read))];
    for (place, number) in layers.iter().enumerate() {
        let at =
            |checkpoint: &CheckpointGeometry, read: LayerFigure| checkpoint.layers.get(place).and_then(read);
        tables.push(table(geometry, format!("Layer {number}"), at));
    }
    GeometrySheet {
        says,
        tables,
        charts: MEASURES.iter().filter_map(|measure| draw(geometry, measure)).collect(),
        csv: report::geometry_csv(geometry),
    }
}

fn table(
    geometry: &Geometry,
    title: String,
    read: impl Fn(&CheckpointGeometry, LayerFigure) -> Option<f64>,
) -> (String, Table) {
    let mut columns = vec![Column::new("Checkpoint"), Column::new("Step")];
    columns.extend(COLUMNS.iter().map(|(name, _)| Column::new(*name)));
    let mut table = Table::new(columns);
    for checkpoint in &geometry.checkpoints {
        let mut row = vec![Cell::text(checkpoint.name.as_str()), step(checkpoint)];
        row.extend(COLUMNS.iter().map(|(_, figure)| Cell::number(read(checkpoint, *figure))));
        table.push(row);
    }
    (title, table)
}

fn step(checkpoint: &CheckpointGeometry) -> Cell {
    checkpoint.step.map_or(Cell::Missing, Cell::count)
}

fn draw(geometry: &Geometry, measure: &Measure) -> Option<GeometryChart> {
    let placed: Vec<(u64, &CheckpointGeometry)> =
        geometry.checkpoints.iter().filter_map(|checkpoint| Some((checkpoint.step?, checkpoint))).collect();
    let (first, last) = (placed.first()?.0, placed.last()?.0);
    if first == last {
        return None;
    }
    let mut columns = vec![Column::new("Step")];
    columns.extend(geometry.layers.iter().map(|layer| Column::new(format!("Layer {layer}"))));
    let mut table = Table::new(columns);
    let mut rows = Vec::new();
    for (step, checkpoint) in &placed {
        let values: Vec<Option<f64>> = checkpoint.layers.iter().map(measure.read).collect();
        for (layer, value) in geometry.layers.iter().zip(&values) {
            rows.push(json!({ "x": step, "layer": layer, "value": value }));
        }
        let cells = values.into_iter().map(Cell::number);
        table.push(std::iter::once(Cell::count(*step)).chain(cells).collect());
    }
    let values =
        || placed.iter().flat_map(|(_, checkpoint)| checkpoint.layers.iter().filter_map(measure.read));
    let (low, high) = series::extent(values())?;
    let mean = |(step, checkpoint): &(u64, &CheckpointGeometry)| {
        let mean = checkpoint.mean(measure.read).map_or_else(|| number::MISSING.into(), number::plain);
        format!("{mean} at {}", chart::step_name(*step))
    };
    let summary = format!(
        "{}, {}: mean over layers {}, {}; single layers from {} to {}.",
        measure.title,
        chart::counted(geometry.layers.len() as u64, "layer"),
        placed.first().map(mean)?,
        placed.last().map(mean)?,
        number::plain(low),
        number::plain(high),
    );
    let text = |theme: Theme| specification(geometry, measure, theme, &summary, &rows, (first, last));
    Some(GeometryChart {
        id: measure.id.to_owned(),
        title: measure.title.to_owned(),
        light: text(Theme::Light),
        dark: text(Theme::Dark),
        summary,
        table,
    })
}

fn specification(
    geometry: &Geometry,
    measure: &Measure,
    theme: Theme,
    summary: &str,
    rows: &[Json],
    (first, last): (u64, u64),
) -> String {
    let look = Look { theme, present: false };
    // Layers are ordered, so the colour scale is sequential, without the part below a contrast of 3:1.
    let extent = if theme == Theme::Light { [0.0, 0.6] } else { [0.35, 1.0] };
    let bounds = [geometry.layers.first(), geometry.layers.last()];
    chart::specification(
        &Frame { title: measure.title, subtitle: measure.says, description: summary, look },
        &json!({
            "width": chart::width(None),
            "height": look.size(150.0),
            "autosize": chart::autosize(),
            "data": { "values": rows },
            "params": [{ "name": "cursor", "value": -1 }],
            "mark": { "type": "line", "strokeWidth": 1.5, "point": { "size": 16 } },
            "encoding": {
                "x": {
                    "field": "x", "type": "quantitative",
                    "scale": { "domain": [first, last], "nice": false, "zero": false },
                    "axis": { "title": "Training step", "labelExpr": SHORT, "tickCount": { "expr": "ceil(width / 80)" }, "tickMinStep": 1, "labelOverlap": "greedy", "labelFlush": true },
                },
                "y": {
                    "field": "value", "type": "quantitative",
                    "axis": { "title": measure.axis, "tickCount": 4, "labelExpr": PLAIN }, "scale": { "zero": false },
                },
                "detail": { "field": "layer" },
                "color": {
                    "field": "layer", "type": "quantitative",
                    "scale": { "scheme": { "name": "viridis", "extent": extent }, "domain": bounds, "zero": false, "nice": false },
                    "legend": { "title": "Layer", "gradientLength": look.size(120.0), "gradientThickness": look.size(8.0), "tickCount": 4, "tickMinStep": 1, "format": "d" },
                },
                "tooltip": [
                    { "field": "x", "type": "quantitative", "title": "Step", "format": "," },
                    { "field": "layer", "type": "ordinal", "title": "Layer" },
                    { "field": "value", "type": "quantitative", "title": measure.axis, "format": ".4~g" },
                ],
            },
        }),
    )
}

#[cfg(test)]
mod tests {
    use report::LayerGeometry;

    use super::*;

    fn of(steps: &[Option<u64>]) -> Geometry {
        let layer = |value| LayerGeometry {
            drift: Some(value),
            similarity: Some(-value),
            ..LayerGeometry::default()
        };
        let checkpoints = steps.iter().enumerate().map(|(at, &step)| CheckpointGeometry {
            name: format!("<b>{at}"),
            step,
            tokens: None,
            layers: vec![layer(1.0 / (at + 1) as f64), layer(0.5)],
        });
        Geometry {
            format: report::GEOMETRY_FORMAT.to_owned(),
            version: report::GEOMETRY_VERSION,
            layers: vec![1, 2],
            experts: 4,
            width: 8,
            checkpoints: checkpoints.collect(),
        }
    }

    #[test]
    fn a_sheet_has_every_layer_and_both_grounds() {
        let sheet = geometry(&of(&[Some(0), Some(1000), None]));
        assert_eq!(
            sheet.tables.iter().map(|(title, _)| title.as_str()).collect::<Vec<_>>(),
            ["Mean over layers", "Layer 1", "Layer 2"]
        );
        assert!(sheet.tables.iter().all(|(_, table)| table.rows.len() == 3));
        assert_eq!(sheet.tables[0].1.rows[0][2], Cell::Number(0.75, 3));
        assert_eq!(sheet.tables[0].1.rows[2][1], Cell::Missing);
        assert_eq!(sheet.charts.len(), 2);
        for chart in &sheet.charts {
            for text in [&chart.light, &chart.dark] {
                let spec: serde_json::Value = serde_json::from_str(text).unwrap();
                assert_eq!(spec["data"]["values"].as_array().unwrap().len(), 4);
            }
            assert_ne!(chart.light, chart.dark);
            assert_eq!(chart.table.rows.len(), 2);
        }
        assert!(sheet.charts[0].summary.contains("0.75"), "{}", sheet.charts[0].summary);
    }

    #[test]
    fn one_place_on_the_axis_is_no_course() {
        for steps in [&[Some(3)][..], &[None, None], &[Some(3), Some(3)], &[]] {
            let sheet = geometry(&of(steps));
            assert!(sheet.charts.is_empty());
            assert_eq!(sheet.tables[0].1.rows.len(), steps.len());
        }
    }
}
