//! Line charts as inline SVG, drawn without Vega: one line per domain over the training steps, with
//! 95 % intervals where the report has them.

use std::fmt::Write as _;

use report::{Claim, ClaimKind, Group, Report};

use super::escape::escaped;
use crate::{number, palette, series, theme::Theme};

/// Size of the drawing, and the room for labels at its left, bottom and right, in its units.
const SIZE: (f64, f64) = (520.0, 240.0);
const LEFT: f64 = 52.0;
const BOTTOM: f64 = 36.0;
const RIGHT: f64 = 12.0;
const TOP: f64 = 8.0;

/// Most domains that are drawn; more lines cannot be told apart.
pub(super) const MOST: usize = 40;

/// One chart: a metric of every domain.
pub(super) struct Chart {
    /// Id of the metric.
    pub metric: &'static str,
    /// Whether the figures of the group that the claims describe are drawn.
    pub main_group: bool,
    /// Fixed range of the vertical axis.
    pub range: Option<(f64, f64)>,
    /// Metric with half widths of 95 % intervals.
    pub interval: Option<&'static str>,
}

/// The charts of a page.
pub(super) const CHARTS: [Chart; 3] = [
    Chart { metric: "accuracy", main_group: false, range: Some((0.0, 1.0)), interval: None },
    Chart { metric: "loss", main_group: false, range: None, interval: None },
    Chart { metric: "distance", main_group: true, range: None, interval: Some("distance_ci") },
];

/// The course of one domain.
struct Line {
    /// Index of the domain.
    domain: usize,
    /// Checkpoint, value, and half width of its interval.
    points: Vec<(usize, f64, Option<f64>)>,
}

impl Chart {
    /// The chart as a figure with a caption; nothing if no domain has a value.
    pub fn figure(&self, report: &Report) -> Option<String> {
        let row = report::metric(self.metric)?;
        let lines: Vec<Line> =
            (0..report.domains.len().min(MOST)).filter_map(|at| self.line(report, at)).collect();
        let values = lines.iter().flat_map(|line| &line.points).flat_map(|&(_, value, half)| {
            let half = half.unwrap_or(0.0);
            [value - half, value + half]
        });
        let extent = series::extent(values)?;
        let range = self.range.unwrap_or_else(|| series::padded(extent));
        let steps: Vec<f64> = report.steps().map(|step| step as f64).collect();
        let plane = Plane { x: series::extent(steps.iter().copied())?, y: range };
        let unit = row.unit.name(report.settings.unit);
        let unit = if unit.is_empty() { String::new() } else { format!(" ({unit})") };
        let name = format!("{}{unit}", row.name);
        let mut svg = format!(
            "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\">",
            SIZE.0,
            SIZE.1,
            escaped(&format!("{name} over training steps, one line per domain; the tables have the figures"))
        );
        svg += &plane.axes();
        for line in &lines {
            svg += &line.drawn(&steps, &plane);
        }
        svg += "</svg>";
        Some(format!(
            "<figure><h3>{}</h3>{svg}<figcaption>{}</figcaption></figure>\n",
            escaped(&name),
            escaped(row.summary)
        ))
    }

    fn line(&self, report: &Report, at: usize) -> Option<Line> {
        let name = &report.domains.get(at)?.name;
        let group = if self.main_group { main_group(report, name) } else { Group::All };
        let course = report.course(name, self.metric, group)?;
        let halves = self.interval.and_then(|metric| report.course(name, metric, group));
        let defined = series::defined(&course.values, report.checkpoints.len());
        let half = |at: usize| halves.and_then(|halves| series::at(&halves.values, at));
        let points: Vec<_> = defined.into_iter().map(|(at, value)| (at, value, half(at))).collect();
        (!points.is_empty()).then_some(Line { domain: at, points })
    }
}

/// The group that the claim on the distance of a domain describes.
fn main_group(report: &Report, domain: &str) -> Group {
    let about = |claim: &&Claim| {
        claim.kind == ClaimKind::Falls
            && claim.metric.as_deref() == Some("distance")
            && claim.domain.as_deref() == Some(domain)
    };
    report.claims.iter().find(about).and_then(|claim| claim.group).unwrap_or_default()
}

impl Line {
    fn drawn(&self, steps: &[f64], plane: &Plane) -> String {
        let place = |at: usize, value: f64| {
            let step = steps.get(at).copied().unwrap_or(plane.x.0);
            format!("{:.1} {:.1}", plane.across(step), plane.down(value))
        };
        let mut out = format!("<g class=\"d{}\">", self.domain % 8);
        // A gap between two checkpoints ends a piece.
        for piece in self.points.chunk_by(|a, b| a.0 + 1 == b.0) {
            let banded: Vec<_> =
                piece.iter().filter_map(|&(at, value, half)| Some((at, value, half?))).collect();
            if banded.len() > 1 {
                let above = banded.iter().map(|&(at, value, half)| place(at, value + half));
                let below = banded.iter().rev().map(|&(at, value, half)| place(at, value - half));
                let outline: Vec<String> = above.chain(below).collect();
                // Writing to a string does not fail.
                write!(out, "<path class=\"band\" d=\"M{}z\"/>", outline.join("L")).ok();
            }
            let middle: Vec<String> = piece.iter().map(|&(at, value, _)| place(at, value)).collect();
            if middle.len() > 1 {
                let dash = dash(self.domain);
                write!(out, "<path class=\"line\"{dash} d=\"M{}\"/>", middle.join("L")).ok();
            }
            for &(at, value, _) in piece {
                let step = steps.get(at).copied().unwrap_or(plane.x.0);
                let (x, y) = (plane.across(step), plane.down(value));
                write!(out, "<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"2.2\"/>").ok();
            }
        }
        out + "</g>"
    }
}

