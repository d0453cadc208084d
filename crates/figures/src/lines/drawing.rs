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
        let smoothed = if self.smooth > 1 {
            format!("smoothed over {} checkpoints, dots and intervals are not", self.smooth)
        } else {
            String::new()
        };
        let letters = if onsets.is_empty() { "" } else { "M: half memorized, G: half generalized" };
        let subtitle = chart::subtitle([self.subtitle.as_str(), smoothed.as_str(), letters]);
        let frame = Frame { title: &self.title, subtitle: &subtitle, description: summary, look };
        let rows = self.course_rows();
        let range = self.vertical(&rows.values);
        // Layers depend on the whole run, not on its part in the range: a page that zooms only changes rows.
        let mut layers = Vec::new();
        if !onsets.is_empty() {
            layers.extend(self.onset_layers(look));
        }
        if self.courses.iter().any(|line| line.band.is_some()) {
            layers.push(self.band_layer());
        }
        if self.courses.iter().any(|line| line.reference.is_some()) {
            layers.extend(self.reference_layers(look));
        }
        if self.smooth > 1 {
            layers.push(self.raw_layer(look));
        }
        layers.extend(self.course_layers(look));
        if self.room.is_some() {
            layers.push(self.end_layer(look));
        }
        layers.push(self.hover_layer(look));
        let mut params = self.scale.params(&self.room.expression(look));
        // The page may set `cursor` to the index of a checkpoint to show the crosshair of another chart here.
        params.extend([
            json!({ "name": "cursor", "value": -1 }),
            json!({ "name": "y0", "value": (range.0) }),
            json!({ "name": "y1", "value": (range.1) }),
        ]);
        if self.log {
            params.push(json!({ "name": "levels", "value": levels(range) }));
        }
        let shown: Vec<Json> =
            onsets.into_iter().filter(|(x, _)| self.scale.shows(*x)).map(|(_, row)| row).collect();
        let body = json!({
            "width": chart::width(self.width),
            "height": self.height(look),
            "autosize": chart::autosize(),
            "params": params,
            "datasets": {
                "courses": rows.courses, "references": rows.references, "onsets": shown,
                "ends": self.end_rows(&rows.ends, range, look), "checkpoints": self.hover_rows(),
            },
            "layer": layers,
        });
        chart::specification(&frame, &body)
    }

    /// Height of the plot in pixels.
    pub(super) fn height(&self, look: Look) -> f64 {
        self.height.map_or(look.size(150.0), |height| f64::from(height.clamp(60, 2000)))
    }

    fn x(&self) -> Json {
        self.scale.encoding("x")
    }

    fn y(&self, field: &str) -> Json {
        let mut title = match self.unit {
            Some(unit) => format!("{} ({unit})", self.measure),
            None => self.measure.clone(),
        };
        let mut axis = json!({ "tickCount": 4, "labelExpr": PLAIN });
        let mut scale =
            json!({ "domain": [{ "expr": "y0" }, { "expr": "y1" }], "nice": false, "zero": false });
        if self.log {
            title.push_str(", log");
            axis.set("labelOverlap", "greedy");
            axis.set("values", json!({ "expr": "levels" }));
            scale.set("type", "log");
        }
        axis.set("title", title);
        // A longer title would move the plot off the baseline of the chart beside it.
        let look = Look { theme: self.theme, present: self.present };
        axis.set("titleLimit", self.height(look) + look.size(16.0));
        json!({ "field": field, "type": "quantitative", "axis": axis, "scale": scale })
    }

    /// The vertical range of these values, unless one is given.
    fn vertical(&self, values: &[f64]) -> (f64, f64) {
        if self.log {
            let positive = values.iter().copied().filter(|&value| value > 0.0);
            return series::extent(positive).map_or((1.0, 10.0), series::padded_log);
        }
        let extent = || series::extent(values.iter().copied()).map(series::padded);
        self.range.or_else(extent).unwrap_or((0.0, 1.0))
    }

    /// Scale of one visual channel over the domains shown; repeated names keep their first value.
    fn scale<T: Written>(&self, range: fn(palette::Mark) -> T) -> Json {
        domain_scale(self.report, self.courses.iter().map(|line| line.domain), self.theme, range)
    }

    pub(super) fn color(&self) -> Json {
        self.by_domain(|mark| mark.color)
    }

    /// The encoding of one visual channel by domain. Names at the ends of the lines replace the legend.
    fn by_domain<T: Written>(&self, range: fn(palette::Mark) -> T) -> Json {
        let mut channel =
            json!({ "field": "domain", "type": "nominal", "title": null, "scale": self.scale(range) });
        if self.room.is_some() {
            channel.set("legend", None::<f64>);
        }
        channel
    }

    fn course_rows(&self) -> Rows {
        let count = self.axis.places(self.report).len();
        let every = count.div_ceil(MARKED).max(1);
        let mut rows = Rows::default();
        let mut references = Vec::new();
        // A domain may lack an interval, but the band's layer reads both fields of every row.
        let banded = self.courses.iter().any(|line| line.band.is_some());
        for (place, line) in self.courses.iter().enumerate() {
            let alone = |at: usize| {
                let before = at.checked_sub(1).and_then(|at| series::at(&line.value, at));
                before.is_none() && series::at(&line.value, at + 1).is_none()
            };
            let mut end = None;
            for point in self.points(line) {
                let (x, at) = (point.x, point.checkpoint);
                let [value, low, high, reference] = point.values;
                let marked = point.is_checkpoint
                    && value.is_some()
                    && (at % every == 0 || at + 1 == count || alone(at));
                let mut row = json!({ "x": x, "checkpoint": at, "domain": self.name(line), "value": value, "marked": marked });
                rows.values.extend([value, reference].into_iter().flatten());
                if banded {
                    // A logarithmic axis has no place for a bound of zero.
                    let low = low.filter(|low| !self.log || *low > 0.0).or(value.filter(|_| low.is_some()));
                    row.set("low", low);
                    row.set("high", high);
                    rows.values.extend([low, high].into_iter().flatten());
                }
                if self.smooth > 1 {
                    row.set("raw", point.raw);
                    rows.values.extend(point.raw);
                }
                rows.courses.push(row);
                if line.reference.is_some() {
                    references.push((x, at, self.name(line), reference));
                }
                end = value.or(end);
            }
            rows.ends.extend(end.map(|value| (place, value)));
        }
        rows.references = reference_rows(&references);
        rows
    }

    fn raw_layer(&self, look: Look) -> Json {
        json!({
            "data": { "name": "courses" },
            "transform": [{ "filter": "datum.raw !== null" }, { "filter": UP_TO }],
            "mark": { "aria": false, "type": "point", "filled": true, "opacity": 0.4, "size": look.size(14.0), "clip": true },
            "encoding": { "x": self.x(), "y": self.y("raw"), "color": self.color() },
        })
    }

    fn course_layers(&self, look: Look) -> [Json; 2] {
        let dash = self.by_domain(|mark| mark.dash);
        let shape = self.by_domain(|mark| mark.shape);
        [
            json!({
                "data": { "name": "courses" },
                "transform": [{ "filter": UP_TO }],
                "mark": { "aria": false, "type": "line", "strokeWidth": look.size(2.0), "clip": true },
                "encoding": { "x": self.x(), "y": self.y("value"), "color": self.color(), "strokeDash": dash },
            }),
            json!({
                "data": { "name": "courses" },
                "transform": [{ "filter": "datum.marked" }, { "filter": UP_TO }],
                "mark": { "aria": false, "type": "point", "filled": true, "opacity": 1, "size": look.size(34.0), "clip": true },
                "encoding": { "x": self.x(), "y": self.y("value"), "color": self.color(), "shape": shape },
            }),
        ]
    }

    fn band_layer(&self) -> Json {
        json!({
            "data": { "name": "courses" },
            "transform": [{ "filter": UP_TO }],
            "mark": { "aria": false, "type": "area", "opacity": 0.18, "clip": true },
            "encoding": { "x": self.x(), "y": self.y("low"), "y2": { "field": "high" }, "color": self.color() },
        })
    }

    fn reference_layers(&self, look: Look) -> [Json; 2] {
        let size = look.size(10.0);
        [
            json!({
                "data": { "name": "references" },
                "transform": [{ "filter": UP_TO }],
                "mark": { "aria": false, "type": "line", "strokeWidth": look.size(1.25), "strokeDash": [1, 3], "strokeCap": "round", "clip": true },
                "encoding": { "x": self.x(), "y": self.y("value"), "color": self.color() },
            }),
            json!({
                "data": { "name": "references" },
                "transform": [{ "filter": "datum.named" }, { "filter": UP_TO }],
                "mark": { "aria": false, "type": "text", "text": self.reference_name, "color": look.theme.quiet(), "align": "right", "baseline": "bottom", "dx": -2, "dy": -3, "fontSize": size },
                "encoding": { "x": self.x(), "y": self.y("value") },
            }),
        ]
    }

    /// The onsets with their places on the axis.
    fn onset_rows(&self, look: Look) -> Vec<(u64, Json)> {
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
                let row = json!({
                    "x": x, "checkpoint": checkpoint, "domain": domain.name, "letter": letter, "side": side, "dy": dy, "says": says,
                });
                rows.push((x, row));
            }
        }
        rows
    }

    fn onset_layers(&self, look: Look) -> [Json; 4] {
        let rule = |letter: &str, dash: [u32; 2]| {
            json!({
                "data": { "name": "onsets" },
                "transform": [{ "filter": format!("datum.letter === '{letter}'") }, { "filter": UP_TO }],
                "mark": { "aria": false, "type": "rule", "strokeDash": dash, "opacity": 0.55 },
                "encoding": { "x": self.x(), "color": self.color() },
            })
        };
        let letter = |side: &str, align: &str, dx: i32| {
            json!({
                "data": { "name": "onsets" },
                "transform": [{ "filter": format!("datum.side === '{side}'") }, { "filter": UP_TO }],
                "mark": {
                    "aria": false,
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
        self.visible()
            .into_iter()
            .map(|at| {
                let place = chart::place_name(self.report, self.axis, at);
                let mut row = json!({ "x": places[at], "checkpoint": at, "place": place });
                for line in &self.courses {
                    row.set(&format!("t{}", line.domain), self.says(line, at));
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
            "mark": { "aria": false, "type": "rule", "color": look.theme.quiet() },
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

    /// A line's value at a checkpoint as text: its unit, its band, the number of samples.
    fn says(&self, line: &Line, at: usize) -> String {
        let Some(value) = series::at(&line.value, at) else { return number::MISSING.into() };
        let unit = self.unit.filter(|unit| *unit != "share");
        let text = |value: f64| {
            if self.unit == unit {
                number::plain(value)
            } else {
                format!("{} %", number::fixed(100.0 * value, 1))
            }
        };
        let band =
            line.band.as_ref().and_then(|(low, high)| Some((series::at(low, at)?, series::at(high, at)?)));
        let band = band.map(|(low, high)| {
            let name = if self.band_names.0.starts_with("95") { "95 %" } else { "quartiles" };
            format!(", {name} {} to {}", text(low), text(high))
        });
        let unit = unit.map(|unit| format!(" {unit}")).unwrap_or_default();
        let n = line.n.map(|n| format!(", n = {}", number::count(n)));
        format!("{}{unit}{}{}", text(value), band.unwrap_or_default(), n.unwrap_or_default())
    }
}

/// Ticks of a logarithmic axis: powers of ten, with others between if they are few.
fn levels((low, high): (f64, f64)) -> Vec<f64> {
    let (first, last) = (libm::floor(libm::log10(low)) as i32, libm::ceil(libm::log10(high)) as i32);
    let of = |factors: &[f64]| -> Vec<f64> {
        let powers = (first..=last).flat_map(|power| {
            // Dividing by a whole power gives 0.3 where multiplying gives 0.30000000000000004.
            let scaled = |factor: &f64| {
                let size = libm::pow(10.0, f64::from(power.abs()));
                if power < 0 { factor / size } else { factor * size }
            };
            factors.iter().map(scaled).collect::<Vec<f64>>()
        });
        powers.filter(|level| (low..=high).contains(level)).collect()
    };
    let choices: [&[f64]; 4] =
        [&[1.0], &[1.0, 3.0], &[1.0, 2.0, 5.0], &[1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]];
    let found = choices.into_iter().map(of).find(|levels| levels.len() >= 3);
    found.unwrap_or_else(|| vec![low, libm::sqrt(low * high), high].into_iter().map(rounded).collect())
}

/// A number with three significant digits.
fn rounded(value: f64) -> f64 {
    let scale = libm::pow(10.0, 2.0 - libm::floor(libm::log10(value)));
    libm::round(value * scale) / scale
}

/// Keeps rows up to the parameter `upto`.
pub(crate) const UP_TO: &str = "datum.checkpoint <= upto";

/// What a chart draws.
#[derive(Default)]
struct Rows {
    courses: Vec<Json>,
    references: Vec<Json>,
    /// Index of each line and its last value.
    ends: Vec<(usize, f64)>,
    /// All values that the vertical axis shows.
    values: Vec<f64>,
}

/// The rows of the second lines, each with its place, domain and value. The end of the line that
/// ends highest is marked; the name of all second lines is drawn there.
fn reference_rows(references: &[(u64, usize, &str, Option<f64>)]) -> Vec<Json> {
    let last = references.iter().filter(|(.., value)| value.is_some()).map(|&(x, ..)| x).max();
    let ends = references.iter().enumerate().filter(|(_, (x, ..))| Some(*x) == last);
    let highest = ends
        .filter_map(|(row, (.., value))| Some((row, (*value)?)))
        .max_by(|first, second| first.1.total_cmp(&second.1))
        .map(|(row, _)| row);
    let row = |(row, &(x, checkpoint, domain, value)): (usize, &(u64, usize, &str, Option<f64>))| json!({ "x": x, "checkpoint": checkpoint, "domain": domain, "value": value, "named": (Some(row) == highest) });
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

#[cfg(test)]
mod tests {
    use super::levels;

    #[test]
    fn a_logarithmic_axis_has_few_round_ticks() {
        assert_eq!(levels((0.002, 3.0)), [0.01, 0.1, 1.0]);
        assert_eq!(levels((0.02, 3.0)), [0.03, 0.1, 0.3, 1.0, 3.0]);
        assert_eq!(levels((1.5, 30.0)), [3.0, 10.0, 30.0]);
        assert_eq!(levels((1.8, 12.0)), [2.0, 5.0, 10.0]);
        assert_eq!(levels((2.11, 2.22)), [2.11, 2.16, 2.22]);
    }
}
