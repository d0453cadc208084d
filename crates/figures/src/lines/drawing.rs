//! The specification of a figure of courses: bands, lines, markers, onsets, the crosshair.

use report::Report;
use wire::{Json, Written, json};

use super::{Line, Lines};
use crate::{
    axis::PLAIN,
    chart::{self, Frame},
    number,
    onset::Onsets,
    palette, series,
    theme::{Look, Theme},
};

/// Above this number of checkpoints, not every value has a marker.
const MARKED: usize = 48;

/// Maximum number of rows for onset letters; with more domains, rows are shared.
const ONSET_ROWS: usize = 6;

impl Lines<'_> {
    pub(super) fn spec(&self, summary: &str) -> String {
        let look = Look { theme: self.theme, present: self.present };
        let onsets = self.onset_rows(look);
        let subtitle = if onsets.is_empty() {
            self.subtitle.clone()
        } else {
            chart::subtitle([self.subtitle.as_str(), "M: half memorized, G: half generalized"])
        };
        let frame = Frame { title: &self.title, subtitle: &subtitle, description: summary, look };
        let (courses, references) = self.course_rows();
        let mut layers = Vec::new();
        if !onsets.is_empty() {
            layers.extend(self.onset_layers(look));
        }
        if self.courses.iter().any(|line| line.band.is_some()) {
            layers.push(self.band_layer());
        }
        if !references.is_empty() {
            layers.extend(self.reference_layers(look));
        }
        layers.extend(self.course_layers(look));
        layers.push(self.hover_layer(look));
        let body = json!({
            "width": chart::width(self.width),
            "height": self.height.map_or(look.size(150.0), |height| f64::from(height.clamp(60, 2000))),
            "autosize": chart::autosize(),
            // The page may set `cursor` to the index of a checkpoint to show the crosshair of another chart here.
            "params": [{ "name": "cursor", "value": -1 }],
            "datasets": {
                "courses": courses, "references": references, "onsets": onsets, "checkpoints": self.hover_rows(),
            },
            "layer": layers,
        });
        chart::specification(&frame, &body)
    }

    fn x(&self) -> Json {
        self.axis.encoding(self.report, "x")
    }

    fn y(&self, field: &str) -> Json {
        let title = match self.unit {
            Some(unit) => format!("{} ({unit})", self.measure),
            None => self.measure.clone(),
        };
        let (low, high) = self.range();
        json!({
            "field": field, "type": "quantitative",
            "axis": { "title": title, "tickCount": 4, "labelExpr": PLAIN },
            "scale": { "domain": [low, high], "nice": false, "zero": false },
        })
    }

    fn range(&self) -> (f64, f64) {
        let all = || {
            let own = self.courses.iter().flat_map(|line| &line.value);
            let band = self
                .courses
                .iter()
                .filter_map(|line| line.band.as_ref())
                .flat_map(|(low, high)| low.iter().chain(high));
            let reference = self.courses.iter().filter_map(|line| line.reference.as_ref()).flatten();
            own.chain(band).chain(reference).copied().flatten()
        };
        self.range.or_else(|| series::extent(all()).map(series::padded)).unwrap_or((0.0, 1.0))
    }

    /// Scale of one visual channel over the domains shown; repeated names keep their first value.
    fn scale<T: Written>(&self, range: fn(palette::Mark) -> T) -> Json {
        domain_scale(self.report, self.courses.iter().map(|line| line.domain), self.theme, range)
    }

    fn color(&self) -> Json {
        json!({ "field": "domain", "type": "nominal", "title": null, "scale": self.scale(|mark| mark.color) })
    }

    fn course_rows(&self) -> (Vec<Json>, Vec<Json>) {
        let places = self.axis.places(self.report);
        let every = places.len().div_ceil(MARKED).max(1);
        let (mut courses, mut references) = (Vec::new(), Vec::new());
        // A domain may lack an interval, but the band's layer reads both fields of every row.
        let banded = self.courses.iter().any(|line| line.band.is_some());
        for line in &self.courses {
            let alone = |at: usize| {
                let before = at.checked_sub(1).and_then(|at| series::at(&line.value, at));
                before.is_none() && series::at(&line.value, at + 1).is_none()
            };
            for (at, &x) in places.iter().enumerate() {
                let value = series::at(&line.value, at);
                let mut row = json!({
                    "x": x, "checkpoint": at, "domain": self.name(line), "value": value,
                    "marked": value.is_some() && (at % every == 0 || at + 1 == places.len() || alone(at)),
                });
                if banded {
                    let band = line.band.as_ref();
                    row.set("low", band.and_then(|(low, _)| series::at(low, at)));
                    row.set("high", band.and_then(|(_, high)| series::at(high, at)));
                }
                courses.push(row);
                if let Some(reference) = &line.reference {
                    references.push((x, self.name(line), series::at(reference, at)));
                }
            }
        }
        (courses, reference_rows(&references))
    }

    fn course_layers(&self, look: Look) -> [Json; 2] {
        let dash = json!({ "field": "domain", "type": "nominal", "title": null, "scale": self.scale(|mark| mark.dash) });
        let shape = json!({ "field": "domain", "type": "nominal", "title": null, "scale": self.scale(|mark| mark.shape) });
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

    fn band_layer(&self) -> Json {
        json!({
            "data": { "name": "courses" },
            "mark": { "type": "area", "opacity": 0.18, "clip": true },
            "encoding": { "x": self.x(), "y": self.y("low"), "y2": { "field": "high" }, "color": self.color() },
        })
    }

    fn reference_layers(&self, look: Look) -> [Json; 2] {
        let size = look.size(10.0);
        [
            json!({
                "data": { "name": "references" },
                "mark": { "type": "line", "strokeWidth": look.size(1.25), "strokeDash": [1, 3], "strokeCap": "round", "clip": true },
                "encoding": { "x": self.x(), "y": self.y("value"), "color": self.color() },
            }),
            json!({
                "data": { "name": "references" },
                "transform": [{ "filter": "datum.named" }],
                "mark": { "type": "text", "text": self.reference_name, "color": look.theme.quiet(), "align": "right", "baseline": "bottom", "dx": -2, "dy": -3, "fontSize": size },
                "encoding": { "x": self.x(), "y": self.y("value") },
            }),
        ]
    }

    fn onset_rows(&self, look: Look) -> Vec<Json> {
        let places = self.axis.places(self.report);
        let mut rows = Vec::new();
        for (row, line) in self.courses.iter().enumerate() {
            let Some(domain) = self.report.domains.get(line.domain) else { continue };
            let onsets = Onsets::of(self.report, domain);
            let dy = look.size(11.0) * (row % ONSET_ROWS) as f64 + 2.0;
            let marked = [
                ("M", "half memorized by", onsets.memorization),
                ("G", "half generalized by", onsets.generalization),
            ];
            // The letters of a domain share a row; the earlier one is left of its rule, so they never overlap.
            let memorized_first =
                onsets.memorization <= onsets.generalization || onsets.generalization.is_none();
            for (letter, words, checkpoint) in marked {
                let Some((checkpoint, x)) = checkpoint.and_then(|at| Some((at, *places.get(at)?))) else {
                    continue;
                };
                let side = if (letter == "M") == memorized_first { "before" } else { "after" };
                let says = format!("{words} {}", chart::place_name(self.report, self.axis, checkpoint));
                rows.push(json!({
                    "x": x, "domain": domain.name, "letter": letter, "side": side, "dy": dy, "says": says,
                }));
            }
        }
        rows
    }

    fn onset_layers(&self, look: Look) -> [Json; 4] {
        let rule = |letter: &str, dash: [u32; 2]| {
            json!({
                "data": { "name": "onsets" },
                "transform": [{ "filter": format!("datum.letter === '{letter}'") }],
                "mark": { "type": "rule", "strokeDash": dash, "opacity": 0.55 },
                "encoding": { "x": self.x(), "color": self.color() },
            })
        };
        let letter = |side: &str, align: &str, dx: i32| {
            json!({
                "data": { "name": "onsets" },
                "transform": [{ "filter": format!("datum.side === '{side}'") }],
                "mark": {
                    "type": "text", "align": align, "baseline": "top", "dx": dx, "dy": { "expr": "datum.dy" },
                    "fontSize": look.size(10.0), "fontWeight": 600,
                },
                "encoding": {
                    "x": self.x(), "y": { "value": 0 }, "color": self.color(), "text": { "field": "letter", "type": "nominal" },
                    "tooltip": [chart::tip("domain", "Domain"), chart::tip("says", "Onset")],
                },
            })
        };
        [rule("M", [2, 3]), rule("G", [7, 3]), letter("before", "right", -3), letter("after", "left", 3)]
    }

    /// One row per checkpoint with the formatted texts of all domains under fixed names: `t0`, `t1`, …
    fn hover_rows(&self) -> Vec<Json> {
        let places = self.axis.places(self.report);
        (0..places.len())
            .map(|at| {
                let place = chart::place_name(self.report, self.axis, at);
                let mut row = json!({ "x": places[at], "checkpoint": at, "place": place });
                for line in &self.courses {
                    row.set(&format!("t{}", line.domain), says(line, at));
                }
                row
            })
            .collect()
    }

    fn hover_layer(&self, look: Look) -> Json {
        let mut tooltip = vec![chart::tip("place", "Checkpoint")];
        tooltip.extend(
            self.courses.iter().map(|line| chart::tip(&format!("t{}", line.domain), self.name(line))),
        );
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
}

/// A line's value at a checkpoint as text, with its band.
fn says(line: &Line, at: usize) -> String {
    let Some(value) = series::at(&line.value, at) else { return number::MISSING.into() };
    let text = number::plain(value);
    let band = line.band.as_ref().and_then(|(low, high)| Some((series::at(low, at)?, series::at(high, at)?)));
    match band {
        Some((low, high)) => format!("{text} ({} to {})", number::plain(low), number::plain(high)),
        None => text,
    }
}

/// The rows of the second lines, each with its place, domain and value. The end of the line that
/// ends highest is marked; the name of all second lines is drawn there.
fn reference_rows(references: &[(u64, &str, Option<f64>)]) -> Vec<Json> {
    let last = references.iter().filter(|(.., value)| value.is_some()).map(|&(x, ..)| x).max();
    let ends = references.iter().enumerate().filter(|(_, (x, ..))| Some(*x) == last);
    let highest = ends
        .filter_map(|(row, (.., value))| Some((row, (*value)?)))
        .max_by(|first, second| first.1.total_cmp(&second.1))
        .map(|(row, _)| row);
    let row = |(row, &(x, domain, value)): (usize, &(u64, &str, Option<f64>))| json!({ "x": x, "domain": domain, "value": value, "named": (Some(row) == highest) });
    references.iter().enumerate().map(row).collect()
}

/// Scale of one visual channel over lines, by the index of their domains; repeated names keep their first value.
pub(crate) fn domain_scale<T: Written>(
    report: &Report,
    domains: impl Iterator<Item = usize>,
    theme: Theme,
    range: fn(palette::Mark) -> T,
) -> Json {
    let (mut names, mut looks) = (Vec::<&str>::new(), Vec::new());
    for index in domains {
        let name = super::name(report, index);
        if !names.contains(&name) {
            names.push(name);
            looks.push(range(palette::domain(index, theme)));
        }
    }
    json!({ "domain": names, "range": looks })
}
