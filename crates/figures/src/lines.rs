//! Courses over training, one line a domain: the form that most figures have.

use report::Report;
use serde_json::{Map, Value, json};

use crate::{
    axis::Axis,
    chart::{self, Frame},
    figure::Figure,
    number,
    onset::Onsets,
    palette, series,
    table::{Cell, Column, Table},
    theme::{Look, Theme},
};

/// The course of one domain, every series `[C]`.
pub(crate) struct Line {
    /// Index in [`Report::domains`].
    pub domain: usize,
    /// The value drawn.
    pub value: Vec<Option<f64>>,
    /// Bounds of the band around it.
    pub band: Option<(Vec<Option<f64>>, Vec<Option<f64>>)>,
    /// A second, thin line to compare with.
    pub reference: Option<Vec<Option<f64>>>,
}

/// A figure of courses.
pub(crate) struct Lines<'a> {
    pub report: &'a Report,
    pub axis: Axis,
    pub theme: Theme,
    pub present: bool,
    pub width: Option<u32>,
    pub id: &'static str,
    pub title: String,
    pub subtitle: String,
    /// Title of the vertical axis.
    pub measure: &'static str,
    /// Unit of the values, for axis and table.
    pub unit: Option<&'static str>,
    /// The vertical range; that of the data when absent.
    pub range: Option<(f64, f64)>,
    /// What the band's bounds are called: `95 % low` and `95 % high`.
    pub band_names: (&'static str, &'static str),
    /// What the second line is called, in a word or two.
    pub reference_name: &'static str,
    pub lines: Vec<Line>,
}

/// Beyond so many checkpoints not every value has its own marker.
const MARKED: usize = 48;

/// So many domains have their own row for the onset letters before rows are shared.
const ONSET_ROWS: usize = 6;

