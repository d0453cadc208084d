//! A heatmap of one metric by layer and checkpoint.

use report::{Bounds, Group, METRICS, Metric, Report, Series, WHOLE_RUN, metrics::Layers};
use wire::{Json, json};

use crate::{
    axis::{Axis, PLAIN, SHORT},
    chart::{self, Frame},
    checkpoints::{checkpoint_cells, checkpoint_columns, checkpoint_span},
    figure::{ChartOptions, Figure},
    lines::WHOLE_RUN_NAME,
    number, series,
    table::{Cell, Column, Table},
    theme::Look,
};

/// Quantity that a layer heatmap shows: a per-layer metric, or its change.
#[derive(Clone, Copy, Debug)]
pub struct LayerMeasure {
    /// Row of [`METRICS`].
    pub metric: &'static Metric,
    /// Show the difference from the first checkpoint that has a value.
    pub change: bool,
}

impl PartialEq for LayerMeasure {
    fn eq(&self, other: &Self) -> bool {
        self.metric.id == other.metric.id && self.change == other.change
    }
}

impl LayerMeasure {
    /// All measures in menu order: values first, then changes.
    pub fn all() -> impl Iterator<Item = Self> {
        [false, true].into_iter().flat_map(|change| {
            let metrics = METRICS.iter().filter(|metric| metric.scope.layers != Layers::Never);
            metrics.map(move |metric| Self { metric, change })
        })
    }

    /// Identifier of letters and dashes, for menus and tests.
    #[must_use]
    pub fn id(self) -> String {
        let id = self.metric.id.replace('_', "-");
        if self.change { format!("{id}-change") } else { id }
    }

    /// Name, for a menu.
    #[must_use]
    pub fn name(self) -> String {
        if self.change { format!("{}, change", self.metric.name) } else { self.metric.name.to_owned() }
    }

    /// The group that it describes when `group` is selected.
    #[must_use]
    pub fn group(self, group: Group) -> Group {
        if self.metric.scope.groups { group } else { Group::All }
    }

    /// Definition, for the subtitle and a table's note.
    pub(crate) fn definition(self) -> String {
        let summary = self.metric.summary.trim_end_matches('.');
        if self.change {
            format!("{summary}; difference from the first checkpoint")
        } else {
            summary.to_owned()
        }
    }

    /// The course of each layer; empty if the domain lacks the measure.
    fn layers<'a>(self, report: &'a Report, domain: &str, group: Group) -> LayerCourses<'a> {
        let domain = if self.metric.scope.whole_run { WHOLE_RUN } else { domain };
        let courses = report.layer_courses(domain, self.metric.id, self.group(group));
        let base = |values: &Series| {
            let first = || (0..values.len()).find_map(|at| series::at(values, at));
            if self.change { first() } else { None }
        };
        let layers = courses.into_iter().filter_map(|course| {
            Some(LayerCourse { layer: course.layer?, values: &course.values, base: base(&course.values) })
        });
        LayerCourses(layers.collect())
    }

    /// The value of a domain at a checkpoint and layer, both counted from 0.
    #[must_use]
    pub fn at(
        self,
        report: &Report,
        domain: &str,
        group: Group,
        checkpoint: usize,
        layer: usize,
    ) -> Option<f64> {
        let layers = self.layers(report, domain, group);
        let found = layers.0.iter().find(|course| course.layer == layer)?;
        found.at(checkpoint)
    }

    /// The colour range: the metric's bounds if it has any, else the range over all domains, so that domains can be
    /// compared.
    fn range(self, report: &Report, group: Group) -> (f64, f64) {
        let checkpoints = report.checkpoints.len();
        let values = || {
            let courses = report.domains.iter().flat_map(|domain| {
                let layers = self.layers(report, &domain.name, group);
                layers.values(checkpoints)
            });
            series::extent(courses)
        };
        let above =
            |low: f64, span: f64| (low, values().map_or(low + span, |(_, high)| high.max(low + span)));
        if self.change {
            let most = values().map_or(1.0, |(low, high)| low.abs().max(high.abs())).max(f64::MIN_POSITIVE);
            return (-most, most);
        }
        match self.metric.bounds {
            Bounds::Between(low, high) => (low, high),
            Bounds::EntropyOfExperts if report.run.experts > 1 => (0.0, libm::log(report.run.experts as f64)),
            Bounds::From(low) if low > 0.0 => above(low, f64::EPSILON),
            Bounds::From(_) | Bounds::EntropyOfExperts => above(0.0, f64::MIN_POSITIVE),
            Bounds::None => values().map_or((0.0, 1.0), series::padded),
        }
    }
}

/// The values of one layer.
struct LayerCourse<'a> {
    layer: usize,
    values: &'a Series,
    /// Subtracted from each value.
    base: Option<f64>,
}