/// The dashes of a domain as an attribute; empty for a solid line.
pub(super) fn dash(domain: usize) -> String {
    let dash = palette::domain(domain, Theme::Light).dash;
    let lengths: Vec<String> = dash.iter().map(u32::to_string).collect();
    if lengths.is_empty() { String::new() } else { format!(" stroke-dasharray=\"{}\"", lengths.join(" ")) }
}

/// The ranges of both axes.
struct Plane {
    x: (f64, f64),
    y: (f64, f64),
}

impl Plane {
    fn across(&self, step: f64) -> f64 {
        LEFT + (SIZE.0 - LEFT - RIGHT) * share(step, self.x)
    }

    fn down(&self, value: f64) -> f64 {
        SIZE.1 - BOTTOM - (SIZE.1 - BOTTOM - TOP) * share(value, self.y)
    }

    fn axes(&self) -> String {
        let mut out = String::new();
        let (right, low) = (SIZE.0 - RIGHT, SIZE.1 - BOTTOM);
        let values = ticks(self.y);
        let spacing = match values.as_slice() {
            [first, second, ..] => second - first,
            _ => 0.0,
        };
        for value in values {
            let (y, label) = (self.down(value), label(value, spacing));
            write!(
                out,
                "<path class=\"grid\" d=\"M{LEFT} {y:.1}H{right}\"/><text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{label}</text>",
                LEFT - 6.0,
                y + 4.0
            )
            .ok();
        }
        // In full: neighbouring ticks of a short range have the same short form.
        let is_whole = |step: &f64| (step - libm::round(*step)).abs() < 1e-6;
        for step in ticks(self.x).into_iter().filter(is_whole) {
            let (x, label) = (self.across(step), number::count(libm::round(step) as u64));
            write!(
                out,
                "<path class=\"grid\" d=\"M{x:.1} {low}v4\"/><text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{label}</text>",
                low + 17.0
            )
            .ok();
        }
        let middle = f64::midpoint(LEFT, right);
        write!(
            out,
            "<text x=\"{middle:.1}\" y=\"{}\" text-anchor=\"middle\">Training step</text>",
            SIZE.1 - 3.0
        )
        .ok();
        out
    }
}

/// Relative position in a range; the middle of an empty one.
fn share(value: f64, (low, high): (f64, f64)) -> f64 {
    if high > low { ((value - low) / (high - low)).clamp(-0.1, 1.1) } else { 0.5 }
}

/// A tick with the digits that tell it from ticks at a distance of `spacing`, without trailing zeros.
fn label(value: f64, spacing: f64) -> String {
    // Numbers with an exponent keep their zeros, which may be those of the exponent.
    if spacing < 1e-9 || value.abs() >= 1e12 {
        return number::plain(value);
    }
    let digits = libm::ceil(-libm::log10(spacing) - 1e-9).max(0.0) as usize;
    let text = number::fixed(value, digits);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// About five round numbers in a range.
fn ticks((low, high): (f64, f64)) -> Vec<f64> {
    let span = high - low;
    if !(span.is_finite() && span > 0.0) {
        return vec![low];
    }
    let power = libm::pow(10.0, libm::floor(libm::log10(span / 5.0)));
    let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * power).into_iter().find(|step| span / step <= 5.5);
    let Some(step) = step.filter(|step| *step > 0.0) else { return vec![low] };
    let first = libm::ceil(low / step - 1e-9);
    let places = (0..8).map(|at| (first + f64::from(at)) * step);
    // Without the sign of a zero.
    places.take_while(|place| *place <= high + 1e-9 * span).map(|place| place + 0.0).collect()
}

#[cfg(test)]
mod tests {
    use super::{label, ticks};

    #[test]
    fn ticks_are_round_and_inside() {
        assert_eq!(ticks((0.0, 1.0)), [0.0, 0.2, 0.4, 0.600_000_000_000_000_1, 0.8, 1.0]);
        assert_eq!(ticks((130.0, 12_000.0)), [5_000.0, 10_000.0]);
        assert_eq!(ticks((3.0, 3.0)), [3.0]);
        let labels =
            [(0.2, 0.2), (25.0, 5.0), (0.0, 0.2), (1200.0, 200.0), (1000.25, 0.05), (2.3002, 0.0002)];
        let labels = labels.map(|(value, spacing)| label(value, spacing));
        assert_eq!(labels, ["0.2", "25", "0", "1,200", "1,000.25", "2.3002"]);
        assert_eq!(
            [(1e-10, 1e-10), (1e20, 1e19)].map(|(value, spacing)| label(value, spacing)),
            ["1.00e−10", "1.00e20"]
        );
        assert!(ticks((f64::MIN, f64::MAX)).len() < 9);
    }
}
