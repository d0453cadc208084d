//! One row per domain: from half memorized to half generalized, the delay between them as a span.

use report::Report;
use wire::{Json, json};

use super::options::{TimelineOptions, visible};
use crate::{
    axis::Scale,
    chart::{self, Frame},
    delays::{dash, order},
    figure::Figure,
    lines::{Room, UP_TO, domain_scale},
    number,
    onset::Onsets,
    table::{Cell, Column, Table},
    theme::Look,
};

/// The figure; none where no visible domain has an onset.
pub(super) fn onsets(report: &Report, options: &TimelineOptions) -> Option<Figure> {
    let rows: Vec<Row> = visible(report, options).map(|(index, _)| Row::of(report, options, index)).collect();
    let told: Vec<&Row> =
        rows.iter().filter(|row| row.memorized.is_some() || row.generalized.is_some()).collect();
    if told.is_empty() {
        return None;
    }
    let title = "Memorization and generalization onsets".to_owned();
    let words: Vec<String> = told.iter().map(|row| row.words()).collect();
    let summary = format!("{title}. {}.", words.join("; "));
    let look = Look { theme: options.theme, present: options.present };
    let rule = report.settings.onset_rule;
    let subtitle = chart::subtitle([
        format!("● half of all samples that are ever memorized have reached {}", rule.of_samples()).as_str(),
        format!("◆ half of all items that are ever generalized have reached {}", rule.of_items()).as_str(),
        if told.iter().any(|row| row.delay.is_some_and(|delay| delay < 0)) {
            "line: delay; dashed: generalized first"
        } else {
            "line: delay"
        },
    ]);
    let frame = Frame { title: &title, subtitle: &subtitle, description: &summary, look };
    let spec = chart::specification(&frame, &body(report, options, &told));
    Some(Figure { id: "onsets".into(), spec, title, table: table(report, &rows), summary })
}

/// One domain's onsets: index of the checkpoint and place on the axis.
struct Row<'a> {
    domain: usize,
    name: &'a str,
    memorized: Option<(usize, u64)>,
    generalized: Option<(usize, u64)>,
    /// In steps.
    delay: Option<i64>,
    /// The two checkpoints as text.
    says: [String; 2],
}

impl<'a> Row<'a> {
    fn of(report: &'a Report, options: &TimelineOptions, index: usize) -> Self {
        let places = options.axis.places(report);
        let place = |checkpoint: Option<usize>| Some((checkpoint?, *places.get(checkpoint?)?));
        let domain = report.domains.get(index);
        let onsets = domain.map(|domain| Onsets::of(report, domain)).unwrap_or_default();
        let says = |checkpoint: Option<usize>| {
            checkpoint
                .map_or_else(|| number::MISSING.into(), |at| chart::place_name(report, options.axis, at))
        };
        Self {
            domain: index,
            name: domain.map_or("", |domain| &domain.name),
            memorized: place(onsets.memorization),
            generalized: place(onsets.generalization),
            delay: onsets.delay(report),
            says: [says(onsets.memorization), says(onsets.generalization)],
        }
    }

    fn delay_text(&self) -> String {
        self.delay.map_or_else(|| number::MISSING.into(), |delay| format!("{} steps", number::signed(delay)))
    }

    fn words(&self) -> String {
        let [memorized, generalized] = &self.says;
        let delay = if self.delay.is_some() { format!(", {}", self.delay_text()) } else { String::new() };
        match (self.memorized, self.generalized) {
            (Some(_), Some(_)) => {
                format!(
                    "{}: half memorized by {memorized}, half generalized by {generalized}{delay}",
                    self.name
                )
            }
            (Some(_), None) => format!("{}: half memorized by {memorized}", self.name),
            _ => format!("{}: half generalized by {generalized}", self.name),
        }
    }

    /// A data row with the tooltip's texts, reached at a checkpoint.
    fn datum(&self, x: u64, checkpoint: usize) -> Json {
        let [memorized, generalized] = &self.says;
        json!({
            "x": x, "checkpoint": checkpoint, "domain": self.name, "memorized": memorized, "generalized": generalized, "delay": self.delay_text(),
        })
    }

    /// The part of the span in the range, with its label on the side that has room.
    fn span(&self, scale: &Scale) -> Option<Json> {
        let ((first, from), (second, to)) = (self.memorized?, self.generalized?);
        let (start, end) = (from.min(to).max(scale.range.0), from.max(to).min(scale.range.1));
        if start > end {
            return None;
        }
        let mut datum = self.datum(start, first.max(second));
        datum.set("x2", end);
        datum.set("order", order(if to < from { -1 } else { 1 }));
        let after = scale.share(end as f64) < 0.75;
        datum.set("side", if after { "after" } else { "before" });
        datum.set("end", if after { end } else { start });
        Some(datum)
    }

