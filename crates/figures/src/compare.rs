//! Two runs side by side: overlaid courses, final values with their difference, onsets, and what
//! differs between their settings.

use report::{Band, Group, METRICS, Report, SETTINGS, Series};
use wire::{Json, json};

use crate::{
    axis::{Axis, PLAIN},
    chart::{self, Frame},
    figure::Figure,
    number,
    onset::Onsets,
    palette, series,
    table::{Cell, Column, NamedTable, Table},
    theme::Look,
    timeline::TimelineOptions,
};

/// Metrics whose courses are overlaid and whose final values are compared.
const COMPARED: [&str; 2] = ["accuracy", "distance"];

/// The comparison of two runs, A and B.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// One chart per metric, A solid and B dashed.
    pub figures: Vec<Figure>,
    /// Final values, then onsets.
    pub tables: Vec<NamedTable>,
    /// What differs between the runs and their settings, one sentence each.
    pub differences: Vec<String>,
}

/// Compares two runs. Domains are matched by name. The experts are matched apart, by [`matched_experts`].
#[must_use]
pub fn compare(a: &Report, b: &Report, options: &TimelineOptions) -> Comparison {
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
    let metrics = METRICS.iter().filter(|metric| COMPARED.contains(&metric.id));
    Comparison {
        figures: metrics.filter_map(|metric| overlay(runs, metric, options)).collect(),
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

fn group_of(metric: &report::Metric, group: Group) -> Group {
    if metric.scope.groups { group } else { Group::All }
}

fn values<'a>(report: &'a Report, domain: &str, metric: &str, group: Group) -> Option<&'a Series> {
    report.course(domain, metric, group).map(|course| &course.values)
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
fn overlay(runs: [&Report; 2], metric: &report::Metric, options: &TimelineOptions) -> Option<Figure> {
    let axis =
        if runs.iter().all(|report| options.axis.is_available(report)) { options.axis } else { Axis::Step };
    let look = Look { theme: options.theme, present: options.present };
    let group = group_of(metric, options.group);
    let mut table = Table::new(vec![
        Column::new("Run"),
        Column::new("Domain"),
        Column::new("Step"),
        Column { name: metric.name.to_owned(), unit: chart::unit(runs[0], metric).map(str::to_owned) },
    ]);
    let (mut rows, mut shown, mut sentences) = (Vec::new(), Vec::new(), Vec::new());
    for (index, name) in names(runs).into_iter().enumerate() {
        if options.hidden.iter().any(|hidden| hidden == name) {
            continue;
        }
        for (run, report) in ["A", "B"].into_iter().zip(runs) {
            let Some(values) = values(report, name, metric.id, group) else { continue };
            let defined = series::defined(values, report.checkpoints.len());
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
    let title = if metric.scope.groups {
        format!("{}, {}, A and B", metric.name, chart::of_group(group).trim_start_matches("the "))
    } else {
        format!("{}, A and B", metric.name)
    };
    let summary = format!("{title}: {}.", sentences.join("; "));
    let subtitle = "A solid with filled marks, B dashed with open marks";
    let scale = |range: fn(palette::Mark) -> &'static str| {
        let (names, looks): (Vec<&str>, Vec<&str>) =
            shown.iter().map(|&(name, index)| (name, range(palette::domain(index, options.theme)))).unzip();
        json!({ "domain": names, "range": looks })
    };
    let measure = match chart::unit(runs[0], metric) {
        Some(unit) => format!("{} ({unit})", metric.name),
        None => metric.name.to_owned(),
    };
    let x = horizontal(runs, axis);
    let y = json!({
        "field": "value", "type": "quantitative",
        "axis": { "title": measure, "tickCount": 4, "labelExpr": PLAIN }, "scale": { "zero": false },
    });
    let color = json!({
        "field": "domain", "type": "nominal", "scale": (scale(|mark| mark.color)), "legend": { "title": null },
    });
    let shape = json!({
        "field": "domain", "type": "nominal", "scale": (scale(|mark| mark.shape)), "legend": { "title": null },
    });
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
            "fill": {
                "condition": { "test": "datum.run === 'A'", "field": "domain", "type": "nominal", "scale": (scale(|mark| mark.color)), "legend": null },
                "value": "transparent",
            },
            "tooltip": tooltip,
        },
    });
    let body = json!({
        "width": (chart::width(options.width)), "height": (look.size(260.0)), "autosize": (chart::autosize()),
        "data": { "values": rows }, "layer": [line, points],
    });
    let frame = Frame { title: &title, subtitle, description: &summary, look };
    let spec = chart::specification(&frame, &body);
    Some(Figure { id: format!("compare-{}", metric.id), title, spec, table, summary })
}

/// The value at the last checkpoint and its 95 % half width.
fn last(report: &Report, domain: &str, metric: &report::Metric, group: Group) -> (Option<f64>, Option<f64>) {
    let Some(last) = report.checkpoints.len().checked_sub(1) else { return (None, None) };
    let at = |id: &str| values(report, domain, id, group).and_then(|values| series::at(values, last));
    let half = match metric.band {
        Band::HalfWidth(id) => at(id),
        _ => None,
    };
    (at(metric.id), half)
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
            let group = group_of(metric, group);
            let [(a, half_a), (b, half_b)] = runs.map(|report| last(report, name, metric, group));
            if a.is_none() && b.is_none() {
                continue;
            }
            let difference = a.zip(b).map(|(a, b)| b - a).filter(|value| value.is_finite());
            let half = half_a.zip(half_b).map(|(a, b)| libm::hypot(a, b)).filter(|_| difference.is_some());
            let samples = runs.map(|report| {
                let course = report.course(name, metric.id, group).and_then(|course| course.n);
                let count = course.or_else(|| report.domain(name).map(|domain| domain.samples as u64));
                count.map_or(Cell::Missing, Cell::count)
            });
            let [samples_a, samples_b] = samples;
            table.push(vec![
                Cell::text(name),
                Cell::text(metric.name),
                Cell::number(a),
                Cell::number(b),
                Cell::number(difference),
                Cell::number(half),
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
