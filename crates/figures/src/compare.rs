//! Two runs side by side: overlaid courses, the difference over training, final values, onsets, and what
//! differs between their settings.

mod difference;
mod metrics;

use report::{Group, METRICS, Metric, Report, SETTINGS};
use wire::{Json, json};

use self::metrics::{Offered, course, places};
use crate::{
    axis::{Axis, PLAIN},
    chart::{self, Frame},
    figure::Figure,
    number,
    onset::Onsets,
    palette, series,
    table::{Cell, Column, NamedTable, Table},
    theme::{Look, Theme},
    timeline::TimelineOptions,
};

/// Metrics whose courses are always overlaid and whose final values are compared.
const COMPARED: [&str; 2] = ["accuracy", "distance"];

/// Columns of a legend of domains, so that no name is outside the chart.
const COLUMNS: &str = "max(1, floor(width / 120))";

/// The comparison of two runs, A and B.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// One chart per metric, A solid and B dashed: accuracy, distance, and the chosen metric if it is another one.
    /// Then the difference of the chosen metric.
    pub figures: Vec<Figure>,
    /// Ids and names of the metrics of both runs, which can be chosen.
    pub metrics: Vec<(String, String)>,
    /// Id of the chosen metric; empty if the runs have no metric in common.
    pub metric: String,
    /// Which metrics only one run has, and why there is no difference, one sentence each.
    pub notes: Vec<String>,
    /// Final values, then onsets.
    pub tables: Vec<NamedTable>,
    /// What differs between the runs and their settings, one sentence each.
    pub differences: Vec<String>,
}

/// Compares two runs by accuracy, distance and a chosen metric, which is given by its id. If the runs do not both have
/// that metric, another is chosen. Domains are matched by name, checkpoints by step. The experts are matched apart, by
/// [`matched_experts`].
#[must_use]
pub fn compare(a: &Report, b: &Report, metric: Option<&str>, options: &TimelineOptions) -> Comparison {
    let runs = [a, b];
    let has_memorized = |report: &Report| {
        let course = |domain: &report::Domain| report.course(&domain.name, "distance", Group::Memorized);
        report
            .domains
            .iter()
            .filter_map(course)
            .any(|course| !series::defined(&course.values, course.values.len()).is_empty())
    };
    // Both runs by the same group.
    let group = if runs.into_iter().all(has_memorized) { options.group } else { Group::All };
    let options = &TimelineOptions { group, ..options.clone() };
    let offered = Offered::of(runs, group);
    let chosen = offered.chosen(metric);
    let overlaid = METRICS.iter().filter(|metric| COMPARED.contains(&metric.id));
    let further = chosen.filter(|metric| !COMPARED.contains(&metric.id));
    let mut figures: Vec<Figure> =
        overlaid.chain(further).filter_map(|metric| overlay(runs, metric, options)).collect();
    let mut notes: Vec<String> = offered.missing().into_iter().collect();
    match chosen.map(|metric| difference::difference(runs, metric, options)) {
        Some(Ok(figure)) => figures.push(figure),
        Some(Err(why)) => notes.push(why),
        None => notes.push("The runs have no metric in common.".to_owned()),
    }
    Comparison {
        figures,
        metrics: offered.both.iter().map(|metric| (metric.id.to_owned(), metric.name.to_owned())).collect(),
        metric: chosen.map(|metric| metric.id.to_owned()).unwrap_or_default(),
        notes,
        tables: vec![finals(runs, options.group), onsets(runs)],
        differences: differences(runs),
    }
}

/// The names of the domains of both runs, first those of A.
fn names([a, b]: [&Report; 2]) -> Vec<&str> {
    let mut names: Vec<&str> = a.domains.iter().map(|domain| domain.name.as_str()).collect();
    for domain in &b.domains {
        if !names.contains(&domain.name.as_str()) {
            names.push(&domain.name);
        }
    }
    names
}

