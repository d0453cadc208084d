//! Flow of gate mass between the layers (docs/metrics.md#flow), one chart per checkpoint on common
//! scales.

use report::{GroupFlow, Report, StrongestLinks};
use wire::{Json, json};

use crate::{
    axis::Axis,
    chart::{self, Frame},
    figure::{ChartOptions, Figure},
    number, palette,
    table::{Cell, Column, Table},
    theme::Look,
};

/// Links drawn at most; weaker ones are left out, which the subtitle says.
const MOST_LINKS: usize = 600;

/// Experts whose strongest pathway is shown under the pointer, at most; those with most mass.
const MOST_PATHS: usize = 1_024;

/// A link between experts of adjacent layers.
#[derive(Clone, Copy)]
struct Link {
    layer: usize,
    from: usize,
    to: usize,
    mass: f64,
}

/// Least masses of a link that are offered, in uniform shares, ascending.
pub const LEAST_LINKS: [f64; 6] = [1.5, 2.0, 4.0, 8.0, 16.0, 32.0];

/// Charts of the flow of a domain's group at an early and a late checkpoint, given by index; one that
/// is missing has no chart. Links below `least` times the uniform share are left out; without it, the
/// largest of [`LEAST_LINKS`] is used that leaves two links per expert at one of the checkpoints.
/// Empty if the report lacks the domain or the checkpoints.
#[must_use]
pub fn flow(
    report: &Report,
    domain: &str,
    flows: [Option<(usize, &GroupFlow)>; 2],
    least: Option<f64>,
    options: &ChartOptions,
) -> Vec<Figure> {
    let Some(index) = report.domains.iter().position(|found| found.name == domain) else {
        return Vec::new();
    };
    let flows = flows.map(|flow| flow.filter(|(checkpoint, _)| *checkpoint < report.checkpoints.len()));
    let found = || flows.iter().flatten().map(|(_, found)| *found);
    let least = least.unwrap_or_else(|| usual_least(found()));
    let links = flows.map(|flow| flow.map(|(_, found)| Links::of(found, least)));
    let strongest = links.iter().flatten().map(Links::strongest).fold(0.0, f64::max);
    let heaviest = found().flat_map(|found| &found.flow.mass).copied().fold(0.0, f64::max);
    let look = Look { theme: options.theme, present: options.present };
    let color = palette::domain(index, options.theme).color;
    let both = ["flow-early", "flow-late"].into_iter().zip(flows).zip(&links);
    let drawn = both.filter_map(|((id, flow), links)| {
        let ((checkpoint, found), links) = flow.zip(links.as_ref())?;
        let place = chart::place_name(report, Axis::Step, checkpoint);
        let title = format!("Flow at {place}: {domain}");
        let summary = links.summary(found, &title);
        let subtitle = links.subtitle(report, found, least, options);
        let frame = Frame { title: &title, subtitle: &subtitle, description: &summary, look };
        let scales = Scales { strongest, heaviest, color, look, width: options.width };
        let spec = chart::specification(&frame, &scales.body(found, &links.drawn));
        Some(Figure { id: id.into(), spec, title, table: links.table(found), summary })
    });
    drawn.collect()
}

/// The largest offered threshold that leaves two links per expert, or the smallest.
fn usual_least<'a>(flows: impl Iterator<Item = &'a GroupFlow> + Clone) -> f64 {
    let leaves_enough = |least: f64| {
        flows.clone().any(|found| {
            let flow = &found.flow;
            let least = least / (flow.experts * flow.experts) as f64;
            flow.links.iter().filter(|&&mass| mass >= least).count() >= 2 * flow.experts
        })
    };
    let found = LEAST_LINKS.into_iter().rev().find(|&least| leaves_enough(least));
    found.unwrap_or(LEAST_LINKS[0])
}

/// The links of a flow that are drawn.
struct Links {
    /// Strongest first.
    drawn: Vec<Link>,
    /// Links of at least the least mass.
    passing: usize,
}

impl Links {
    fn of(found: &GroupFlow, least: f64) -> Self {
        let flow = &found.flow;
        let block = flow.experts * flow.experts;
        let least = least / block as f64;
        let all = flow.links.iter().enumerate().filter(|&(_, &mass)| mass >= least && mass > 0.0);
        let mut drawn: Vec<Link> = all
            .map(|(at, &mass)| Link {
                layer: at / block,
                from: at % block / flow.experts,
                to: at % flow.experts,
                mass,
            })
            .collect();
        let passing = drawn.len();
        // Equal links stay in the order of layers and experts.
        drawn.sort_by(|a, b| b.mass.total_cmp(&a.mass));
        drawn.truncate(MOST_LINKS);
        Self { drawn, passing }
    }