impl LayerCourse<'_> {
    fn at(&self, checkpoint: usize) -> Option<f64> {
        series::finite(series::at(self.values, checkpoint)? - self.base.unwrap_or(0.0))
    }
}

/// The values of each layer that the report has, by layer.
struct LayerCourses<'a>(Vec<LayerCourse<'a>>);

impl LayerCourses<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    /// Layers and their values at a checkpoint, where they are defined.
    fn row(&self, checkpoint: usize) -> impl Iterator<Item = (usize, f64)> {
        self.0.iter().filter_map(move |course| Some((course.layer, course.at(checkpoint)?)))
    }

    fn values(&self, checkpoints: usize) -> Vec<f64> {
        (0..checkpoints).flat_map(|at| self.row(at).map(|(_, value)| value)).collect()
    }
}

/// The heatmap, layer by checkpoint, with a fixed colour range; `None` if the domain lacks the measure.
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
    let layers = measure.layers(report, &domain.name, options.group);
    let axis = if options.axis == Axis::Tokens { options.axis } else { Axis::Step };
    let places = axis.places(report);
    let unit = chart::unit(report, measure.metric);
    let table = layer_table(report, &domain.name, measure, options.group)?;
    let mut cells = Vec::new();
    for (at, &x) in places.iter().enumerate() {
        let place = chart::place_name(report, axis, at);
        for (layer, value) in layers.row(at) {
            cells.push(json!({
                    "x": x, "checkpoint": at, "layer": layer, "value": value, "says": number::plain(value), "place": place,
                }));
        }
    }
    let of = if measure.metric.scope.whole_run { WHOLE_RUN_NAME } else { domain.name.as_str() };
    let title = format!("{} by layer: {of}", measure.name());
    let summary = summary(report, &layers, &title);
    let threshold =
        if measure.metric.scope.threshold { chart::tau(report.settings.tau) } else { String::new() };
    let gates = chart::gate_label(report).filter(|_| chart::is_of_gates(measure.metric));
    let subtitle = chart::subtitle([
        measure.definition().as_str(),
        if measure.metric.scope.whole_run { "" } else { chart::group_name(measure.group(options.group)) },
        threshold.as_str(),
        gates.unwrap_or_default(),
    ]);
    let look = Look { theme: options.theme, present: options.present };
    let (low, high) = measure.range(report, options.group);
    let scheme = if measure.change { "blueorange" } else { "viridis" };
    let mut scale = json!({ "domain": [low, high], "scheme": scheme, "nice": false, "zero": false });
    if measure.change {
        scale.set("domainMid", 0);
    }
    let height = (look.size(18.0) * layers.len() as f64).clamp(look.size(72.0), look.size(432.0));
    let legend = match unit {
        Some(unit) => format!("{} ({unit})", measure.name()),
        None => measure.name(),
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
                    "axis": { "labelExpr": SHORT, "labelAngle": 0, "labelOverlap": "greedy", "labelSeparation": look.size(6.0), "ticks": false, "domain": false },
                },
                "y": {
                    "field": "layer", "type": "ordinal", "title": "Layer", "sort": "ascending", "scale": { "padding": 0 },
                    "axis": { "labelOverlap": "greedy" },
                },
                "color": {
                    "field": "value", "type": "quantitative", "scale": scale,
                    "legend": { "title": legend, "gradientLength": look.size(180.0), "gradientThickness": look.size(8.0), "tickCount": 4, "labelExpr": PLAIN },
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

/// One row per checkpoint, one column per layer; `None` if the domain lacks the measure.
pub(crate) fn layer_table(
    report: &Report,
    domain: &str,
    measure: LayerMeasure,
    group: Group,
) -> Option<Table> {
    let layers = measure.layers(report, domain, group);
    let unit = chart::unit(report, measure.metric);
    let mut columns = checkpoint_columns(report);
    columns.extend(
        (0..layers.len())
            .map(|layer| Column { name: format!("Layer {layer}"), unit: unit.map(str::to_owned) }),
    );
    let mut table = Table::new(columns);
    let mut found = false;
    for at in 0..report.checkpoints.len() {
        let mut row = checkpoint_cells(report, at);
        for course in &layers.0 {
            let value = course.at(at);
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

/// Number of layers and checkpoints, and the lowest and highest layer at the last checkpoint with values.
fn summary(report: &Report, layers: &LayerCourses<'_>, title: &str) -> String {
    let opening =
        format!("{title}, {}, {}.", chart::counted(layers.len() as u64, "layer"), checkpoint_span(report));
    let row = |at: usize| layers.row(at).collect::<Vec<(usize, f64)>>();
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