/// The name of a metric with the group whose values it has.
fn titled(metric: &Metric, group: Group) -> String {
    if metric.scope.groups {
        format!("{}, {}", metric.name, chart::of_group(group).trim_start_matches("the "))
    } else {
        metric.name.to_owned()
    }
}

/// The encodings of colour and shape for lines with these names and indices. One legend has both.
fn channels(shown: &[(&str, usize)], theme: Theme) -> [Json; 2] {
    let channel = |range: fn(palette::Mark) -> &'static str| {
        let (names, looks): (Vec<&str>, Vec<&str>) =
            shown.iter().map(|&(name, index)| (name, range(palette::domain(index, theme)))).unzip();
        json!({
            "field": "domain", "type": "nominal", "scale": { "domain": names, "range": looks },
            "legend": { "title": null, "columns": { "expr": COLUMNS } },
        })
    };
    [channel(|mark| mark.color), channel(|mark| mark.shape)]
}

/// Horizontal encoding over the range of both runs.
fn horizontal(runs: [&Report; 2], axis: Axis) -> Json {
    let places = runs.map(|report| axis.places(report));
    let all = || places.iter().flatten().copied();
    let (first, last) = (all().min().unwrap_or(0), all().max().unwrap_or(1));
    let longer = usize::from(places[1].iter().max() > places[0].iter().max());
    let mut encoding = axis.encoding(runs[longer], "x");
    let mut scale =
        json!({ "domain": [first, last.max(first.saturating_add(1))], "nice": false, "zero": false });
    if axis == Axis::LogStep {
        scale.set("type", "symlog");
        scale.set("constant", all().filter(|&place| place > 0).min().unwrap_or(1));
    }
    encoding.set("scale", scale);
    encoding
}

/// The courses of a metric in both runs; `None` without any value.
fn overlay(runs: [&Report; 2], metric: &Metric, options: &TimelineOptions) -> Option<Figure> {
    let axis =
        if runs.iter().all(|report| options.axis.is_available(report)) { options.axis } else { Axis::Step };
    let look = Look { theme: options.theme, present: options.present };
    let mut table = Table::new(vec![
        Column::new("Run"),
        Column::new("Domain"),
        Column::new("Step"),
        Column { name: metric.name.to_owned(), unit: chart::unit(runs[0], metric).map(str::to_owned) },
    ]);
    let (mut rows, mut shown, mut sentences) = (Vec::new(), Vec::new(), Vec::new());
    for place in places(runs, metric, &options.hidden) {
        let (name, index) = (place.name, place.index);
        for (run, report) in ["A", "B"].into_iter().zip(runs) {
            let Some(course) = course(report, place.domain, metric, options.group) else { continue };
            let defined = series::defined(&course.values, report.checkpoints.len());
            let (Some(&(_, start)), Some(&(_, end))) = (defined.first(), defined.last()) else { continue };
            if !shown.contains(&(name, index)) {
                shown.push((name, index));
            }
            sentences.push(format!(
                "{name} in {run} from {} to {}",
                number::plain(start),
                number::plain(end)
            ));
            let places = axis.places(report);
            for (at, value) in defined {
                let place = chart::place_name(report, axis, at);
                rows.push(json!({
                    "x": (places[at]), "run": run, "domain": name, "value": value,
                    "place": place, "says": (number::plain(value)),
                }));
                let step = report.checkpoints.get(at).map_or(Cell::Missing, |found| Cell::count(found.step));
                table.push(vec![Cell::text(run), Cell::text(name), step, Cell::number(Some(value))]);
            }
        }
    }
    if rows.is_empty() {
        return None;
    }
    let title = format!("{}, A and B", titled(metric, options.group));
    let summary = format!("{title}: {}.", sentences.join("; "));
    let subtitle = "A solid with filled marks, B dashed with open marks";
    let measure = match chart::unit(runs[0], metric) {
        Some(unit) => format!("{} ({unit})", metric.name),
        None => metric.name.to_owned(),
    };
    let x = horizontal(runs, axis);
    let y = json!({
        "field": "value", "type": "quantitative",
        "axis": { "title": measure, "tickCount": 4, "labelExpr": PLAIN }, "scale": { "zero": false },
    });
    let [color, shape] = channels(&shown, options.theme);
    let mut fill = color.clone();
    fill.set("test", "datum.run === 'A'");
    let dash = json!({
        "field": "run", "type": "nominal", "legend": null,
        "scale": { "domain": ["A", "B"], "range": [[], [6, 4]] },
    });
    let tooltip = [("run", "Run"), ("domain", "Domain"), ("place", "Checkpoint"), ("says", metric.name)]
        .map(|(field, title)| chart::tip(field, title));
    let line = json!({
        "mark": { "type": "line", "strokeWidth": (look.size(2.0)) },
        "encoding": { "x": x.clone(), "y": y.clone(), "color": color.clone(), "strokeDash": dash },
    });
    let points = json!({
        "mark": { "type": "point", "size": (look.size(34.0)), "opacity": 1 },
        "encoding": {
            "x": x, "y": y, "color": color.clone(), "shape": shape,
            "fill": { "condition": fill, "value": "transparent" },
            "tooltip": tooltip,
        },
    });
    let body = json!({
        "width": (chart::width(options.width)), "height": (look.size(260.0)), "autosize": (chart::autosize()),
        "data": { "values": rows }, "layer": [line, points],
    });
    let frame = Frame { title: &title, subtitle, description: &summary, look };
    let spec = chart::specification(&frame, &body);
    Some(Figure { id: format!("compare-{}", metric.id.replace('_', "-")), title, spec, table, summary })
}

