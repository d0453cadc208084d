//! The pathway distance at every threshold side by side (docs/metrics.md#threshold-sweep).

use report::{Course, Report};
use wire::json;

use crate::{
    axis::PLAIN,
    chart::{self, Frame},
    checkpoints::{checkpoint_cells, checkpoint_columns, checkpoint_span},
    figure::{ChartOptions, Figure},
    number, palette, series,
    table::{Cell, Column, Table},
    theme::Look,
};

/// Default width of all panels together: panels cannot follow their container.
const WIDTH: u32 = 720;

/// Smallest width of a panel.
const NARROWEST: u32 = 90;

/// The distance at one threshold.
struct Threshold<'a> {
    tau: f64,
    course: &'a Course,
    /// Half widths of the 95 % interval.
    half: Option<&'a report::Series>,
}

/// One panel per threshold, each with its own vertical range; `None` if the report has fewer than two.
///
/// Panels cannot follow their container: set the width in the options, and they wrap into rows.
#[must_use]
pub fn sweep(report: &Report, domain: &str, options: &ChartOptions) -> Option<Figure> {
    let index = report.domains.iter().position(|other| other.name == domain)?;
    let found = report.domains.get(index)?;
    let checkpoints = report.checkpoints.len();
    let of_group = report.courses.iter().filter(|course| course.is(domain, "distance", options.group));
    let sweeps: Vec<Threshold<'_>> = of_group
        .filter(|course| course.is_whole() && !series::defined(&course.values, checkpoints).is_empty())
        .filter_map(|course| {
            let tau = course.tau?;
            let half = report.course_at(domain, "distance_ci", options.group, tau);
            Some(Threshold { tau, course, half: half.map(|half| &half.values) })
        })
        .collect();
    if sweeps.len() < 2 {
        return None;
    }
    let interval = sweeps.iter().any(|sweep| sweep.half.is_some());
    let places = options.axis.places(report);
    let mut table = Table::new(headings(report, &sweeps, interval));
    let mut rows = Vec::new();
    for (at, &x) in places.iter().enumerate() {
        let mut cells = checkpoint_cells(report, at);
        for sweep in &sweeps {
            let mean = series::at(&sweep.course.values, at);
            cells.push(Cell::number(mean));
            let half = sweep.half.and_then(|half| series::at(half, at));
            if interval {
                cells.push(Cell::number(half));
            }
            let text = match (mean, half) {
                (Some(mean), Some(half)) => format!("{} ± {}", number::plain(mean), number::plain(half)),
                (Some(mean), None) => number::plain(mean),
                _ => number::MISSING.into(),
            };
            rows.push(json!({
                "tau": chart::tau(sweep.tau), "x": x, "mean": mean, "says": text,
                "low": mean.zip(half).map(|(mean, half)| mean - half),
                "high": mean.zip(half).map(|(mean, half)| mean + half),
                "place": chart::place_name(report, options.axis, at),
            }));
        }
        table.push(cells);
    }
    let title = format!("Pathway distance by threshold: {}", found.name);
    let courses: Vec<String> = sweeps
        .iter()
        .filter_map(|sweep| {
            let defined = series::defined(&sweep.course.values, checkpoints);
            let (&(_, start), &(_, end)) = (defined.first()?, defined.last()?);
            Some(format!(
                "at {} from {} to {}",
                chart::tau(sweep.tau),
                number::plain(start),
                number::plain(end)
            ))
        })
        .collect();
    let summary = format!("{title}, {}: {}.", checkpoint_span(report), courses.join("; "));
    let subtitle = chart::subtitle([
        chart::group_name(options.group),
        if interval { "mean with 95 % interval" } else { "mean" },
        "each panel has its own scale",
        chart::gate_label(report).unwrap_or_default(),
    ]);
    let look = Look { theme: options.theme, present: options.present };
    let color = palette::domain(index, options.theme).color;
    let width = options.width.unwrap_or(WIDTH);
    let most = (width / if options.present { 240 } else { 150 }).max(1);
    let columns = (sweeps.len() as u32).div_ceil((sweeps.len() as u32).div_ceil(most)).max(1);
    let panel = (width / columns).saturating_sub(if options.present { 96 } else { 62 }).max(NARROWEST);
    let x = options.axis.encoding(report, "x");
    let y = |field: &str| {
        json!({
            "field": field, "type": "quantitative", "scale": { "zero": false, "nice": true },
            "axis": { "title": format!("Distance ({})", report.unit_name()), "tickCount": 4, "labelExpr": PLAIN, "minExtent": 0, "maxExtent": 200 },
        })
    };
    let tooltip =
        [chart::tip("place", "Checkpoint"), chart::tip("tau", "Threshold"), chart::tip("says", "Distance")];
    let body = json!({
        "data": { "values": rows },
        "facet": { "field": "tau", "type": "nominal", "sort": null, "title": null },
        "columns": columns,
        "resolve": { "scale": { "y": "independent" } },
        "spacing": look.size(14.0),
        "spec": {
            "width": panel,
            "height": look.size(150.0),
            "layer": [
                {
                    "mark": { "type": "area", "opacity": 0.18, "color": color },
                    "encoding": { "x": x, "y": y("low"), "y2": { "field": "high" } },
                },
                { "mark": { "type": "line", "strokeWidth": look.size(2.0), "color": color }, "encoding": { "x": x, "y": y("mean") } },
                {
                    "mark": { "type": "point", "filled": true, "opacity": 1, "size": look.size(22.0), "color": color },
                    "encoding": { "x": x, "y": y("mean"), "tooltip": tooltip },
                },
            ],
        },
    });
    let frame = Frame { title: &title, subtitle: &subtitle, description: &summary, look };
    Some(Figure { id: "sweep".into(), spec: chart::panels(&frame, &body), title, table, summary })
}

fn headings(report: &Report, sweeps: &[Threshold<'_>], interval: bool) -> Vec<Column> {
    let mut columns = checkpoint_columns(report);
    for sweep in sweeps {
        columns.push(Column::with_unit(chart::tau(sweep.tau), report.unit_name()));
        if interval {
            columns.push(Column::with_unit(format!("{}, 95 % ±", chart::tau(sweep.tau)), report.unit_name()));
        }
    }
    columns
}
