//! One measure of every layer at every checkpoint, as a map.

use report::{Domain, Group, Report, Series};
use wire::{Json, json};

use crate::{
    axis::{Axis, SHORT},
    chart::{self, Frame},
    checkpoints::{checkpoint_cells, checkpoint_columns, checkpoint_span},
    figure::{ChartOptions, Figure},
    number, series,
    table::{Cell, Column, Table},
    theme::Look,
};

/// What a map of layers shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayerMeasure {
    /// Mean distance of one layer's expert lists, all samples.
    Distance,
    /// The same as difference from the first checkpoint that has it.
    DistanceChange,
    /// Coefficient of variation of the experts' load.
    LoadCv,
    /// Entropy of the mean gates, nats.
    Entropy,
    /// Share of the last checkpoint's selections already made.
    Saturation,
    /// Effective dimension of the group's gates.
    EffectiveDimension,
}

impl LayerMeasure {
    /// Every measure, in the order in which a menu offers them.
    pub const ALL: [Self; 6] = [
        Self::Distance,
        Self::DistanceChange,
        Self::LoadCv,
        Self::Entropy,
        Self::Saturation,
        Self::EffectiveDimension,
    ];

    /// Letters and dashes, for addresses and test handles.
    #[must_use]
    pub const fn id(self) -> &'static str {
        match self {
            Self::Distance => "distance",
            Self::DistanceChange => "distance-change",
            Self::LoadCv => "load",
            Self::Entropy => "entropy",
            Self::Saturation => "saturation",
            Self::EffectiveDimension => "dimension",
        }
    }

    /// Its name, for a menu.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Distance => "Distance",
            Self::DistanceChange => "Distance change",
            Self::LoadCv => "Load variation",
            Self::Entropy => "Routing entropy",
            Self::Saturation => "Router saturation",
            Self::EffectiveDimension => "Effective dimension",
        }
    }

    /// What a reader of its table must know.
    pub(crate) fn note(self, report: &Report) -> &'static str {
        let by_frequency = chart::gate_label(report).is_some();
        match self {
            Self::Distance | Self::DistanceChange => {
                "Mean distance of the layer’s expert lists, all samples."
            }
            Self::LoadCv => "Coefficient of variation of the experts’ load.",
            Self::Entropy if by_frequency => "Entropy of the selection frequencies, all samples.",
            Self::Entropy => "Entropy of the mean gates, all samples.",
            Self::Saturation => "Share of the last checkpoint’s selections already made.",
            Self::EffectiveDimension if by_frequency => {
                "Effective dimension of the memorized samples’ selection frequencies."
            }
            Self::EffectiveDimension => "Effective dimension of the memorized samples’ gates.",
        }
    }

    /// What it is, under the title.
    fn says(self, report: &Report) -> &'static str {
        let by_frequency = chart::gate_label(report).is_some();
        match self {
            Self::Distance => "mean distance of the layer’s expert lists",
            Self::DistanceChange => {
                "mean distance of the layer’s expert lists, difference from the first checkpoint"
            }
            Self::LoadCv => "coefficient of variation of the experts’ load, 0 is even",
            Self::Entropy if by_frequency => "entropy of the selection frequencies",
            Self::Entropy => "entropy of the mean gates",
            Self::Saturation => "share of the last checkpoint’s selections already made",
            Self::EffectiveDimension if by_frequency => "effective dimension of the selection frequencies",
            Self::EffectiveDimension => "effective dimension of the gates",
        }
    }

    /// The value of a domain at a checkpoint and layer, both counted from 0.
    #[must_use]
    pub fn at(self, domain: &Domain, group: Group, checkpoint: usize, layer: usize) -> Option<f64> {
        let value = match self {
            Self::Distance => series::at2(&domain.distance_by_layer, checkpoint, layer),
            Self::DistanceChange => {
                let now = series::at2(&domain.distance_by_layer, checkpoint, layer)?;
                let first = (0..domain.distance_by_layer.len())
                    .find_map(|at| series::at2(&domain.distance_by_layer, at, layer))?;
                Some(now - first)
            }
            Self::LoadCv => domain.load.get(checkpoint)?.as_ref()?.layers.get(layer)?.cv,
            Self::Entropy => series::at2(&domain.entropy_by_layer, checkpoint, layer),
            Self::Saturation => domain.saturation.get(checkpoint)?.as_ref()?.k_by_layer.get(layer).copied(),
            Self::EffectiveDimension => series::at2(&domain.spectrum_of(group)?.by_layer, checkpoint, layer),
        };
        value.filter(|value| value.is_finite())
    }

    /// Layers of which the domain has something, given a cap against reports that claim absurd sizes.
    fn layers(self, domain: &Domain, group: Group) -> usize {
        let widest = |rows: &[Series]| rows.iter().map(Vec::len).max().unwrap_or(0);
        match self {
            Self::Distance | Self::DistanceChange => widest(&domain.distance_by_layer),
            Self::LoadCv => domain.load.iter().flatten().map(|load| load.layers.len()).max().unwrap_or(0),
            Self::Entropy => widest(&domain.entropy_by_layer),
            Self::Saturation => {
                domain.saturation.iter().flatten().map(|s| s.k_by_layer.len()).max().unwrap_or(0)
            }
            Self::EffectiveDimension => {
                domain.spectrum_of(group).map_or(0, |spectrum| widest(&spectrum.by_layer))
            }
        }
    }

    /// The range of the colours: given by the measure's own bounds where it has them, else that of all domains, so
    /// that the maps of two domains can be compared.
    fn range(self, report: &Report, group: Group) -> (f64, f64) {
        let values = || {
            let cells = report.domains.iter().flat_map(|domain| {
                let layers = self.layers(domain, group);
                (0..report.checkpoints.len())
                    .flat_map(move |at| (0..layers).filter_map(move |l| self.at(domain, group, at, l)))
            });
            series::extent(cells)
        };
        let most = |floor: f64| values().map_or(floor, |(_, high)| high.max(floor));
        match self {
            Self::Saturation => (0.0, 1.0),
            Self::Entropy if report.run.experts > 1 => (0.0, libm::log(report.run.experts as f64)),
            Self::DistanceChange => {
                let most =
                    values().map_or(1.0, |(low, high)| low.abs().max(high.abs())).max(f64::MIN_POSITIVE);
                (-most, most)
            }
            Self::EffectiveDimension => (1.0, most(1.0 + f64::EPSILON)),
            Self::Distance | Self::LoadCv | Self::Entropy => (0.0, most(f64::MIN_POSITIVE)),
        }
    }
}

