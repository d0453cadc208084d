//! One row a domain: from half memorized to half generalized, the delay between them as a span.

use report::Report;
use serde_json::{Value, json};

use super::{TimelineOptions, visible};
use crate::{
    chart::{self, Frame},
    figure::Figure,
    lines::domain_scale,
    number,
    onset::Onsets,
    table::{Cell, Column, Table},
    theme::Look,
};

pub(super) fn onsets(report: &Report, options: &TimelineOptions) -> Option<Figure> {
    let places = options.axis.places(report);
    let look = Look { theme: options.theme, present: options.present };
    let mut table = Table::new(
        [
            ("Domain", None),
            ("Half memorized by", Some("step")),
            ("Half generalized by", Some("step")),
            ("Delay", Some("steps")),
        ]
        .map(|(name, unit)| Column { name: name.into(), unit: unit.map(str::to_owned) })
        .to_vec(),
    );
    let (mut spans, mut ends, mut words) = (Vec::new(), Vec::new(), Vec::new());
    let mut indices = Vec::new();
    for (index, domain) in visible(report, options) {
        let onsets = Onsets::of(report, domain);
        let at = |checkpoint: Option<usize>| Some((checkpoint?, *places.get(checkpoint?)?));
        let (memorized, generalized) = (at(onsets.memorization), at(onsets.generalization));
        let step = |found: Option<(usize, u64)>| {
            found
                .and_then(|(at, _)| report.checkpoints.get(at))
                .map_or(Cell::Missing, |found| Cell::count(found.step))
        };
        let delay = onsets.delay(report);
        table.push(vec![
            Cell::text(&domain.name),
            step(memorized),
            step(generalized),
            delay.map_or(Cell::Missing, Cell::Integer),
        ]);
        if memorized.is_none() && generalized.is_none() {
            continue;
        }
        indices.push(index);
        let by = |found: Option<(usize, u64)>| {
            found.map_or_else(
                || number::MISSING.to_owned(),
                |(at, _)| chart::place_name(report, options.axis, at),
            )
        };
        let delay = delay.map(|delay| format!("{} steps", number::signed(delay)));
        let facts = json!({
            "domain": domain.name, "memorized": by(memorized), "generalized": by(generalized),
            "delay": delay.clone().unwrap_or_else(|| number::MISSING.into()),
        });
        let row = |extra: Value| merged(&facts, extra);
        if let (Some((_, from)), Some((_, to))) = (memorized, generalized) {
            spans.push(row(json!({ "x": from, "x2": to, "middle": midpoint(from, to) })));
        }
        for (what, found) in [("half memorized", memorized), ("half generalized", generalized)] {
            if let Some((_, x)) = found {
                ends.push(row(json!({ "x": x, "what": what })));
            }
        }
        words.push(match (memorized, generalized, delay) {
            (Some(_), Some(_), Some(delay)) => {
                format!(
                    "{}: half memorized by {}, half generalized by {}, {delay}",
                    domain.name,
                    by(memorized),
                    by(generalized)
                )
            }
            (Some(_), ..) => format!("{}: half memorized by {}", domain.name, by(memorized)),
            _ => format!("{}: half generalized by {}", domain.name, by(generalized)),
        });
    }
    if words.is_empty() {
        return None;
    }
    let title = "Memorization and generalization onsets".to_owned();
    let summary = format!("{title}. {}.", words.join("; "));
    let subtitle = "● half of the memorized samples memorized · ◆ half of the generalizing items generalized · the line is the delay";
    let frame = Frame { title: &title, subtitle, description: &summary, look };
    let tooltip = [
        chart::tip("domain", "Domain"),
        chart::tip("memorized", "Half memorized by"),
        chart::tip("generalized", "Half generalized by"),
        chart::tip("delay", "Delay"),
    ];
    let x = options.axis.encoding(report, "x");
    let names: Vec<&str> = indices
        .iter()
        .filter_map(|&index| report.domains.get(index))
        .map(|domain| domain.name.as_str())
        .collect();
    let y = json!({
        "field": "domain", "type": "nominal", "title": null, "sort": names,
        "axis": { "labelLimit": look.size(64.0), "minExtent": look.size(44.0), "maxExtent": look.size(44.0) },
    });
    let color = json!({
        "field": "domain", "type": "nominal", "legend": null,
        "scale": domain_scale(report, indices.iter().copied(), options.theme, |mark| mark.color.into()),
    });
    let shape = json!({
        "field": "what", "type": "nominal", "legend": null,
        "scale": { "domain": ["half memorized", "half generalized"], "range": ["circle", "diamond"] },
    });
    let spec = chart::specification(
        &frame,
        json!({
            "width": chart::width(options.width),
            "height": { "step": look.size(22.0) },
            "autosize": { "type": "fit-x", "contains": "padding" },
            "datasets": { "spans": spans, "ends": ends },
            "layer": [
                {
                    "data": { "name": "spans" },
                    "mark": { "type": "rule", "strokeWidth": look.size(3.0), "opacity": 0.6 },
                    "encoding": { "x": x, "x2": { "field": "x2" }, "y": y, "color": color, "tooltip": tooltip },
                },
                {
                    "data": { "name": "ends" },
                    "mark": { "type": "point", "filled": true, "opacity": 1, "size": look.size(90.0) },
                    "encoding": { "x": x, "y": y, "color": color, "shape": shape, "tooltip": tooltip },
                },
                {
                    "data": { "name": "spans" },
                    "mark": { "type": "text", "baseline": "bottom", "dy": -3, "fontSize": look.size(10.0) },
                    "encoding": { "x": merged(&x, json!({ "field": "middle" })), "y": y, "text": { "field": "delay", "type": "nominal" } },
                },
            ],
        }),
    );
    Some(Figure { id: "onsets".into(), title, spec, table, summary })
}

fn midpoint(first: u64, second: u64) -> u64 {
    first.min(second) + first.abs_diff(second) / 2
}

/// An object with some of its members replaced or added.
fn merged(base: &Value, extra: Value) -> Value {
    let mut base = base.clone();
    if let (Value::Object(base), Value::Object(extra)) = (&mut base, extra) {
        base.extend(extra);
    }
    base
}