/// The final values of both runs and their difference.
fn finals(runs: [&Report; 2], group: Group) -> NamedTable {
    let mut table = Table::new(
        ["Domain", "Metric", "Final A", "Final B", "B − A", "95 % half width", "Samples A", "Samples B"]
            .map(Column::new)
            .into(),
    );
    for name in names(runs) {
        for metric in METRICS.iter().filter(|metric| COMPARED.contains(&metric.id)) {
            let at = runs.map(|report| report.checkpoints.len().saturating_sub(1));
            let found = difference::pairs(runs, name, metric, group, &[at]).pop().unwrap_or_default();
            let [a, b] = found.values;
            if a.is_none() && b.is_none() {
                continue;
            }
            let samples = runs.map(|report| {
                let course = course(report, name, metric, group).and_then(|course| course.n);
                let count = course.or_else(|| report.domain(name).map(|domain| domain.samples as u64));
                count.map_or(Cell::Missing, Cell::count)
            });
            let [samples_a, samples_b] = samples;
            table.push(vec![
                Cell::text(name),
                Cell::text(metric.name),
                Cell::number(a),
                Cell::number(b),
                Cell::number(found.difference),
                Cell::number(found.half),
                samples_a,
                samples_b,
            ]);
        }
    }
    let note = "Values at the last checkpoint of each run. The half width is that of an unpaired difference, √(a² + b²) of \
                both half widths, and is given only where both runs have one. It covers the choice of samples, not another run of the training."
        .to_owned();
    NamedTable { id: "compare-final".into(), title: "Final values".into(), note, table }
}

/// The onsets and delays of both runs.
fn onsets(runs: [&Report; 2]) -> NamedTable {
    let mut table = Table::new(
        [
            "Domain",
            "Half memorized by, A",
            "Half memorized by, B",
            "Half generalized by, A",
            "Half generalized by, B",
            "Delay A",
            "Delay B",
        ]
        .map(|name| if name == "Domain" { Column::new(name) } else { Column::with_unit(name, "step") })
        .into(),
    );
    for name in names(runs) {
        let found = runs
            .map(|report| report.domain(name).map(|domain| Onsets::of(report, domain)).unwrap_or_default());
        let step = |run: usize, at: Option<usize>| {
            at.and_then(|at| runs[run].checkpoints.get(at))
                .map_or(Cell::Missing, |found| Cell::count(found.step))
        };
        let delay = |run: usize| found[run].delay(runs[run]).map_or(Cell::Missing, Cell::Integer);
        table.push(vec![
            Cell::text(name),
            step(0, found[0].memorization),
            step(1, found[1].memorization),
            step(0, found[0].generalization),
            step(1, found[1].generalization),
            delay(0),
            delay(1),
        ]);
    }
    let [a, b] = runs.map(|report| report.settings.onset_rule);
    let note = if a == b {
        format!("Both runs use {} and {}.", a.of_samples(), a.of_items())
    } else {
        format!("A uses {} and {}, B {} and {}.", a.of_samples(), a.of_items(), b.of_samples(), b.of_items())
    };
    NamedTable { id: "compare-onsets".into(), title: "Onsets and delays".into(), note, table }
}