/// Layer by checkpoint as a map with colours of a fixed range; none where the domain lacks the measure.
///
/// The chart has a selection `cell` over the fields `checkpoint` and `layer` (both indices from 0) that a click sets.
#[must_use]
pub fn layers(
    report: &Report,
    domain: &str,
    measure: LayerMeasure,
    options: &ChartOptions,
) -> Option<Figure> {
    let domain = report.domain(domain)?;
    let layers = measure.layers(domain, options.group);
    let axis = if options.axis == Axis::Tokens { options.axis } else { Axis::Step };
    let places = axis.places(report);
    let unit = unit(report, measure);
    let table = layer_table(report, domain, measure, options.group)?;
    let mut cells = Vec::new();
    for (at, &x) in places.iter().enumerate() {
        let place = chart::place_name(report, axis, at);
        for layer in 0..layers {
            if let Some(value) = measure.at(domain, options.group, at, layer) {
                cells.push(json!({
                    "x": x, "checkpoint": at, "layer": layer, "value": value, "says": number::plain(value), "place": place,
                }));
            }
        }
    }
    let title = format!("{} by layer: {}", measure.name(), domain.name);
    let summary = summary(report, domain, measure, options.group, layers, &title);
    let group = if measure == LayerMeasure::EffectiveDimension { options.group } else { Group::All };
    let subtitle = chart::subtitle([
        measure.says(report),
        chart::group_name(group),
        if matches!(measure, LayerMeasure::Distance | LayerMeasure::DistanceChange) {
            report.unit_name()
        } else {
            ""
        },
        chart::gate_label(report).unwrap_or_default(),
    ]);
    let look = Look { theme: options.theme, present: options.present };
    let (low, high) = measure.range(report, options.group);
    let change = measure == LayerMeasure::DistanceChange;
    let scheme = if change { "blueorange" } else { "viridis" };
    let mut scale = json!({ "domain": [low, high], "scheme": scheme, "nice": false, "zero": false });
    if change {
        scale.set("domainMid", 0);
    }
    let height = (look.size(18.0) * layers as f64).clamp(look.size(72.0), look.size(432.0));
    let legend = match unit {
        Some(unit) => format!("{} ({unit})", measure.name()),
        None => measure.name().to_owned(),
    };
    let spec = chart::specification(
        &Frame { title: &title, subtitle: &subtitle, description: &summary, look },
        &json!({
            "width": chart::width(options.width),
            "height": height,
            "autosize": chart::autosize(),
            "data": { "values": cells },
            "params": [
                { "name": "cursor", "value": -1 },
                { "name": "cell", "select": { "type": "point", "fields": ["checkpoint", "layer"], "on": "click", "clear": "dblclick" } },
            ],
            "mark": { "type": "rect", "cursor": "pointer" },
            "encoding": {
                "x": {
                    "field": "x", "type": "ordinal", "title": axis.title(report), "sort": "ascending", "scale": { "padding": 0 },
                    "axis": { "labelExpr": SHORT, "labelAngle": 0, "labelOverlap": "greedy", "ticks": false, "domain": false },
                },
                "y": {
                    "field": "layer", "type": "ordinal", "title": "Layer", "sort": "ascending", "scale": { "padding": 0 },
                    "axis": { "labelOverlap": "greedy" },
                },
                "color": {
                    "field": "value", "type": "quantitative", "scale": scale,
                    "legend": { "title": legend, "gradientLength": look.size(180.0), "gradientThickness": look.size(8.0), "tickCount": 4 },
                },
                "stroke": {
                    "condition": [
                        { "param": "cell", "empty": false, "value": look.theme.ink() },
                        { "test": "datum.checkpoint === cursor", "value": look.theme.ink() },
                    ],
                    "value": null,
                },
                "strokeWidth": { "value": look.size(1.5) },
                "tooltip": tooltip(&legend),
            },
        }),
    );
    Some(Figure { id: format!("layers-{}", measure.id()), title, spec, table, summary })
}