impl Lines<'_> {
    /// The figure; none where no line has a value.
    pub fn figure(mut self) -> Option<Figure> {
        let checkpoints = self.report.checkpoints.len();
        self.lines.retain(|line| (0..checkpoints).any(|at| series::at(&line.value, at).is_some()));
        if self.lines.is_empty() {
            return None;
        }
        let summary = self.summary();
        let table = self.table();
        let spec = self.spec(&summary);
        Some(Figure { id: self.id.into(), title: self.title, spec, table, summary })
    }

    fn name(&self, line: &Line) -> &str {
        self.report.domains.get(line.domain).map_or("", |domain| domain.name.as_str())
    }

    fn spec(&self, summary: &str) -> Value {
        let look = Look { theme: self.theme, present: self.present };
        let onsets = self.onset_rows(look);
        let subtitle = if onsets.is_empty() {
            self.subtitle.clone()
        } else {
            chart::subtitle([self.subtitle.as_str(), "M half memorized, G half generalized"])
        };
        let frame = Frame { title: &self.title, subtitle: &subtitle, description: summary, look };
        let (courses, references) = self.course_rows();
        let mut layers = Vec::new();
        if !onsets.is_empty() {
            layers.extend(self.onset_layers(look));
        }
        if self.lines.iter().any(|line| line.band.is_some()) {
            layers.push(self.band_layer());
        }
        if !references.is_empty() {
            layers.extend(self.reference_layers(look));
        }
        layers.extend(self.course_layers(look));
        layers.push(self.hover_layer(look));
        chart::specification(
            &frame,
            json!({
                "width": chart::width(self.width),
                "height": look.size(150.0),
                "autosize": { "type": "fit-x", "contains": "padding" },
                // The page may set `cursor` to the index of a checkpoint to show the crosshair of another chart here.
                "params": [{ "name": "cursor", "value": -1 }],
                "datasets": {
                    "courses": courses, "references": references, "onsets": onsets, "checkpoints": self.hover_rows(),
                },
                "layer": layers,
            }),
        )
    }

    fn x(&self) -> Value {
        self.axis.encoding(self.report, "x")
    }

    fn y(&self, field: &str) -> Value {
        let title = match self.unit {
            Some(unit) => format!("{} ({unit})", self.measure),
            None => self.measure.to_owned(),
        };
        let (low, high) = self.range();
        json!({
            "field": field, "type": "quantitative",
            "axis": { "title": title, "tickCount": 4, "format": "~g" },
            "scale": { "domain": [low, high], "nice": false, "zero": false },
        })
    }

    fn range(&self) -> (f64, f64) {
        let all = || {
            let own = self.lines.iter().flat_map(|line| &line.value);
            let band = self
                .lines
                .iter()
                .filter_map(|line| line.band.as_ref())
                .flat_map(|(low, high)| low.iter().chain(high));
            let reference = self.lines.iter().filter_map(|line| line.reference.as_ref()).flatten();
            own.chain(band).chain(reference).copied().flatten()
        };
        self.range.or_else(|| series::extent(all()).map(series::padded)).unwrap_or((0.0, 1.0))
    }

    /// Scale of one visual channel over the domains shown; repeated names keep their first look.
    fn scale(&self, range: impl Fn(palette::Mark) -> Value) -> Value {
        domain_scale(self.report, self.lines.iter().map(|line| line.domain), self.theme, range)
    }

    fn color(&self) -> Value {
        json!({ "field": "domain", "type": "nominal", "title": null, "scale": self.scale(|mark| mark.color.into()) })
    }

    fn course_rows(&self) -> (Vec<Value>, Vec<Value>) {
        let places = self.axis.places(self.report);
        let every = places.len().div_ceil(MARKED).max(1);
        let (mut courses, mut references) = (Vec::new(), Vec::new());
        for line in &self.lines {
            let alone = |at: usize| {
                let before = at.checked_sub(1).and_then(|at| series::at(&line.value, at));
                before.is_none() && series::at(&line.value, at + 1).is_none()
            };
            let last = (0..places.len())
                .rev()
                .find(|&at| line.reference.as_ref().is_some_and(|r| series::at(r, at).is_some()));
            for (at, &x) in places.iter().enumerate() {
                let value = series::at(&line.value, at);
                let mut row = json!({
                    "x": x, "checkpoint": at, "domain": self.name(line), "value": value,
                    "marked": value.is_some() && (at % every == 0 || at + 1 == places.len() || alone(at)),
                });
                if let Some((low, high)) = &line.band {
                    row["low"] = json!(series::at(low, at));
                    row["high"] = json!(series::at(high, at));
                }
                courses.push(row);
                if let Some(reference) = &line.reference {
                    references.push(json!({
                        "x": x, "domain": self.name(line), "value": series::at(reference, at), "last": last == Some(at),
                    }));
                }
            }
        }
        (courses, references)
    }

    fn course_layers(&self, look: Look) -> [Value; 2] {
        let dash = json!({ "field": "domain", "type": "nominal", "title": null, "scale": self.scale(|mark| json!(mark.dash)) });
        let shape = json!({ "field": "domain", "type": "nominal", "title": null, "scale": self.scale(|mark| mark.shape.into()) });
        [
            json!({
                "data": { "name": "courses" },
                "mark": { "type": "line", "strokeWidth": look.size(2.0), "clip": true },
                "encoding": { "x": self.x(), "y": self.y("value"), "color": self.color(), "strokeDash": dash },
            }),
            json!({
                "data": { "name": "courses" },
                "transform": [{ "filter": "datum.marked" }],
                "mark": { "type": "point", "filled": true, "opacity": 1, "size": look.size(34.0), "clip": true },
                "encoding": { "x": self.x(), "y": self.y("value"), "color": self.color(), "shape": shape },
            }),
        ]
    }

    fn band_layer(&self) -> Value {
        json!({
            "data": { "name": "courses" },
            "mark": { "type": "area", "opacity": 0.18, "clip": true },
            "encoding": { "x": self.x(), "y": self.y("low"), "y2": { "field": "high" }, "color": self.color() },
        })
    }

    fn reference_layers(&self, look: Look) -> [Value; 2] {
        let size = look.size(10.0);
        [
            json!({
                "data": { "name": "references" },
                "mark": { "type": "line", "strokeWidth": look.size(1.25), "strokeDash": [1, 3], "strokeCap": "round", "clip": true },
                "encoding": { "x": self.x(), "y": self.y("value"), "color": self.color() },
            }),
            json!({
                "data": { "name": "references" },
                "transform": [{ "filter": "datum.last" }],
                "mark": { "type": "text", "text": self.reference_name, "align": "right", "baseline": "bottom", "dx": -2, "dy": -3, "fontSize": size },
                "encoding": { "x": self.x(), "y": self.y("value"), "color": self.color() },
            }),
        ]
    }

    fn onset_rows(&self, look: Look) -> Vec<Value> {
        let places = self.axis.places(self.report);
        let mut rows = Vec::new();
        for (row, line) in self.lines.iter().enumerate() {
            let Some(domain) = self.report.domains.get(line.domain) else { continue };
            let onsets = Onsets::of(self.report, domain);
            let dy = look.size(11.0) * (row % ONSET_ROWS) as f64 + 2.0;
            for (letter, words, checkpoint) in [
                ("M", "half memorized by", onsets.memorization),
                ("G", "half generalized by", onsets.generalization),
            ] {
                let Some((checkpoint, x)) = checkpoint.and_then(|at| Some((at, *places.get(at)?))) else {
                    continue;
                };
                let says = format!("{words} {}", chart::place_name(self.report, self.axis, checkpoint));
                rows.push(json!({ "x": x, "domain": domain.name, "letter": letter, "dy": dy, "says": says }));
            }
        }
        rows
    }

    fn onset_layers(&self, look: Look) -> [Value; 3] {
        let rule = |letter: &str, dash: [u32; 2]| {
            json!({
                "data": { "name": "onsets" },
                "transform": [{ "filter": format!("datum.letter === '{letter}'") }],
                "mark": { "type": "rule", "strokeDash": dash, "opacity": 0.55 },
                "encoding": { "x": self.x(), "color": self.color() },
            })
        };
        let letters = json!({
            "data": { "name": "onsets" },
            "mark": {
                "type": "text", "align": "left", "baseline": "top", "dx": 3, "dy": { "expr": "datum.dy" },
                "fontSize": look.size(10.0), "fontWeight": 600,
            },
            "encoding": {
                "x": self.x(), "y": { "value": 0 }, "color": self.color(), "text": { "field": "letter", "type": "nominal" },
                "tooltip": [chart::tip("domain", "Domain"), chart::tip("says", "Onset")],
            },
        });
        [rule("M", [2, 3]), rule("G", [7, 3]), letters]
    }

    /// One row a checkpoint with the ready-made texts of all domains under fixed names: `t0`, `t1`, …
    fn hover_rows(&self) -> Vec<Value> {
        let places = self.axis.places(self.report);
        (0..places.len())
            .map(|at| {
                let mut row = Map::new();
                row.insert("x".into(), places[at].into());
                row.insert("checkpoint".into(), at.into());
                row.insert("place".into(), chart::place_name(self.report, self.axis, at).into());
                for line in &self.lines {
                    row.insert(format!("t{}", line.domain), self.says(line, at).into());
                }
                Value::Object(row)
            })
            .collect()
    }

    /// A line's value at a checkpoint as text, with its band.
    fn says(&self, line: &Line, at: usize) -> String {
        let Some(value) = series::at(&line.value, at) else { return number::MISSING.into() };
        let text = number::plain(value);
        let band =
            line.band.as_ref().and_then(|(low, high)| Some((series::at(low, at)?, series::at(high, at)?)));
        match band {
            Some((low, high)) => format!("{text} ({} to {})", number::plain(low), number::plain(high)),
            None => text,
        }
    }

    fn hover_layer(&self, look: Look) -> Value {
        let mut tooltip = vec![chart::tip("place", "Checkpoint")];
        tooltip
            .extend(self.lines.iter().map(|line| chart::tip(&format!("t{}", line.domain), self.name(line))));
        json!({
            "data": { "name": "checkpoints" },
            "params": [{
                "name": "hover",
                "select": { "type": "point", "fields": ["checkpoint"], "nearest": true, "on": "pointerover", "clear": "pointerout" },
            }],
            "mark": { "type": "rule", "color": look.theme.quiet() },
            "encoding": {
                "x": self.x(),
                "opacity": {
                    "condition": [
                        { "param": "hover", "empty": false, "value": 0.7 },
                        { "test": "datum.checkpoint === cursor", "value": 0.7 },
                    ],
                    "value": 0,
                },
                "tooltip": tooltip,
            },
        })
    }

    fn table(&self) -> Table {
        let column = |name: String| Column { name, unit: self.unit.map(str::to_owned) };
        let mut columns = checkpoint_columns(self.report);
        for line in &self.lines {
            let name = self.name(line);
            columns.push(column(name.to_owned()));
            if line.band.is_some() {
                columns.push(column(format!("{name}, {}", self.band_names.0)));
                columns.push(column(format!("{name}, {}", self.band_names.1)));
            }
            if line.reference.is_some() {
                columns.push(column(format!("{name}, {}", self.reference_name)));
            }
        }
        let mut table = Table::new(columns);
        for at in 0..self.report.checkpoints.len() {
            let mut row = checkpoint_cells(self.report, at);
            for line in &self.lines {
                row.push(Cell::number(series::at(&line.value, at)));
                if let Some((low, high)) = &line.band {
                    row.push(Cell::number(series::at(low, at)));
                    row.push(Cell::number(series::at(high, at)));
                }
                if let Some(reference) = &line.reference {
                    row.push(Cell::number(series::at(reference, at)));
                }
            }
            table.push(row);
        }
        table
    }

    fn summary(&self) -> String {
        const NAMED: usize = 6;
        let checkpoints = self.report.checkpoints.len();
        let courses: Vec<String> = self
            .lines
            .iter()
            .take(NAMED)
            .filter_map(|line| {
                let defined = series::defined(&line.value, checkpoints);
                let (&(first, start), &(last, end)) = (defined.first()?, defined.last()?);
                let (low, high) = series::extent(defined.iter().map(|&(_, value)| value))?;
                let name = self.name(line);
                if first == last {
                    return Some(format!("{name} is {} at its only checkpoint", number::plain(start)));
                }
                Some(format!(
                    "{name} from {} to {} (lowest {}, highest {})",
                    number::plain(start),
                    number::plain(end),
                    number::plain(low),
                    number::plain(high),
                ))
            })
            .collect();
        let more = self.lines.len().saturating_sub(NAMED);
        let more = if more > 0 { format!("; {more} more in the table") } else { String::new() };
        let unit = self.unit.map(|unit| format!(", {unit}")).unwrap_or_default();
        format!("{}{unit}, {}: {}{more}.", self.title, checkpoint_span(self.report), courses.join("; "))
    }
}

