//! The experts of one layer: how often each is selected, and which are selected together.

use report::{CoactivationPair, Report};
use serde::{Deserialize, Serialize};
use wire::json;

use crate::{
    axis::Axis,
    chart::{self, Frame},
    figure::{ChartOptions, Figure},
    number, palette,
    table::{Cell, Column, Table},
    theme::Look,
};

/// Order of the experts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum ExpertOrder {
    /// By id.
    #[default]
    Id,
    /// By load, highest first.
    Load,
}

/// Strongest co-activations drawn; the table has all that the report has.
const PARTNERS: usize = 12;

/// Load bars of a layer's experts at a checkpoint; `None` without selections.
#[must_use]
pub fn experts(
    report: &Report,
    domain: &str,
    checkpoint: usize,
    layer: usize,
    order: ExpertOrder,
    options: &ChartOptions,
) -> Option<Figure> {
    let found = report.domain(domain)?;
    let counts = found.expert_selections.get(checkpoint)?.as_ref()?.get(layer)?;
    report.checkpoints.get(checkpoint)?;
    let shares = shares(counts)?;
    let even = 1.0 / shares.len() as f64;
    let mut ids: Vec<usize> = (0..shares.len()).collect();
    if order == ExpertOrder::Load {
        ids.sort_by(|&first, &second| counts[second].cmp(&counts[first]).then(first.cmp(&second)));
    }
    let partners = found.coactivation.get(layer).map_or(&[][..], Vec::as_slice);
    let place = chart::place_name(
        report,
        if options.axis == Axis::Tokens { Axis::Tokens } else { Axis::Step },
        checkpoint,
    );
    let title = format!("Experts of layer {layer}, {place}: {}", found.name);
    let busiest = ids
        .iter()
        .copied()
        .max_by(|&first, &second| counts[first].cmp(&counts[second]).then(second.cmp(&first)))?;
    let summary = format!(
        "{title}. Expert {busiest} is selected most, with {} of all selections (uniform share: {}); {} never selected.",
        number::percent(shares[busiest]),
        number::percent(even),
        match counts.iter().filter(|&&count| count == 0).count() {
            1 => "1 expert is".to_owned(),
            count => format!("{} experts are", number::count(count as u64)),
        },
    );
    let look = Look { theme: options.theme, present: options.present };
    let bars: Vec<_> = ids
        .iter()
        .map(|&id| {
            json!({
                "expert": id, "share": shares[id], "says": number::percent(shares[id]), "count": number::count(counts[id]),
            })
        })
        .collect();
    let color = color_of(report, &found.name, options);
    let body = json!({
        "width": chart::width(options.width),
        "autosize": chart::autosize(),
        "height": look.size(150.0),
        "layer": [
            {
                "data": { "values": bars },
                "mark": { "type": "bar", "color": color },
                "encoding": {
                    "x": {
                        "field": "expert", "type": "ordinal", "title": "Expert", "sort": ids,
                        "axis": { "labelAngle": 0, "labelOverlap": "greedy", "ticks": false },
                    },
                    "y": {
                        "field": "share", "type": "quantitative",
                        "axis": { "title": "Share of selections", "format": "~%", "tickCount": 4 }, "scale": { "zero": true },
                    },
                    "tooltip": [
                        { "field": "expert", "type": "ordinal", "title": "Expert" },
                        chart::tip("says", "Share"),
                        chart::tip("count", "Selections"),
                    ],
                },
            },
            {
                "data": { "values": [{ "even": even, "says": number::percent(even) }] },
                "mark": { "type": "rule", "strokeDash": [4, 3], "color": look.theme.ink() },
                "encoding": {
                    "y": { "field": "even", "type": "quantitative" },
                    "tooltip": [chart::tip("says", "Uniform share")],
                },
            },
        ],
    });
    let subtitle = "share of the layer’s selections · dashed: uniform share";
    let frame = Frame { title: &title, subtitle, description: &summary, look };
    let table = table(&ids, counts, &shares, partners);
    Some(Figure { id: "experts".into(), spec: chart::specification(&frame, &body), title, table, summary })
}