    fn strongest(&self) -> f64 {
        self.drawn.first().map_or(0.0, |link| link.mass)
    }

    /// Share of all gate mass in the links drawn, as the mean over pairs of layers.
    fn carried(&self, found: &GroupFlow) -> f64 {
        let sum: f64 = self.drawn.iter().map(|link| link.mass).sum();
        sum / found.flow.layers.saturating_sub(1).max(1) as f64
    }

    fn summary(&self, found: &GroupFlow, title: &str) -> String {
        match self.drawn.first() {
            None => format!("{title}. No link reaches the least share."),
            Some(link) => format!(
                "{title}. {} drawn, with {} of the gate mass. The strongest goes from expert {} of layer {} to \
                 expert {} of layer {}, with {}.",
                chart::counted(self.drawn.len() as u64, "link"),
                number::percent(self.carried(found)),
                link.from,
                link.layer,
                link.to,
                link.layer + 1,
                number::percent(link.mass),
            ),
        }
    }

    fn subtitle(&self, report: &Report, found: &GroupFlow, least: f64, options: &ChartOptions) -> String {
        let (drawn, passing) = (number::count(self.drawn.len() as u64), number::count(self.passing as u64));
        let shown = if self.drawn.len() < self.passing {
            format!("the {drawn} strongest of {passing} links with at least {least} times the uniform share")
        } else if self.drawn.is_empty() {
            format!("no link has {least} times the uniform share")
        } else {
            let links = chart::counted(self.drawn.len() as u64, "link");
            format!("{links} with at least {least} times the uniform share")
        };
        let carried = format!("{} of the gate mass", number::percent(self.carried(found)));
        let samples = if (found.flow.samples as usize) < found.of {
            format!(
                "{} of {}, evenly chosen",
                number::count(found.flow.samples),
                chart::of_group(options.group)
            )
        } else {
            chart::of_group(options.group).to_owned()
        };
        chart::subtitle([&shown, &carried, &samples, chart::gate_label(report).unwrap_or_default()])
    }

    fn table(&self, found: &GroupFlow) -> Table {
        let flow = &found.flow;
        let names = ["Layer", "Expert", "Next expert", "Share", "Times uniform", "Product of both shares"];
        let mut table = Table::new(names.map(Column::new).to_vec());
        let uniform = 1.0 / (flow.experts * flow.experts) as f64;
        let mass = |layer: usize, expert: usize| flow.mass.get(layer * flow.experts + expert).copied();
        for link in &self.drawn {
            let both = mass(link.layer, link.from).zip(mass(link.layer + 1, link.to));
            table.push(vec![
                Cell::count(link.layer as u64),
                Cell::count(link.from as u64),
                Cell::count(link.to as u64),
                Cell::number(Some(link.mass)),
                Cell::fixed(Some(link.mass / uniform), 1),
                Cell::number(both.map(|(first, second)| first * second)),
            ]);
        }
        table
    }
}

/// Scales that the charts of a flow share.
struct Scales<'a> {
    /// Mass of the strongest link.
    strongest: f64,
    /// Mass of the heaviest expert.
    heaviest: f64,
    color: &'a str,
    look: Look,
    width: Option<u32>,
}

/// Whether the pointer is over an expert.
const FOCUSED: &str = "isArray(focus.node)";

