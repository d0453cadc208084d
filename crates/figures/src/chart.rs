//! Shared parts of specifications: frame, tooltips, texts.

use report::{GateKind, Group, Metric, Need, Report};
use wire::{Json, json};

use crate::{axis::Axis, number, theme::Look};

/// The dialect of every specification.
const SCHEMA: &str = "https://vega.github.io/schema/vega-lite/v6.json";

/// Separator of the parts of a subtitle.
const JOINT: &str = " · ";

/// Title lines and size of one specification.
pub(crate) struct Frame<'a> {
    /// The title.
    pub title: &'a str,
    /// The line below the title; may be empty.
    pub subtitle: &'a str,
    /// For screen readers and the SVG's own description.
    pub description: &'a str,
    /// Theme and type size.
    pub look: Look,
}

/// A specification from its parts: `body` holds marks, encodings, data sets and sizes of one plot.
pub(crate) fn specification(frame: &Frame<'_>, body: &Json) -> String {
    // A long title must not shrink the plot.
    framed(frame, json!({ "text": frame.title, "limit": { "expr": "max(width + 30, 200)" } }), body)
}

/// A specification of several panels, which have no common width, so the title has its own.
pub(crate) fn panels(frame: &Frame<'_>, body: &Json) -> String {
    framed(frame, json!({ "text": frame.title }), body)
}

fn framed(frame: &Frame<'_>, mut title: Json, body: &Json) -> String {
    if !frame.subtitle.is_empty() {
        title.set("subtitle", wrapped(frame.subtitle, frame.look));
    }
    let mut spec = json!({
        "$schema": SCHEMA, "description": frame.description, "title": title, "config": frame.look.config(),
    });
    spec.extend(body);
    spec.into_text()
}

/// A subtitle broken into lines between its parts, or between words of a long part: charts truncate lines that are
/// wider than the plot.
fn wrapped(subtitle: &str, look: Look) -> Vec<String> {
    // What fits into one of two charts that share 1280 pixels.
    let longest = if look.present { 50 } else { 68 };
    let mut lines: Vec<String> = Vec::new();
    let mut add = |text: &str, joint: &str| match lines.last_mut() {
        Some(line) if line.chars().count() + joint.chars().count() + text.chars().count() <= longest => {
            line.push_str(joint);
            line.push_str(text);
        }
        _ => lines.push(text.to_owned()),
    };
    for part in subtitle.split(JOINT) {
        if part.chars().count() <= longest {
            add(part, JOINT);
        } else {
            for (at, word) in part.split(' ').enumerate() {
                add(word, if at == 0 { JOINT } else { " " });
            }
        }
    }
    lines
}

/// The given width, or that of the container.
pub(crate) fn width(pixels: Option<u32>) -> Json {
    match pixels {
        Some(pixels) => json!((pixels.clamp(120, 8000))),
        None => json!("container"),
    }
}

/// How a chart fits its width; the height is fixed.
pub(crate) fn autosize() -> Json {
    json!({ "type": "fit-x", "contains": "padding" })
}

/// A safe name for a tooltip row.
///
/// The tooltip would interpret the names `title` and `image` as its heading and image.
pub(crate) fn tooltip_title(name: &str) -> String {
    if matches!(name, "title" | "image") { format!("{name}\u{a0}") } else { name.to_owned() }
}

/// A tooltip row whose text is in a field.
pub(crate) fn tip(field: &str, title: &str) -> Json {
    json!({ "field": field, "type": "nominal", "title": tooltip_title(title) })
}

/// A checkpoint as text: `step 2,000`, `4.2B tokens`.
pub(crate) fn place_name(report: &Report, axis: Axis, checkpoint: usize) -> String {
    let Some(checkpoint) = report.checkpoints.get(checkpoint) else { return number::MISSING.into() };
    match checkpoint.tokens.filter(|_| axis == Axis::Tokens) {
        Some(tokens) => format!("{} tokens", number::tokens(tokens)),
        None => step_name(checkpoint.step),
    }
}

/// `the memorized samples`, `all samples`.
pub(crate) const fn of_group(group: Group) -> &'static str {
    match group {
        Group::All => "all samples",
        Group::Memorized => "the memorized samples",
    }
}

/// A step as text.
pub(crate) fn step_name(step: u64) -> String {
    format!("step {}", number::count(step))
}

/// A group as text, as in a table's heading.
pub(crate) const fn group_name(group: Group) -> &'static str {
    match group {
        Group::All => "all samples",
        Group::Memorized => "memorized samples",
    }
}

/// Label of figures that use other gates than means of softmax (docs/metrics.md#mean-gates).
pub(crate) fn gate_label(report: &Report) -> Option<&'static str> {
    match report.run.gate_kind {
        GateKind::SoftmaxMean => None,
        GateKind::SigmoidNormalizedMean => Some("from normalized sigmoid gates"),
        GateKind::SelectionFrequency => Some("from selection frequency"),
    }
}

/// Whether the report has selection frequencies in place of gates.
pub(crate) fn is_of_selections(report: &Report) -> bool {
    report.run.gate_kind == GateKind::SelectionFrequency
}

/// Whether a metric is computed from gates or selection frequencies.
pub(crate) fn is_of_gates(metric: &Metric) -> bool {
    metric.needs.iter().any(|need| matches!(need, Need::Routing | Need::TokenGates | Need::RouterWeights))
}

/// The unit of a metric, for axes and headings.
pub(crate) fn unit(report: &Report, metric: &Metric) -> Option<&'static str> {
    Some(metric.unit.name(report.settings.unit)).filter(|unit| !unit.is_empty())
}

/// Joins the non-empty parts of a subtitle.
pub(crate) fn subtitle<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(JOINT)
}

/// A threshold as text.
pub(crate) fn tau(tau: f64) -> String {
    format!("τ = {tau}")
}

/// `1 sample`, `2 samples`.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    format!("{} {noun}{}", number::count(count), if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::wrapped;
    use crate::theme::{Look, Theme};

    #[test]
    fn lines_of_a_subtitle_are_shorter_while_presenting() {
        let subtitle =
            "Mean Levenshtein distance between the pathways of two samples · τ = 0.7 · dotted: null distance";
        let lines = |present| wrapped(subtitle, Look { theme: Theme::Light, present });
        let usual = [
            "Mean Levenshtein distance between the pathways of two samples",
            "τ = 0.7 · dotted: null distance",
        ];
        assert_eq!(lines(false), usual);
        let presented = [
            "Mean Levenshtein distance between the pathways of",
            "two samples · τ = 0.7 · dotted: null distance",
        ];
        assert_eq!(lines(true), presented);
    }
}
