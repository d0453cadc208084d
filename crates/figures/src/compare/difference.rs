//! The difference of two runs, B − A, with its unpaired 95 % interval (docs/metrics.md#difference-of-two-runs).

use std::collections::BTreeMap;

use report::{Band, Group, Metric, Report, derive, metrics::MetricUnit};
use wire::json;

use super::{
    channels, horizontal,
    metrics::{course, group_of, places},
    titled,
};
use crate::{
    axis::{Axis, PLAIN},
    chart::{self, Frame},
    figure::Figure,
    number, series,
    table::{Cell, Column, Table},
    theme::Look,
    timeline::TimelineOptions,
};

/// Values of both runs at a checkpoint of each.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pair {
    /// Values of A and B.
    pub values: [Option<f64>; 2],
    /// B − A.
    pub difference: Option<f64>,
    /// Half width of the 95 % interval of the difference.
    pub half: Option<f64>,
}

/// The half width of each value's 95 % interval, `[C]`, where the report has one or a standard error.
fn half_widths(report: &Report, domain: &str, metric: &Metric, group: Group) -> Vec<Option<f64>> {
    let checkpoints = 0..report.checkpoints.len();
    if let Band::HalfWidth(id) = metric.band {
        let half = report.course(domain, id, group_of(metric, group));
        return checkpoints.map(|at| series::at(&half?.values, at)).collect();
    }
    let errors = course(report, domain, metric, group).and_then(|course| {
        let n = course.n.or_else(|| report.domain(domain).map(|domain| domain.samples as u64))?;
        // The quantile takes a bisection, so it is computed once.
        Some((course.se.as_ref()?, derive::half_width_of_mean(1.0, n)?))
    });
    checkpoints.map(|at| errors.and_then(|(se, unit)| Some(unit * series::at(se, at)?))).collect()
}

/// Whether values of both runs are in one unit.
pub(super) fn is_one_unit([a, b]: [&Report; 2], metric: &Metric) -> bool {
    metric.unit != MetricUnit::Pathway || a.settings.unit == b.settings.unit
}

/// The values of a domain at each pair of checkpoints, given by their indices in A and B.
pub(super) fn pairs(
    runs: [&Report; 2],
    domain: &str,
    metric: &Metric,
    group: Group,
    at: &[[usize; 2]],
) -> Vec<Pair> {
    let courses = runs.map(|report| course(report, domain, metric, group));
    let halves = runs.map(|report| half_widths(report, domain, metric, group));
    let is_one_unit = is_one_unit(runs, metric);
    let pair = |&[in_a, in_b]: &[usize; 2]| {
        let value = |run: usize, at: usize| series::at(&courses.get(run)?.as_ref()?.values, at);
        let half = |run: usize, at: usize| halves.get(run)?.get(at).copied().flatten();
        let (a, b) = (value(0, in_a), value(1, in_b));
        let difference = a.zip(b).filter(|_| is_one_unit).and_then(|(a, b)| series::finite(b - a));
        let half = half(0, in_a).zip(half(1, in_b)).map(|(a, b)| libm::hypot(a, b));
        Pair {
            values: [a, b],
            difference,
            half: half.filter(|half| half.is_finite() && difference.is_some()),
        }
    };
    at.iter().map(pair).collect()
}

/// The checkpoints at steps of both runs, in the order of A: their indices in A and B.
fn common([a, b]: [&Report; 2]) -> Vec<[usize; 2]> {
    let of_b: BTreeMap<u64, usize> =
        b.checkpoints.iter().enumerate().map(|(at, checkpoint)| (checkpoint.step, at)).collect();
    let of_a = a.checkpoints.iter().enumerate();
    of_a.filter_map(|(at, checkpoint)| Some([at, *of_b.get(&checkpoint.step)?])).collect()
}