/// The strongest co-activations of one layer at the last checkpoint, as bars; `None` if the report has none.
#[must_use]
pub fn coactivation(report: &Report, domain: &str, layer: usize, options: &ChartOptions) -> Option<Figure> {
    let found = report.domain(domain)?;
    let mut partners: Vec<&CoactivationPair> =
        found.coactivation.get(layer)?.iter().filter(|pair| pair.probability.is_finite()).collect();
    partners.sort_by(|first, second| second.probability.total_cmp(&first.probability));
    let strongest = partners.first()?;
    let title = format!("Co-activation in layer {layer}: {}", found.name);
    let summary = format!(
        "{title}, at the last checkpoint. When expert {} is selected, expert {} is also selected in {} of the cases.",
        strongest.first,
        strongest.second,
        number::percent(strongest.probability),
    );
    let mut table = Table::new(["Expert", "Partner", "P(partner | expert)"].map(Column::new).to_vec());
    for pair in &partners {
        table.push(vec![
            Cell::count(pair.first as u64),
            Cell::count(pair.second as u64),
            Cell::fixed(Some(pair.probability), 3),
        ]);
    }
    let rows: Vec<_> = partners
        .iter()
        .take(PARTNERS)
        .map(|pair| {
            json!({
                "pair": format!("{} → {}", pair.first, pair.second), "probability": pair.probability,
                "says": number::percent(pair.probability),
            })
        })
        .collect();
    let look = Look { theme: options.theme, present: options.present };
    let body = json!({
        "width": chart::width(options.width),
        "height": look.size(18.0) * rows.len() as f64,
        "autosize": chart::autosize(),
        "data": { "values": rows },
        "mark": { "type": "bar", "color": color_of(report, &found.name, options) },
        "encoding": {
            "y": { "field": "pair", "type": "nominal", "title": null, "sort": null },
            "x": {
                "field": "probability", "type": "quantitative", "scale": { "domain": [0, 1] },
                "axis": { "title": "P(second selected | first selected)", "format": "~%", "tickCount": 5 },
            },
            "tooltip": [chart::tip("pair", "Experts"), chart::tip("says", "Probability")],
        },
    });
    let subtitle = "how often the second expert is selected when the first is, at the last checkpoint";
    let frame = Frame { title: &title, subtitle, description: &summary, look };
    Some(Figure {
        id: "coactivation".into(),
        spec: chart::specification(&frame, &body),
        title,
        table,
        summary,
    })
}

/// The colour of the domain with that name.
fn color_of(report: &Report, name: &str, options: &ChartOptions) -> &'static str {
    let index = report.domains.iter().position(|domain| domain.name == name).unwrap_or(0);
    palette::domain(index, options.theme).color
}

/// Every expert's share of the selections; `None` without selections.
fn shares(counts: &[u64]) -> Option<Vec<f64>> {
    let all: u128 = counts.iter().map(|&count| u128::from(count)).sum();
    (all > 0).then(|| counts.iter().map(|&count| count as f64 / all as f64).collect())
}

/// One row per expert, with its strongest partner, if known.
fn table(ids: &[usize], counts: &[u64], shares: &[f64], partners: &[CoactivationPair]) -> Table {
    let mut table = Table::new(vec![
        Column::new("Expert"),
        Column::new("Selections"),
        Column::new("Share"),
        Column::new("Strongest partner"),
        Column::new("P(partner | expert)"),
    ]);
    for &id in ids {
        let partner = partners
            .iter()
            .filter(|pair| pair.first == id)
            .max_by(|a, b| a.probability.total_cmp(&b.probability));
        table.push(vec![
            Cell::count(id as u64),
            counts.get(id).map_or(Cell::Missing, |&count| Cell::count(count)),
            Cell::fixed(shares.get(id).copied(), 4),
            partner.map_or(Cell::Missing, |pair| Cell::count(pair.second as u64)),
            Cell::fixed(partner.map(|pair| pair.probability), 3),
        ]);
    }
    table
}