    fn ends(&self, scale: &Scale) -> impl Iterator<Item = Json> {
        let ends = [("half memorized", self.memorized), ("half generalized", self.generalized)];
        ends.into_iter().filter_map(|(what, place)| {
            let (checkpoint, x) = place.filter(|(_, x)| scale.shows(*x))?;
            let mut datum = self.datum(x, checkpoint);
            datum.set("what", what);
            Some(datum)
        })
    }
}

fn body(report: &Report, options: &TimelineOptions, rows: &[&Row]) -> Json {
    let look = Look { theme: options.theme, present: options.present };
    let scale = Scale::new(report, options.axis, options.range);
    let room = Room::of(visible(report, options).map(|(_, domain)| domain.name.as_str()));
    let spans: Vec<Json> = rows.iter().filter_map(|row| row.span(&scale)).collect();
    let ends: Vec<Json> = rows.iter().flat_map(|row| row.ends(&scale)).collect();
    let has_spans = rows.iter().any(|row| row.memorized.is_some() && row.generalized.is_some());
    let names: Vec<&str> = rows.iter().map(|row| row.name).collect();
    let x = |field: &str| scale.encoding(field);
    // Names take the space of the other charts' labels and axis title.
    let extent = look.y_extent();
    let y = json!({
        "field": "domain", "type": "nominal", "title": null, "sort": names,
        "axis": { "labelLimit": look.size(56.0), "minExtent": extent, "maxExtent": extent, "grid": true },
    });
    let color = json!({
        "field": "domain", "type": "nominal", "legend": null,
        "scale": domain_scale(report, rows.iter().map(|row| row.domain), options.theme, |mark| mark.color),
    });
    let shape = json!({
        "field": "what", "type": "nominal", "legend": null,
        "scale": { "domain": ["half memorized", "half generalized"], "range": ["circle", "diamond"] },
    });
    let tooltip = [
        chart::tip("domain", "Domain"),
        chart::tip("memorized", "Half memorized by"),
        chart::tip("generalized", "Half generalized by"),
        chart::tip("delay", "Delay"),
    ];
    let mut layers = vec![json!({
        "data": { "name": "ends" },
        "transform": [{ "filter": UP_TO }],
        "mark": { "aria": false, "type": "point", "filled": true, "opacity": 1, "size": look.size(90.0) },
        "encoding": { "x": x("x"), "y": y, "color": color, "shape": shape, "tooltip": tooltip },
    })];
    if has_spans {
        layers.insert(0, json!({
            "data": { "name": "spans" },
            "transform": [{ "filter": UP_TO }],
            "mark": { "aria": false, "type": "rule", "strokeWidth": look.size(3.0), "opacity": 0.6 },
            "encoding": {
                "x": x("x"), "x2": { "field": "x2" }, "y": y, "color": color, "strokeDash": dash(), "tooltip": tooltip,
            },
        }));
        for (side, align, dx) in [("after", "left", 9.0), ("before", "right", -9.0)] {
            layers.push(json!({
                "data": { "name": "spans" },
                "transform": [{ "filter": format!("datum.side === '{side}'") }, { "filter": UP_TO }],
                "mark": { "aria": false, "type": "text", "align": align, "dx": look.size(dx), "fontSize": look.size(10.0) },
                "encoding": { "x": x("end"), "y": y, "text": { "field": "delay", "type": "nominal" } },
            }));
        }
    }
    json!({
        "width": chart::width(options.width),
        "height": look.size(22.0) * rows.len() as f64,
        "autosize": chart::autosize(),
        "params": scale.params(&room.expression(look)),
        "datasets": { "spans": spans, "ends": ends },
        "layer": layers,
    })
}

fn table(report: &Report, rows: &[Row]) -> Table {
    let mut table = Table::new(vec![
        Column::new("Domain"),
        Column::with_unit("Half memorized by", "step"),
        Column::with_unit("Half generalized by", "step"),
        Column::with_unit("Delay", "steps"),
    ]);
    let step = |found: Option<(usize, u64)>| {
        found
            .and_then(|(at, _)| report.checkpoints.get(at))
            .map_or(Cell::Missing, |found| Cell::count(found.step))
    };
    for row in rows {
        table.push(vec![
            Cell::text(row.name),
            step(row.memorized),
            step(row.generalized),
            row.delay.map_or(Cell::Missing, Cell::Integer),
        ]);
    }
    table
}