/// Experts of two runs, A and B, matched by their load (docs/metrics.md#experts-of-two-runs). `None` if the runs differ in
/// shape or lack expert selections. It takes `E^3` steps per layer and depends on no option of the charts.
#[must_use]
pub fn matched_experts(a: &Report, b: &Report) -> Option<NamedTable> {
    let found = report::match_experts(a, b)?;
    let mut table = Table::new(
        [
            "Layer",
            "Difference, same ids",
            "Difference, matched",
            "Difference, matched with the next layer",
            "Expert of A → expert of B",
        ]
        .map(Column::new)
        .into(),
    );
    for (layer, matching) in found.layers.iter().enumerate() {
        let partners = matching.partner.iter().enumerate();
        let partners: Vec<String> = partners.map(|(of_a, of_b)| format!("{of_a} → {of_b}")).collect();
        table.push(vec![
            Cell::count(layer as u64),
            Cell::fixed(Some(matching.same_ids), 3),
            Cell::fixed(Some(matching.matched), 3),
            Cell::fixed(matching.next_layer, 3),
            Cell::text(partners.join(", ")),
        ]);
    }
    let [first, second] = found.steps.map(number::count);
    let note = format!(
        "Experts of B matched to those of A by their shares of the selections in {} (step {first} in A, {second} in B). \
         A difference is the share of selections that would have to move to other experts. Matching lowers it by itself: \
         only a difference well below that with the next layer says that the same experts are found.",
        found.domains.join(", ")
    );
    Some(NamedTable { id: "compare-experts".into(), title: "Experts of A and B".into(), note, table })
}

/// What differs between the runs.
fn differences([a, b]: [&Report; 2]) -> Vec<String> {
    let mut found = Vec::new();
    let mut differ = |name: &str, a: String, b: String| {
        if a != b {
            found.push(format!("{name}: {a} in A, {b} in B."));
        }
    };
    let size = |report: &Report| format!("{} × {}", report.run.layers, report.run.experts);
    let model = |report: &Report| report.run.model.clone().unwrap_or_else(|| "not stated".to_owned());
    differ("Model", model(a), model(b));
    differ("Layers × experts", size(a), size(b));
    differ("Gates", gates(a), gates(b));
    differ("Samples", number::count(a.run.samples as u64), number::count(b.run.samples as u64));
    differ("Checkpoints", crate::checkpoints::checkpoint_span(a), crate::checkpoints::checkpoint_span(b));
    for setting in SETTINGS {
        let text = |report: &Report| {
            let text = setting.text(&report.settings);
            if text.is_empty() { "not set".to_owned() } else { text }
        };
        differ(setting.name, text(a), text(b));
    }
    let names = |report: &Report, other: &Report| {
        let only: Vec<&str> = report
            .domains
            .iter()
            .map(|domain| domain.name.as_str())
            .filter(|name| other.domain(name).is_none())
            .collect();
        only.join(", ")
    };
    for (run, only) in [("A", names(a, b)), ("B", names(b, a))] {
        if !only.is_empty() {
            found.push(format!("Only in {run}: {only}."));
        }
    }
    found
}

fn gates(report: &Report) -> String {
    chart::gate_label(report).unwrap_or("mean softmax gates").trim_start_matches("from ").to_owned()
}
