//! Memorization and generalization steps of matched groups (docs/metrics.md#pairing-and-delay).

use report::{ClaimKind, Delays, Domain, Matched, Report};
use wire::{Json, json};

use crate::{
    axis::{Axis, PLAIN, SHORT},
    chart::{self, Frame},
    figure::{ChartOptions, Figure},
    number, palette,
    table::{Cell, Column, Table},
    theme::Look,
    verdict,
};

/// The matched groups as spans from memorization to generalization, and the scores of the matching; empty without one.
#[must_use]
pub fn delays(report: &Report, domain: &str, options: &ChartOptions) -> Vec<Figure> {
    let Some(index) = report.domains.iter().position(|other| other.name == domain) else { return Vec::new() };
    let Some(found) = report.domains.get(index) else { return Vec::new() };
    let Some(delays) = &found.delays else { return Vec::new() };
    let chart = Chart { report, domain: found, index, delays, options };
    [chart.spans(), chart.scores()].into_iter().flatten().collect()
}

/// Description of the vectors whose cosines are the scores.
pub(crate) fn compared_by(report: &Report, delays: &Delays) -> &'static str {
    if delays.from_gates && chart::is_of_selections(report) {
        "cosines of selection frequencies at the last checkpoint, as no text embeddings were given; they differ little"
    } else if delays.from_gates {
        "cosines of mean gates at the last checkpoint, as no text embeddings were given; they differ little"
    } else {
        "cosines of text embeddings"
    }
}

/// The total score of the matching and of the best other one.
pub(crate) fn totals(delays: &Delays) -> String {
    match delays.second_best_total.filter(|total| total.is_finite()) {
        Some(second) => {
            format!(
                "total score {}, best other matching {}",
                number::plain(delays.total),
                number::plain(second)
            )
        }
        None => format!("total score {}, no other matching", number::plain(delays.total)),
    }
}

/// Whether the matching is distinctive, from the report's claim; `None` if that is undecided.
#[must_use]
pub fn certainty(report: &Report, domain: &Domain) -> Option<String> {
    let mut claims = report.claims.iter();
    let of_domain = |claim: &&report::Claim| {
        claim.kind == ClaimKind::DistinctivePairing && claim.domain.as_deref() == Some(&domain.name)
    };
    claims.find(of_domain).and_then(verdict::matching)
}

/// The pairs whose rows and columns exist, with their groups.
pub(crate) fn pairs(delays: &Delays) -> impl Iterator<Item = (&report::Pair, &Matched, &Matched)> {
    delays
        .pairs
        .iter()
        .filter_map(|pair| Some((pair, delays.train.get(pair.train)?, delays.test.get(pair.test)?)))
}

/// The matched groups as a table; unmatched groups are at its end.
pub(crate) fn table(report: &Report, delays: &Delays) -> Table {
    let step = |group: Option<&Matched>| {
        group
            .and_then(|group| report.checkpoints.get(group.checkpoint))
            .map_or(Cell::Missing, |found| Cell::count(found.step))
    };
    let count =
        |group: Option<&Matched>| group.map_or(Cell::Missing, |group| Cell::count(group.count as u64));
    let rule = report.settings.onset_rule;
    let mut table = Table::new(vec![
        Column::with_unit(format!("Memorized by {}", rule.of_samples()), "step"),
        Column::new("Samples"),
        Column::with_unit(format!("Generalized by {}", rule.of_items()), "step"),
        Column::new("Items"),
        Column::with_unit("Delay", "steps"),
        Column::new("Score"),
    ]);
    let mut push = |train: Option<&Matched>, test: Option<&Matched>, delay, score| {
        table.push(vec![step(train), count(train), step(test), count(test), delay, score]);
    };
    for (pair, train, test) in pairs(delays) {
        push(Some(train), Some(test), Cell::Integer(pair.delay), Cell::fixed(Some(pair.score), 4));
    }
    for (at, train) in delays.train.iter().enumerate() {
        if !delays.pairs.iter().any(|pair| pair.train == at) {
            push(Some(train), None, Cell::Missing, Cell::Missing);
        }
    }
    for (at, test) in delays.test.iter().enumerate() {
        if !delays.pairs.iter().any(|pair| pair.test == at) {
            push(None, Some(test), Cell::Missing, Cell::Missing);
        }
    }
    table
}

/// Which of the two came first, from their delay in steps.
pub(crate) fn order(delay: i64) -> &'static str {
    if delay < 0 { "generalized first" } else { "memorized first" }
}

/// The dash of a span by its [`order`]: spans of negative delays are dashed.
pub(crate) fn dash() -> Json {
    json!({
        "field": "order", "type": "nominal", "legend": null,
        "scale": { "domain": ["memorized first", "generalized first"], "range": [[1, 0], [4, 3]] },
    })
}

/// Number of pairs with a negative delay.
fn count_backward(matched: &[(&report::Pair, &Matched, &Matched)]) -> u64 {
    matched.iter().filter(|(pair, ..)| pair.delay < 0).count() as u64
}

struct Chart<'a> {
    report: &'a Report,
    domain: &'a Domain,
    index: usize,
    delays: &'a Delays,
    options: &'a ChartOptions,
}

