//! Experts of a sample's tokens, early and late (docs/metrics.md#experts-of-single-tokens), one chart
//! per checkpoint.

use report::{Report, TokenCount, TokenExperts};
use wire::{Json, json};

use crate::{
    axis::Axis,
    chart::{self, Frame},
    figure::{ChartOptions, Figure},
    number, palette,
    table::{Cell, Column, Table},
    theme::Look,
};

/// Tokens of one chart; more would leave no room for the numbers of experts.
pub const TOKENS_SHOWN: usize = 24;

/// Characters of all names under a chart that fit side by side; more are turned.
const WIDE: usize = 48;

/// Characters of a token's text that are shown.
const LONGEST: usize = 24;

/// Charts of the experts of a sample's tokens at two checkpoints, given by index with what they hold:
/// first expert by token and layer, with a frame in the later chart where it is not that of the early
/// one. They show [`TOKENS_SHOWN`] tokens from `from` on, or the last ones. Checkpoints that cannot be
/// compared have no frames.
#[must_use]
pub fn tokens(
    report: &Report,
    early: Option<(usize, &TokenExperts)>,
    late: Option<(usize, &TokenExperts)>,
    from: usize,
    options: &ChartOptions,
) -> Vec<Figure> {
    let flips = early.zip(late).and_then(|((_, early), (_, late))| late.flips(early).ok());
    let before = early.map(|(at, found)| (chart::place_name(report, Axis::Step, at), found));
    let both = [(early, "tokens-early", None), (late, "tokens-late", flips.as_deref())];
    let drawn = both.into_iter().filter_map(|(found, id, flips)| {
        let (at, found) = found.filter(|(at, found)| *at < report.checkpoints.len() && found.tokens() > 0)?;
        let title = format!("Tokens at {}: {}", chart::place_name(report, Axis::Step, at), found.sample.id);
        let before =
            before.as_ref().zip(flips).map(|((place, before), flips)| Before { place, before, flips });
        Some(Sheet::new(found, before, from).figure(id, title, options))
    });
    drawn.collect()
}

/// The name of a token: its text, or its id.
pub(crate) fn name(id: u32, word: Option<&str>) -> String {
    match word {
        Some(word) if word.chars().count() > LONGEST => word.chars().take(LONGEST - 1).chain(['…']).collect(),
        Some(word) => word.to_owned(),
        None => format!("id {id}"),
    }
}

/// The name of a counted token.
pub(crate) fn counted_name(token: &TokenCount) -> String {
    name(token.token, token.word.as_deref())
}

/// The checkpoint that a chart is compared with.
struct Before<'a> {
    place: &'a str,
    before: &'a TokenExperts,
    /// `[T,L]`.
    flips: &'a [bool],
}

/// The tokens of one chart.
struct Sheet<'a> {
    found: &'a TokenExperts,
    before: Option<Before<'a>>,
    start: usize,
    end: usize,
    /// Names of the tokens shown; empty if unknown.
    names: Vec<String>,
}

impl<'a> Sheet<'a> {
    fn new(found: &'a TokenExperts, before: Option<Before<'a>>, from: usize) -> Self {
        let start = from.min(found.tokens().saturating_sub(TOKENS_SHOWN));
        let end = found.tokens().min(start + TOKENS_SHOWN);
        let mut words = found.names.iter().flat_map(|names| names.words()).skip(start);
        let ids = found.names.as_ref().and_then(|names| names.ids.get(start..end));
        let names = ids.unwrap_or_default().iter().map(|&id| name(id, words.next())).collect();
        Self { found, before, start, end, names }
    }

    /// All places of the tokens shown, as token and layer.
    fn places(&self) -> impl Iterator<Item = (usize, usize)> {
        (self.start..self.end).flat_map(|token| (0..self.found.layers).map(move |layer| (token, layer)))
    }

    fn flipped(&self, token: usize, layer: usize) -> bool {
        let place = token * self.found.layers + layer;
        self.before.as_ref().is_some_and(|before| before.flips.get(place) == Some(&true))
    }

    /// A token as text: its position, and its name where it is known.
    fn token(&self, token: usize) -> String {
        match self.names.get(token - self.start) {
            Some(name) => format!("{token}: {name}"),
            None => token.to_string(),
        }
    }

    /// How many first experts differ, of all tokens of the sample.
    fn flips(&self) -> Option<String> {
        let before = self.before.as_ref()?;
        let (all, flips) = (before.flips.len(), before.flips.iter().filter(|&&flip| flip).count());
        let ordered = self.found.ordered && before.before.ordered;
        Some(format!(
            "outlined: {} of {} {} ({}) differ from {}",
            number::count(flips as u64),
            number::count(all as u64),
            if ordered || self.found.k == 1 { "first experts" } else { "sets of experts" },
            number::percent(flips as f64 / all.max(1) as f64),
            before.place,
        ))
    }