/// A row a checkpoint, a column a layer; none where the domain lacks the measure.
pub(crate) fn layer_table(
    report: &Report,
    domain: &Domain,
    measure: LayerMeasure,
    group: Group,
) -> Option<Table> {
    let layers = measure.layers(domain, group);
    let unit = unit(report, measure);
    let mut columns = checkpoint_columns(report);
    columns.extend(
        (0..layers).map(|layer| Column { name: format!("Layer {layer}"), unit: unit.map(str::to_owned) }),
    );
    let mut table = Table::new(columns);
    let mut found = false;
    for at in 0..report.checkpoints.len() {
        let mut row = checkpoint_cells(report, at);
        for layer in 0..layers {
            let value = measure.at(domain, group, at, layer);
            found |= value.is_some();
            row.push(Cell::number(value));
        }
        table.push(row);
    }
    found.then_some(table)
}

fn tooltip(legend: &str) -> Json {
    json!([
        chart::tip("place", "Checkpoint"),
        { "field": "layer", "type": "ordinal", "title": "Layer" },
        chart::tip("says", legend),
    ])
}

fn unit(report: &Report, measure: LayerMeasure) -> Option<&'static str> {
    match measure {
        LayerMeasure::Distance | LayerMeasure::DistanceChange => Some(report.unit_name()),
        LayerMeasure::Entropy => Some("nats"),
        _ => None,
    }
}

/// Says where the map ends and which layers stand out at the last checkpoint that has values.
fn summary(
    report: &Report,
    domain: &Domain,
    measure: LayerMeasure,
    group: Group,
    layers: usize,
    title: &str,
) -> String {
    let opening =
        format!("{title}, {}, {}.", chart::counted(layers as u64, "layer"), checkpoint_span(report));
    let row = |at: usize| -> Vec<(usize, f64)> {
        (0..layers).filter_map(|layer| Some((layer, measure.at(domain, group, at, layer)?))).collect()
    };
    let Some(at) = (0..report.checkpoints.len()).rev().find(|&at| !row(at).is_empty()) else {
        return opening;
    };
    let row = row(at);
    let by_value = |first: &&(usize, f64), second: &&(usize, f64)| first.1.total_cmp(&second.1);
    let (Some(low), Some(high)) = (row.iter().min_by(by_value), row.iter().max_by(by_value)) else {
        return opening;
    };
    format!(
        "{opening} At {} it is lowest in layer {} ({}) and highest in layer {} ({}).",
        chart::place_name(report, Axis::Step, at),
        low.0,
        number::plain(low.1),
        high.0,
        number::plain(high.1),
    )
}