impl Chart<'_> {
    fn look(&self) -> Look {
        Look { theme: self.options.theme, present: self.options.present }
    }

    fn place(&self, group: &Matched) -> Option<u64> {
        self.options.axis.places(self.report).get(group.checkpoint).copied()
    }

    fn named(&self, group: &Matched) -> String {
        chart::place_name(self.report, self.options.axis, group.checkpoint)
    }

    fn spans(&self) -> Option<Figure> {
        let (mut spans, mut ends) = (Vec::new(), Vec::new());
        let mut matched: Vec<_> = pairs(self.delays).collect();
        matched.sort_by_key(|(_, train, test)| (train.checkpoint, test.checkpoint));
        for (row, (pair, train, test)) in matched.iter().enumerate() {
            let (Some(from), Some(to)) = (self.place(train), self.place(test)) else { continue };
            let facts = |x: u64, what: &str, count: usize| {
                json!({
                    "row": row, "x": x, "x2": to, "order": order(pair.delay), "what": what, "count": count, "label": number::count(count as u64),
                    "memorized": format!("{}, {}", self.named(train), chart::counted(train.count as u64, "sample")),
                    "generalized": format!("{}, {}", self.named(test), chart::counted(test.count as u64, "item")),
                    "delay": format!("{} steps", number::signed(pair.delay)), "score": number::plain(pair.score),
                })
            };
            spans.push(facts(from, "memorized", train.count));
            ends.push(facts(from, "memorized", train.count));
            ends.push(facts(to, "generalized", test.count));
        }
        if spans.is_empty() {
            return None;
        }
        let rows = matched.len();
        let title = format!("Memorization and generalization of matched groups: {}", self.domain.name);
        let rule = self.report.settings.onset_rule;
        let marks = format!(
            "● samples with the same {} · ◆ matched items with the same {} · numbers: group sizes{}",
            rule.of_samples(),
            rule.of_items(),
            if count_backward(&matched) > 0 { " · dashed: generalized first" } else { "" }
        );
        let certainty = certainty(self.report, self.domain).unwrap_or_else(|| totals(self.delays));
        let subtitle = chart::subtitle([certainty.as_str(), &marks]);
        let summary = self.summary(&title, &matched);
        let look = self.look();
        let color = palette::domain(self.index, self.options.theme).color;
        let tooltip = [
            chart::tip("memorized", "Memorized"),
            chart::tip("generalized", "Generalized"),
            chart::tip("delay", "Delay"),
            chart::tip("score", "Score"),
        ];
        let x = self.options.axis.encoding(self.report, "x");
        let y = json!({ "field": "row", "type": "ordinal", "axis": null, "sort": "ascending" });
        let label = |what: &str| {
            json!({
                "data": { "name": "ends" },
                "transform": [{ "filter": format!("datum.what === '{what}'") }],
                "mark": { "type": "text", "baseline": "bottom", "dy": look.size(-7.0), "fontSize": look.size(10.0), "color": look.theme.quiet() },
                "encoding": { "x": x, "y": y, "text": { "field": "label", "type": "nominal" } },
            })
        };
        let body = json!({
            "width": chart::width(self.options.width),
            "height": look.size(30.0) * rows as f64,
            "autosize": chart::autosize(),
            "datasets": { "spans": spans, "ends": ends },
            "layer": [
                {
                    "data": { "name": "spans" },
                    "mark": { "type": "rule", "color": color, "strokeWidth": look.size(2.5), "opacity": 0.5 },
                    "encoding": { "x": x, "x2": { "field": "x2" }, "y": y, "strokeDash": dash(), "tooltip": tooltip },
                },
                {
                    "data": { "name": "ends" },
                    "mark": { "type": "point", "filled": true, "opacity": 1, "color": color },
                    "encoding": {
                        "x": x, "y": y, "tooltip": tooltip,
                        "shape": {
                            "field": "what", "type": "nominal", "legend": null,
                            "scale": { "domain": ["memorized", "generalized"], "range": ["circle", "diamond"] },
                        },
                        "size": {
                            "field": "count", "type": "quantitative", "legend": null,
                            "scale": { "type": "sqrt", "zero": true, "rangeMin": look.size(30.0), "rangeMax": look.size(220.0) },
                        },
                    },
                },
                label("memorized"),
                label("generalized"),
            ],
        });
        let frame = Frame { title: &title, subtitle: &subtitle, description: &summary, look };
        let spec = chart::specification(&frame, &body);
        Some(Figure { id: "delays".into(), title, spec, table: table(self.report, self.delays), summary })
    }

    fn summary(&self, title: &str, matched: &[(&report::Pair, &Matched, &Matched)]) -> String {
        let mut delays: Vec<i64> = matched.iter().map(|(pair, ..)| pair.delay).collect();
        delays.sort_unstable();
        let (Some(least), Some(most)) = (delays.first(), delays.last()) else { return title.to_owned() };
        let certainty =
            certainty(self.report, self.domain).map(|text| format!("{text}. ")).unwrap_or_default();
        let backward = match count_backward(matched) {
            0 => String::new(),
            backward => format!(
                " In {} of them, the items were generalized before the samples were memorized.",
                number::count(backward)
            ),
        };
        format!(
            "{title}, {}.{backward} {certainty}Delays range from {} to {} steps. Scores: {}.",
            chart::counted(matched.len() as u64, "matched pair"),
            number::signed(*least),
            number::signed(*most),
            compared_by(self.report, self.delays),
        )
    }

    fn scores(&self) -> Option<Figure> {
        let mut cells = Vec::new();
        let rule = self.report.settings.onset_rule;
        let memorized = format!("Memorized by {}", rule.of_samples());
        let mut columns = vec![Column::with_unit(memorized, "step"), Column::new("Samples")];
        let test = self.delays.test.iter();
        columns.extend(test.map(|test| Column::new(format!("{} {}", rule.of_items(), self.named(test)))));
        let mut table = Table::new(columns);
        for (at, train) in self.delays.train.iter().enumerate() {
            let step = self.report.checkpoints.get(train.checkpoint);
            let mut row = vec![
                step.map_or(Cell::Missing, |found| Cell::count(found.step)),
                Cell::count(train.count as u64),
            ];
            for (column, test) in self.delays.test.iter().enumerate() {
                let score = self
                    .delays
                    .scores
                    .get(at)
                    .and_then(|row| row.get(column))
                    .copied()
                    .filter(|score| score.is_finite());
                row.push(Cell::fixed(score, 4));
                if let (Some(score), Some(x), Some(y)) = (score, self.place(test), self.place(train)) {
                    let chosen = self.delays.pairs.iter().any(|pair| pair.train == at && pair.test == column);
                    cells.push(json!({
                        "x": x, "y": y, "score": score, "says": number::fixed(score, 4), "chosen": chosen,
                        "memorized": self.named(train), "generalized": self.named(test),
                        "matched": if chosen { "yes" } else { "no" },
                    }));
                }
            }
            table.push(row);
        }
        if cells.is_empty() {
            return None;
        }
        let title = format!("Matching scores: {}", self.domain.name);
        let by = compared_by(self.report, self.delays);
        let totals = totals(self.delays);
        let certainty =
            certainty(self.report, self.domain).map(|text| format!(" {text}.")).unwrap_or_default();
        let summary = format!("{title}: {by}; {totals}.{certainty}");
        let look = self.look();
        let frame = Frame {
            title: &title,
            subtitle: &chart::subtitle(["circled: matched", by]),
            description: &summary,
            look,
        };
        Some(Figure {
            id: "delay-scores".into(),
            spec: chart::specification(&frame, &self.score_body(&cells)),
            title,
            table,
            summary,
        })
    }

    fn score_body(&self, cells: &[Json]) -> Json {
        let look = self.look();
        let axis = if self.options.axis == Axis::Tokens { Axis::Tokens } else { Axis::Step };
        let rows = self.delays.train.len() as f64;
        let place = |field: &str, title: &str| {
            json!({
                "field": field, "type": "ordinal", "sort": "ascending", "scale": { "padding": 0 },
                "axis": { "title": title, "labelExpr": SHORT, "labelAngle": 0, "labelOverlap": "greedy" },
            })
        };
        let unit = if axis.or_step(self.report) == Axis::Tokens { "tokens" } else { "step" };
        let rule = self.report.settings.onset_rule;
        let x = place("x", &format!("Generalized by {} ({unit})", rule.of_items()));
        let y = place("y", &format!("Memorized by {} ({unit})", rule.of_samples()));
        json!({
            "width": chart::width(self.options.width),
            "height": (look.size(26.0) * rows).clamp(look.size(80.0), look.size(420.0)),
            "autosize": chart::autosize(),
            "data": { "values": cells },
            "layer": [
                {
                    "mark": { "type": "rect" },
                    "encoding": {
                        "x": x, "y": y,
                        "color": {
                            "field": "score", "type": "quantitative", "scale": { "scheme": "viridis", "zero": false, "nice": false },
                            "legend": {
                                "title": "Mean cosine", "gradientLength": look.size(180.0), "gradientThickness": look.size(8.0), "tickCount": 4, "labelExpr": PLAIN,
                            },
                        },
                        "tooltip": [
                            chart::tip("memorized", "Memorized by"),
                            chart::tip("generalized", "Generalized by"),
                            chart::tip("says", "Mean cosine"),
                            chart::tip("matched", "Matched"),
                        ],
                    },
                },
                {
                    "transform": [{ "filter": "datum.chosen" }],
                    // A black circle on a white one is visible on every colour.
                    "mark": { "type": "point", "shape": "circle", "filled": false, "stroke": "#ffffff", "strokeWidth": look.size(4.0), "size": look.size(90.0), "opacity": 1 },
                    "encoding": { "x": x, "y": y },
                },
                {
                    "transform": [{ "filter": "datum.chosen" }],
                    "mark": { "type": "point", "shape": "circle", "filled": false, "stroke": "#000000", "strokeWidth": look.size(1.75), "size": look.size(90.0), "opacity": 1 },
                    "encoding": { "x": x, "y": y },
                },
            ],
        })
    }
}