impl Scales<'_> {
    fn body(&self, found: &GroupFlow, links: &[Link]) -> Json {
        let (flow, look) = (&found.flow, self.look);
        let strongest = flow.strongest();
        // A presented chart fits a window of 720 pixels with its title.
        let most = if look.present { 400.0 } else { 460.0 };
        let height = (14.0 * flow.experts as f64).clamp(220.0, most);
        let x = |title: Option<&str>| {
            let axis = json!({ "title": title, "tickMinStep": 1, "format": "d", "grid": false });
            json!({ "field": "x", "type": "quantitative", "axis": axis,
                "scale": { "domain": [-0.5, (flow.layers as f64 - 0.5)], "nice": false, "zero": false } })
        };
        let y = json!({ "field": "y", "type": "quantitative",
            "axis": { "title": "Expert", "tickMinStep": 1, "format": "d", "grid": false },
            "scale": { "domain": [(flow.experts as f64 - 0.5), -0.5], "nice": false, "zero": false } });
        let focused = format!("{FOCUSED} && (focus.node[0] === datum.a || focus.node[0] === datum.b)");
        let on_path = format!("{FOCUSED} && indexof(datum.on, focus.node[0]) >= 0");
        json!({
            "width": chart::width(self.width),
            "height": height,
            "autosize": chart::autosize(),
            "datasets": {
                "links": link_rows(found, links), "paths": path_rows(found, &strongest),
                "experts": expert_rows(found, &strongest),
            },
            "layer": [
                {
                    "data": { "name": "links" },
                    "mark": { "aria": false, "type": "rule", "color": self.color },
                    "encoding": {
                        "x": x(Some("Layer")), "y": y, "x2": { "field": "x2" }, "y2": { "field": "y2" },
                        "strokeWidth": {
                            "field": "mass", "type": "quantitative", "legend": null,
                            "scale": { "domain": [0, self.strongest], "range": [(look.size(0.5)), (look.size(5.0))] },
                        },
                        "opacity": {
                            "condition": [{ "test": focused, "value": 1 }, { "test": FOCUSED, "value": 0.08 }],
                            "value": 0.45,
                        },
                        "tooltip": [chart::tip("says", "Link"), chart::tip("share", "Share of gate mass"),
                            chart::tip("times", "Times uniform")],
                    },
                },
                {
                    "data": { "name": "paths" },
                    "mark": { "aria": false, "type": "rule", "color": look.theme.ink(), "strokeDash": [5, 3], "strokeWidth": look.size(1.5) },
                    "encoding": {
                        "x": x(Some("Layer")), "y": y, "x2": { "field": "x2" }, "y2": { "field": "y2" },
                        "opacity": { "condition": { "test": on_path, "value": 1 }, "value": 0 },
                    },
                },
                {
                    "data": { "name": "experts" },
                    "params": [{ "name": "focus", "select": {
                        "type": "point", "fields": ["node"], "on": "pointerover", "clear": "pointerout",
                    } }],
                    "mark": { "aria": false, "type": "circle", "color": self.color, "opacity": 1, "stroke": palette::ground(look.theme), "strokeWidth": 0.5 },
                    "encoding": {
                        "x": x(Some("Layer")), "y": y,
                        "size": {
                            "field": "mass", "type": "quantitative", "legend": null,
                            "scale": { "domain": [0, self.heaviest], "range": [(look.size(6.0)), (look.size(120.0))] },
                        },
                        "tooltip": [chart::tip("says", "Expert"), chart::tip("share", "Share of the layer’s gate mass"),
                            chart::tip("path", "Strongest pathway through it")],
                    },
                },
            ],
        })
    }
}

/// The name of an expert in the chart's data: `3:17` is expert 17 of layer 3.
fn node(layer: usize, expert: usize) -> String {
    format!("{layer}:{expert}")
}

fn link_rows(found: &GroupFlow, links: &[Link]) -> Vec<Json> {
    let uniform = (found.flow.experts * found.flow.experts) as f64;
    let row = |link: &Link| {
        let (layer, from, to) = (link.layer, link.from, link.to);
        json!({
            "x": layer, "y": from, "x2": (layer + 1), "y2": to, "mass": (link.mass),
            "a": node(layer, from), "b": node(layer + 1, to),
            "says": format!("layer {layer} expert {from} → layer {} expert {to}", layer + 1),
            "share": number::percent(link.mass),
            "times": number::fixed(link.mass * uniform, 1),
        })
    };
    links.iter().map(row).collect()
}

fn expert_rows(found: &GroupFlow, strongest: &StrongestLinks) -> Vec<Json> {
    let flow = &found.flow;
    let row = |(at, &mass): (usize, &f64)| {
        let (layer, expert) = (at / flow.experts, at % flow.experts);
        let path: Vec<String> =
            strongest.through(layer, expert).iter().map(|expert| format!("{expert}")).collect();
        json!({
            "x": layer, "y": expert, "mass": mass, "node": node(layer, expert),
            "says": format!("layer {layer} expert {expert}"), "share": number::percent(mass),
            "path": path.join(" → "),
        })
    };
    flow.mass.iter().enumerate().map(row).collect()
}

/// Parts of the strongest pathways, each with the experts through which such a pathway passes it.
fn path_rows(found: &GroupFlow, strongest: &StrongestLinks) -> Vec<Json> {
    let flow = &found.flow;
    let mut heaviest: Vec<usize> = (0..flow.mass.len()).collect();
    heaviest.sort_by(|&a, &b| flow.mass[b].total_cmp(&flow.mass[a]).then(a.cmp(&b)));
    let mut parts = std::collections::BTreeMap::<(usize, usize, usize), Vec<String>>::new();
    for at in heaviest.into_iter().take(MOST_PATHS) {
        let (layer, expert) = (at / flow.experts, at % flow.experts);
        let path = strongest.through(layer, expert);
        for (start, pair) in path.windows(2).enumerate() {
            parts.entry((start, pair[0], pair[1])).or_default().push(node(layer, expert));
        }
    }
    let rows = parts.into_iter().map(
        |((layer, from, to), on)| json!({ "x": layer, "y": from, "x2": (layer + 1), "y2": to, "on": on }),
    );
    rows.collect()
}
