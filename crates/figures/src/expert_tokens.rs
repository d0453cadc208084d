//! The tokens that one expert selects most (docs/metrics.md#experts-of-single-tokens).

use report::{ExpertTokens, Report, TokenCount};
use wire::{Json, json};

use crate::{
    axis::Axis,
    chart::{self, Frame},
    figure::{ChartOptions, Figure},
    number, palette,
    table::{Cell, Column, Table},
    theme::Look,
    tokens::counted_name,
};

/// Tokens drawn; the table has all.
const DRAWN: usize = 15;

/// Bars of the tokens that an expert of a layer selects most, in a domain at a checkpoint; of the expert
/// that is selected most if none is named.
///
/// # Errors
/// A sentence if there are no such tokens.
pub fn expert_tokens(
    report: &Report,
    domain: &str,
    checkpoint: usize,
    layer: usize,
    expert: Option<usize>,
    found: &ExpertTokens,
    options: &ChartOptions,
) -> Result<Figure, String> {
    let busiest = || (0..found.selections.len()).rev().max_by_key(|&expert| found.selections[expert]);
    let expert = expert.or_else(busiest).unwrap_or(0);
    let place = chart::place_name(report, Axis::Step, checkpoint);
    let selections = match found.selections.get(expert) {
        Some(&selections) if selections > 0 => selections,
        Some(_) => {
            return Err(format!(
                "Expert {expert} of layer {layer} is never selected in {domain} at {place}."
            ));
        }
        None => {
            return Err(format!("Layer {layer} has no expert {expert}: it has {}.", found.selections.len()));
        }
    };
    let top = found.top.get(expert).map_or(&[][..], Vec::as_slice);
    let share = |token: &TokenCount| token.count as f64 / selections as f64;
    let title = format!("Tokens of expert {expert} in layer {layer}, {place}: {domain}");
    let samples = if found.samples < found.of {
        format!(
            "{} of {} samples{}",
            number::count(found.samples as u64),
            number::count(found.of as u64),
            if found.samples < found.known {
                ", evenly chosen"
            } else {
                ", those whose token ids match the trace"
            },
        )
    } else {
        chart::counted(found.samples as u64, "sample")
    };
    let of_all = format!("share of the expert’s {}", chart::counted(selections, "selection"));
    let subtitle = chart::subtitle([of_all.as_str(), &chart::counted(found.tokens, "token"), &samples]);
    let summary = match top.first() {
        Some(first) => format!(
            "{title}. {} is selected most: {} times, {} of the expert’s selections.",
            counted_name(first),
            number::count(first.count),
            number::percent(share(first)),
        ),
        None => title.clone(),
    };
    let look = Look { theme: options.theme, present: options.present };
    let index = report.domains.iter().position(|found| found.name == domain).unwrap_or(0);
    let color = palette::domain(index, options.theme).color;
    let rows: Vec<Json> = top
        .iter()
        .take(DRAWN)
        .enumerate()
        .map(|(rank, token)| {
            json!({
                "rank": rank, "share": share(token), "says": counted_name(token), "id": token.token.to_string(),
                "percent": number::percent(share(token)), "count": number::count(token.count),
                "kept": format!("{} of {}", number::count(token.count), number::count(token.occurrences)),
            })
        })
        .collect();
    let names: Vec<String> = top.iter().take(DRAWN).map(counted_name).collect();
    let longest = top.first().map_or(1.0, share);
    let body = json!({
        "width": chart::width(options.width),
        "height": look.size(18.0) * rows.len() as f64,
        "autosize": chart::autosize(),
        "data": { "values": rows },
        // The names are values, never part of an expression.
        "params": [{ "name": "names", "value": names }],
        "encoding": {
            "y": {
                "field": "rank", "type": "ordinal", "sort": "ascending", "title": null,
                "axis": { "labelExpr": "names[datum.value]", "minExtent": look.size(44.0), "maxExtent": look.size(160.0) },
            },
            "x": {
                "field": "share", "type": "quantitative", "scale": { "domain": [0, (longest * 1.15)], "nice": false },
                "axis": { "title": "Share of the expert’s selections", "format": "~%", "tickCount": 5 },
            },
            "tooltip": [chart::tip("says", "Token"), chart::tip("id", "Id"), chart::tip("percent", "Share of the expert’s selections"),
                chart::tip("kept", "Occurrences that select it")],
        },
        "layer": [
            { "mark": { "aria": false, "type": "bar", "color": color } },
            {
                "mark": { "aria": false, "type": "text", "align": "left", "dx": look.size(4.0), "color": look.theme.ink() },
                "encoding": { "text": { "field": "count", "type": "nominal" } },
            },
        ],
    });
    let frame = Frame { title: &title, subtitle: &subtitle, description: &summary, look };
    let spec = chart::specification(&frame, &body);
    Ok(Figure {
        id: "expert-tokens".into(),
        spec,
        title,
        table: table(top, selections, found.tokens),
        summary,
    })
}

fn table(top: &[TokenCount], selections: u64, tokens: u64) -> Table {
    let names =
        ["Token", "Id", "Selections", "Share", "Occurrences", "Share of occurrences", "Share of all tokens"];
    let mut table = Table::new(names.map(Column::new).to_vec());
    for token in top {
        table.push(vec![
            Cell::text(counted_name(token)),
            Cell::count(u64::from(token.token)),
            Cell::count(token.count),
            Cell::fixed(Some(token.count as f64 / selections as f64), 4),
            Cell::count(token.occurrences),
            Cell::fixed(Some(token.count as f64 / token.occurrences as f64), 4),
            Cell::fixed(Some(token.occurrences as f64 / tokens as f64), 4),
        ]);
    }
    table
}