/// Scale of one visual channel over domains; repeated names keep their first look.
pub(crate) fn domain_scale(
    report: &Report,
    domains: impl Iterator<Item = usize>,
    theme: Theme,
    range: impl Fn(palette::Mark) -> Value,
) -> Value {
    let (mut names, mut looks) = (Vec::<&str>::new(), Vec::new());
    for index in domains {
        let Some(domain) = report.domains.get(index) else { continue };
        if !names.contains(&domain.name.as_str()) {
            names.push(&domain.name);
            looks.push(range(palette::domain(index, theme)));
        }
    }
    json!({ "domain": names, "range": looks })
}

/// The first columns of every table by checkpoint: step, and tokens where all checkpoints tell them.
pub(crate) fn checkpoint_columns(report: &Report) -> Vec<Column> {
    let mut columns = vec![Column::new("Step")];
    if has_tokens(report) {
        columns.push(Column::new("Tokens"));
    }
    columns
}

/// The cells under [`checkpoint_columns`].
pub(crate) fn checkpoint_cells(report: &Report, at: usize) -> Vec<Cell> {
    let checkpoint = report.checkpoints.get(at);
    let mut cells = vec![checkpoint.map_or(Cell::Missing, |checkpoint| Cell::count(checkpoint.step))];
    if has_tokens(report) {
        cells.push(checkpoint.and_then(|checkpoint| checkpoint.tokens).map_or(Cell::Missing, Cell::count));
    }
    cells
}

fn has_tokens(report: &Report) -> bool {
    !report.checkpoints.is_empty() && Axis::Tokens.is_available(report)
}

/// `33 checkpoints from step 0 to step 12,000`.
pub(crate) fn checkpoint_span(report: &Report) -> String {
    let count = chart::counted(report.checkpoints.len() as u64, "checkpoint");
    match (report.checkpoints.first(), report.checkpoints.last()) {
        (Some(first), Some(last)) if first.step != last.step => {
            format!("{count} from {} to {}", chart::step_name(first.step), chart::step_name(last.step))
        }
        (Some(only), _) => format!("{count} at {}", chart::step_name(only.step)),
        _ => count,
    }
}