    fn figure(&self, id: &str, title: String, options: &ChartOptions) -> Figure {
        let found = self.found;
        let tokens = found.tokens();
        let flips = self.flips();
        let shown = match tokens {
            _ if self.end - self.start == tokens => chart::counted(tokens as u64, "token"),
            _ => format!("tokens {} to {} of {}", self.start, self.end - 1, number::count(tokens as u64)),
        };
        let which = match (found.ordered, found.k) {
            (true, _) | (false, 1) => "first expert of each".to_owned(),
            (false, k) => format!("lowest of {k} experts, which have no order"),
        };
        let subtitle = chart::subtitle([shown.as_str(), &which, flips.as_deref().unwrap_or_default()]);
        let ending =
            flips.map(|flips| format!(" {}.", flips.replacen("outlined", "Outlined", 1))).unwrap_or_default();
        let layers = chart::counted(found.layers as u64, "layer");
        let summary = format!("{title}, domain {}. {shown}, {layers}, {which}.{ending}", found.sample.domain);
        let look = Look { theme: options.theme, present: options.present };
        let frame = Frame { title: &title, subtitle: &subtitle, description: &summary, look };
        let spec = chart::specification(&frame, &self.body(look, options.width));
        Figure { id: id.into(), spec, title, table: self.table(), summary }
    }

    fn body(&self, look: Look, width: Option<u32>) -> Json {
        let most = look.size(if look.present { 270.0 } else { 480.0 });
        let named = !self.names.is_empty();
        let longest = self.names.iter().map(|name| name.chars().count() + 1).max().unwrap_or(0);
        let upright = longest * self.names.len() > WIDE;
        let axis = json!({
            "title": "Token", "labelAngle": (if upright { -90 } else { 0 }), "labelLimit": look.size(90.0),
            "labelOverlap": "greedy", "ticks": false, "domain": false,
            // The names are values, never part of an expression.
            "labelExpr": (if named { format!("names[datum.value - {}]", self.start) } else { "datum.label".to_owned() }),
        });
        let x = json!({ "field": "token", "type": "ordinal", "sort": "ascending", "axis": axis, "scale": { "paddingInner": 0.08 } });
        let y = json!({ "field": "layer", "type": "ordinal", "sort": "ascending", "title": "Layer",
            "axis": { "labelOverlap": "greedy" }, "scale": { "paddingInner": 0.12 } });
        let mut tips =
            vec![chart::tip("says", "Token"), chart::tip("layer", "Layer"), chart::tip("experts", "Experts")];
        if let Some(before) = &self.before {
            tips.push(chart::tip("before", &format!("Experts at {}", before.place)));
        }
        json!({
            "width": chart::width(width),
            "height": (look.size(20.0) * self.found.layers as f64).clamp(look.size(60.0), most),
            "autosize": chart::autosize(),
            "data": { "values": self.rows(look) },
            "params": [{ "name": "names", "value": &self.names }],
            "encoding": { "x": x, "y": y, "tooltip": tips },
            "layer": [
                {
                    "mark": { "aria": false, "type": "rect" },
                    "encoding": {
                        "color": { "field": "fill", "type": "nominal", "scale": null },
                        "stroke": { "condition": { "test": "datum.flip", "value": look.theme.ink() }, "value": null },
                        "strokeWidth": { "value": look.size(2.0) },
                    },
                },
                {
                    "mark": { "aria": false, "type": "text", "color": look.theme.ink(),
                        "fontSize": { "expr": format!("min({}, width / {})", look.size(11.0), 2 * (self.end - self.start).max(1)) } },
                    "encoding": { "text": { "field": "expert", "type": "nominal" } },
                },
            ],
        })
    }

    fn rows(&self, look: Look) -> Vec<Json> {
        let row = |(token, layer): (usize, usize)| {
            let experts = self.found.of(token, layer);
            let first = experts.first().copied().unwrap_or(0);
            let mut row = json!({
                "token": token, "layer": layer, "expert": (usize::from(first)), "fill": palette::expert(first, look.theme),
                "flip": (self.flipped(token, layer)), "says": self.token(token), "experts": listed(experts),
            });
            if let Some(before) = &self.before {
                row.set("before", listed(before.before.of(token, layer)));
            }
            row
        };
        self.places().map(row).collect()
    }

    fn table(&self) -> Table {
        let mut names = vec!["Token", "Name", "Layer", "Experts"];
        if self.before.is_some() {
            names.extend(["Before", "Differs"]);
        }
        let mut table = Table::new(names.into_iter().map(Column::new).collect());
        for (token, layer) in self.places() {
            let name = self.names.get(token - self.start);
            let mut row = vec![
                Cell::count(token as u64),
                name.map_or(Cell::Missing, Cell::text),
                Cell::count(layer as u64),
                Cell::text(listed(self.found.of(token, layer))),
            ];
            if let Some(before) = &self.before {
                row.push(Cell::text(listed(before.before.of(token, layer))));
                row.push(Cell::text(if self.flipped(token, layer) { "yes" } else { "no" }));
            }
            table.push(row);
        }
        table
    }
}

/// Ids with commas between them.
fn listed(experts: &[u16]) -> String {
    experts.iter().map(u16::to_string).collect::<Vec<_>>().join(", ")
}