/// The chart of the difference over the steps of both runs; why there is none as a sentence.
pub(super) fn difference(
    runs: [&Report; 2],
    metric: &Metric,
    options: &TimelineOptions,
) -> Result<Figure, String> {
    let none = |why: &str| Err(format!("{} has no difference: {why}.", metric.name));
    if !is_one_unit(runs, metric) {
        let [a, b] = runs.map(|report| chart::unit(report, metric).unwrap_or_default());
        return none(&format!("its unit is {a} in A and {b} in B"));
    }
    let at = common(runs);
    if at.is_empty() {
        return none("no step is a checkpoint of both runs");
    }
    // Both runs may have seen another number of tokens by the same step.
    let tokens = |axis: Axis| runs.map(|report| axis.places(report));
    let [of_a, of_b] = tokens(options.axis);
    let is_shared = runs.iter().all(|report| options.axis.is_available(report))
        && at.iter().all(|&[a, b]| of_a.get(a) == of_b.get(b));
    let axis = if is_shared { options.axis } else { Axis::Step };
    let [positions, _] = tokens(axis);
    let unit = chart::unit(runs[0], metric).map(str::to_owned);
    let in_unit = |name: &str| Column { name: name.to_owned(), unit: unit.clone() };
    let mut table = Table::new(vec![
        Column::new("Domain"),
        Column::new("Step"),
        in_unit("A"),
        in_unit("B"),
        in_unit("B − A"),
        in_unit("95 % half width"),
    ]);
    let (mut rows, mut shown, mut sentences) = (Vec::new(), Vec::new(), Vec::new());
    let mut has_interval = false;
    for place in places(runs, metric, &options.hidden) {
        let found = pairs(runs, place.domain, metric, options.group, &at);
        let drawn: Vec<_> = at
            .iter()
            .zip(&found)
            .filter_map(|(&[in_a, _], pair)| Some((in_a, pair, pair.difference?)))
            .collect();
        let (Some(&(_, _, first)), Some(&(_, _, last))) = (drawn.first(), drawn.last()) else { continue };
        shown.push((place.name, place.index));
        let mut sentence = format!("{} from {} to {}", place.name, number::plain(first), number::plain(last));
        let without_zero =
            drawn.iter().filter(|(_, pair, value)| pair.half.is_some_and(|half| half < value.abs()));
        let intervals = drawn.iter().filter(|(_, pair, _)| pair.half.is_some()).count();
        if intervals > 0 {
            has_interval = true;
            sentence += &format!(", {} of {intervals} intervals without 0", without_zero.count());
        }
        sentences.push(sentence);
        for (in_a, pair, value) in drawn {
            let Some(&x) = positions.get(in_a) else { continue };
            let bounds = pair.half.map(|half| (value - half, value + half));
            let interval = bounds.map(|(low, high)| {
                format!(" (95 % interval {} to {})", number::plain(low), number::plain(high))
            });
            rows.push(json!({
                "x": x, "domain": (place.name), "value": value,
                "low": (bounds.map(|(low, _)| low)), "high": (bounds.map(|(_, high)| high)),
                "place": (chart::place_name(runs[0], axis, in_a)),
                "says": (number::plain(value) + &interval.unwrap_or_default()),
            }));
            let step = runs[0].checkpoints.get(in_a).map_or(Cell::Missing, |found| Cell::count(found.step));
            let [a, b] = pair.values.map(Cell::number);
            let (name, value) = (Cell::text(place.name), Cell::number(Some(value)));
            table.push(vec![name, step, a, b, value, Cell::number(pair.half)]);
        }
    }
    if rows.is_empty() {
        return none("no shown domain has a value of both runs at one step");
    }
    let title = format!("{}, B − A", titled(metric, options.group));
    let summary =
        format!("{title}, at {}: {}.", chart::counted(at.len() as u64, "common step"), sentences.join("; "));
    let interval = if has_interval {
        "band: 95 % interval of each step, unpaired, because reports hold no values of single samples"
    } else {
        "no interval: the reports hold no standard error of this metric"
    };
    let subtitle = chart::subtitle(["at the steps of both runs", interval]);
    let look = Look { theme: options.theme, present: options.present };
    let measure = match &unit {
        Some(unit) => format!("B − A ({unit})"),
        None => "B − A".to_owned(),
    };
    let x = horizontal(runs, axis);
    let y = |field: &str| {
        json!({
            "field": field, "type": "quantitative", "scale": { "zero": false },
            "axis": { "title": measure, "tickCount": 4, "labelExpr": PLAIN },
        })
    };
    let [color, shape] = channels(&shown, options.theme);
    let zero = json!({
        "data": { "values": [{ "value": 0 }] },
        "mark": { "aria": false, "type": "rule", "color": (look.theme.quiet()) }, "encoding": { "y": y("value") },
    });
    let mut layers = vec![zero];
    if has_interval {
        // An area does not show an interval without neighbours; the rules do.
        let mut encoding =
            json!({ "x": x.clone(), "y": y("low"), "y2": { "field": "high" }, "color": color.clone() });
        layers.push(json!({ "mark": { "aria": false, "type": "area", "opacity": 0.18 }, "encoding": encoding.clone() }));
        encoding.set("opacity", json!({ "value": 0.35 }));
        layers.push(json!({ "mark": { "aria": false, "type": "rule" }, "encoding": encoding }));
    }
    layers.push(json!({
        "mark": { "aria": false, "type": "line", "strokeWidth": (look.size(2.0)) },
        "encoding": { "x": x.clone(), "y": y("value"), "color": color.clone() },
    }));
    let tooltip = [("domain", "Domain"), ("place", "Checkpoint"), ("says", "B − A")]
        .map(|(field, title)| chart::tip(field, title));
    layers.push(json!({
        "mark": { "aria": false, "type": "point", "filled": true, "size": (look.size(34.0)), "opacity": 1 },
        "encoding": { "x": x, "y": y("value"), "color": color, "shape": shape, "tooltip": tooltip },
    }));
    let body = json!({
        "width": (chart::width(options.width)), "height": (look.size(260.0)), "autosize": (chart::autosize()),
        "data": { "values": rows }, "layer": layers,
    });
    let frame = Frame { title: &title, subtitle: &subtitle, description: &summary, look };
    let spec = chart::specification(&frame, &body);
    Ok(Figure { id: format!("difference-{}", metric.id.replace('_', "-")), title, spec, table, summary })
}
