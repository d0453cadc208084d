//! Every specification holds its own data under fixed names, whatever the report and its names are.

mod common;

use std::collections::BTreeSet;

use common::{Dice, NASTY, small};
use figures::*;
use proptest::prelude::*;
use report::{Group, Report};
use serde_json::{Map, Value};

/// Every figure of a report, in every look that changes its form.
fn all(report: &Report, axis: Axis, theme: Theme, group: Group) -> Vec<Figure> {
    let options = TimelineOptions { axis, theme, group, ..TimelineOptions::default() };
    let mut figures = timeline(report, &options);
    let options = ChartOptions { axis, theme, group, present: theme == Theme::Dark, width: None };
    for domain in &report.domains {
        figures.extend(
            LayerMeasure::all().filter_map(|measure| layers(report, &domain.name, measure, &options)),
        );
        for at in 0..=report.checkpoints.len() {
            figures.extend(experts(report, &domain.name, at, at % 3, ExpertOrder::Load, &options));
        }
        figures.extend((0..3).filter_map(|layer| coactivation(report, &domain.name, layer, &options)));
        figures.extend(delays(report, &domain.name, &options));
        figures.extend(sweep(report, &domain.name, &options));
    }
    figures
}

#[test]
fn spans_of_negative_delays_are_dashed_and_counted() {
    let options = ChartOptions::default();
    let spans = |report: &Report| {
        let figures = delays(report, &report.domains[0].name, &options);
        let figure = figures.into_iter().find(|figure| figure.id == "delays").expect("a chart of delays");
        let spec: Value = serde_json::from_str(&figure.spec).expect("JSON");
        let order = spec["datasets"]["spans"].as_array().expect("spans").clone();
        let order: Vec<String> =
            order.iter().map(|span| span["order"].as_str().expect("an order").to_owned()).collect();
        (order, figure)
    };
    let mut report = small();
    let (order, figure) = spans(&report);
    assert_eq!(order, ["memorized first", "memorized first"]);
    assert!(!figure.spec.contains("dashed") && !figure.summary.contains("were generalized before"));
    report.domains[0].delays.as_mut().expect("delays").pairs[1].delay = -500;
    let (order, figure) = spans(&report);
    assert_eq!(order, ["memorized first", "generalized first"]);
    assert!(figure.spec.contains("dashed: generalized first"), "{}", figure.spec);
    assert!(
        figure.summary.contains("2 matched pairs. In 1 of them, the items were generalized before"),
        "{}",
        figure.summary
    );
}

#[test]
fn figures_of_selections_say_so_and_never_speak_of_mean_gates() {
    let mut report = small();
    let of_gates = ["distance", "entropy", "layers-layer-distance", "layers-entropy", "sweep"];
    for (kind, by_frequency) in
        [(report::GateKind::SoftmaxMean, false), (report::GateKind::SelectionFrequency, true)]
    {
        report.run.gate_kind = kind;
        let mut said = BTreeSet::new();
        for figure in all(&report, Axis::Step, Theme::Light, Group::All) {
            let text = figure.spec.clone() + &figure.summary;
            assert!(!by_frequency || !text.contains("mean gates"), "{}", figure.id);
            let Some(id) = of_gates.iter().find(|id| figure.id.starts_with(**id)) else { continue };
            assert_eq!(text.contains("selection frequenc"), by_frequency, "{}", figure.id);
            said.insert(*id);
        }
        assert_eq!(said.len(), of_gates.len(), "{said:?}");
        let tables = tables(&report);
        let entropy = tables.iter().find(|named| named.id.starts_with("layers-entropy")).expect("a table");
        assert_eq!(entropy.note.contains("selection frequenc"), by_frequency, "{}", entropy.note);
        assert!(tables.iter().all(|named| !by_frequency || !named.note.contains("mean gates")));
    }
}

#[test]
fn figures_of_sigmoid_gates_name_the_rule() {
    let mut report = small();
    report.run.gate_kind = report::GateKind::SigmoidNormalizedMean;
    for figure in all(&report, Axis::Step, Theme::Light, Group::All) {
        let text = figure.spec.clone() + &figure.summary;
        assert!(!text.contains("selection frequenc"), "{}", figure.id);
        if ["distance", "entropy", "layers-entropy", "sweep"].iter().any(|id| figure.id.starts_with(id)) {
            assert!(text.contains("from normalized sigmoid gates"), "{}", figure.id);
        }
    }
    let tables = tables(&report);
    let entropy = tables.iter().find(|named| named.id.starts_with("layers-entropy")).expect("a table");
    assert!(entropy.note.contains("Made from normalized sigmoid gates."), "{}", entropy.note);
}

/// The only names of fields that a specification may refer to.
fn is_fixed(field: &str) -> bool {
    const FIELDS: [&str; 31] = [
        "x",
        "x2",
        "order",
        "y",
        "end",
        "value",
        "raw",
        "low",
        "high",
        "domain",
        "marked",
        "named",
        "letter",
        "says",
        "place",
        "checkpoint",
        "layer",
        "expert",
        "share",
        "even",
        "count",
        "label",
        "pair",
        "probability",
        "what",
        "row",
        "memorized",
        "generalized",
        "delay",
        "score",
        "mean",
    ];
    let of_domain = field.strip_prefix('t').is_some_and(|index| index.parse::<usize>().is_ok());
    FIELDS.contains(&field) || of_domain || matches!(field, "tau" | "side" | "matched" | "chosen")
}

/// What a specification refers to, and the rows it has for that.
struct Walk<'a> {
    datasets: Option<&'a Map<String, Value>>,
    figure: &'a str,
}

impl<'a> Walk<'a> {
    fn rows(&self, data: &'a Value) -> &'a [Value] {
        assert!(data.get("url").is_none(), "{}: data from an address", self.figure);
        let rows = match (data.get("name").and_then(Value::as_str), data.get("values")) {
            (Some(name), None) => self.datasets.and_then(|sets| sets.get(name)),
            (None, Some(values)) => Some(values),
            _ => None,
        };
        rows.and_then(Value::as_array).unwrap_or_else(|| panic!("{}: no rows in {data}", self.figure))
    }

    fn unit(&self, unit: &'a Value, inherited: Option<&'a [Value]>) {
        let rows = unit.get("data").map(|data| self.rows(data)).or(inherited);
        let mut fields = BTreeSet::new();
        for part in ["encoding", "facet"] {
            collect_fields(unit.get(part), &mut fields);
        }
        for transform in unit.get("transform").and_then(Value::as_array).into_iter().flatten() {
            let filter =
                transform["filter"].as_str().unwrap_or_else(|| panic!("{}: {transform}", self.figure));
            let field =
                filter.strip_prefix("datum.").and_then(|rest| rest.split(' ').next()).unwrap_or_default();
            fields.insert(field.to_owned());
        }
        if !fields.is_empty() {
            let rows = rows.unwrap_or_else(|| panic!("{}: fields without data", self.figure));
            assert!(!rows.is_empty(), "{}: an empty data set under {fields:?}", self.figure);
            for field in &fields {
                assert!(is_fixed(field), "{}: field {field:?}", self.figure);
                for row in rows {
                    assert!(row.get(field).is_some(), "{}: {field} is not in {row}", self.figure);
                }
            }
        }
        for child in unit.get("layer").and_then(Value::as_array).into_iter().flatten() {
            self.unit(child, rows);
        }
        if let Some(child) = unit.get("spec") {
            self.unit(child, rows);
        }
    }
}

fn collect_fields(value: Option<&Value>, fields: &mut BTreeSet<String>) {
    match value {
        Some(Value::Object(map)) => {
            for (key, inner) in map {
                match inner {
                    Value::String(field) if key == "field" => drop(fields.insert(field.clone())),
                    _ => collect_fields(Some(inner), fields),
                }
            }
        }
        Some(Value::Array(list)) => list.iter().for_each(|inner| collect_fields(Some(inner), fields)),
        _ => {}
    }
}

/// No key anywhere that loads something, links somewhere, or is made of a user's text.
fn check_keys(value: &Value, figure: &str) {
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                assert!(
                    !matches!(key.as_str(), "url" | "href" | "signal" | "usermeta"),
                    "{figure}: key {key}"
                );
                let plain = key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'$');
                assert!(plain, "{figure}: key {key:?}");
                if key == "expr" || key == "test" || key == "labelExpr" {
                    let text = inner.as_str().unwrap_or_default();
                    assert!(NASTY.iter().all(|name| name.is_empty()
                        || matches!(*name, "title" | "image")
                        || !text.contains(name)));
                }
                check_keys(inner, figure);
            }
        }
        Value::Array(list) => list.iter().for_each(|inner| check_keys(inner, figure)),
        _ => {}
    }
}

fn spec(figure: &Figure) -> Value {
    serde_json::from_str(&figure.spec).unwrap_or_else(|error| panic!("{}: {error}", figure.id))
}

fn check(figure: &Figure) {
    let spec = &spec(figure);
    assert_eq!(spec["$schema"], "https://vega.github.io/schema/vega-lite/v6.json");
    assert_eq!(spec["title"]["text"], Value::from(figure.title.as_str()));
    assert_eq!(spec["description"], Value::from(figure.summary.as_str()));
    // Ids of metrics may have digits.
    let is_fit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    assert!(!figure.id.is_empty() && figure.id.bytes().all(is_fit), "{}", figure.id);
    assert!(!figure.title.is_empty() && !figure.summary.is_empty());
    assert!(!figure.table.rows.is_empty(), "{}: an empty table", figure.id);
    check_table(&figure.table);
    check_keys(spec, &figure.id);
    Walk { datasets: spec.get("datasets").and_then(Value::as_object), figure: &figure.id }.unit(spec, None);
}

fn check_table(table: &Table) {
    for row in &table.rows {
        assert_eq!(row.len(), table.columns.len());
        for cell in row {
            assert!(!matches!(cell, Cell::Number(value, _) if !value.is_finite()), "a number that is none");
        }
    }
    assert_eq!(table.markdown().lines().count(), table.rows.len() + 2, "{}", table.markdown());
    assert_eq!(table.latex().matches("\\end{tabular}").count(), 1);
    drop(table.csv());
}

#[test]
fn the_small_report_has_every_figure() {
    let report = small();
    let ids: Vec<String> =
        all(&report, Axis::Step, Theme::Light, Group::Memorized).into_iter().map(|f| f.id).collect();
    for id in [
        "onsets",
        "loss",
        "memorized",
        "accuracy",
        "distance",
        "consistency",
        "smoothness",
        "entropy",
        "effective-dimension",
        "layers-layer-distance",
        "layers-layer-distance-change",
        "layers-load-cv",
        "layers-entropy",
        "layers-saturation-k",
        "layers-effective-dimension",
        "experts",
        "coactivation",
        "delays",
        "delay-scores",
        "sweep",
    ] {
        assert!(ids.iter().any(|own| own == id), "{id} is missing from {ids:?}");
    }
}

#[test]
fn every_specification_of_the_small_report_is_whole() {
    let mut report = small();
    for names in NASTY.windows(2) {
        for (domain, name) in report.domains.iter_mut().zip(names) {
            domain.name = (*name).to_owned();
        }
        for axis in [Axis::Step, Axis::Tokens, Axis::LogStep] {
            for theme in [Theme::Light, Theme::Dark] {
                for group in [Group::All, Group::Memorized] {
                    all(&report, axis, theme, group).iter().for_each(check);
                }
            }
        }
    }
}

#[test]
fn stacked_charts_share_their_horizontal_range() {
    let report = small();
    for figure in timeline(&report, &TimelineOptions { axis: Axis::Tokens, ..TimelineOptions::default() }) {
        for layer in spec(&figure)["layer"].as_array().expect("layers") {
            // Names at the ends of lines are beside the plot.
            if layer["data"]["name"] == "ends" && figure.id != "onsets" {
                continue;
            }
            assert_eq!(
                layer["encoding"]["x"]["scale"]["domain"],
                serde_json::json!([{ "expr": "x0" }, { "expr": "x1" }]),
                "{}",
                figure.id
            );
        }
        assert_eq!(param(&figure, "x0"), 0, "{}", figure.id);
        assert_eq!(param(&figure, "x1"), 16_777_216_000_u64, "{}", figure.id);
    }
}

/// The value of a parameter of a figure.
fn param(figure: &Figure, name: &str) -> Value {
    let params = spec(figure)["params"].clone();
    let found =
        params.as_array().and_then(|params| params.iter().find(|param| param["name"] == name).cloned());
    found.unwrap_or_else(|| panic!("{}: no parameter {name}", figure.id))["value"].clone()
}

/// A specification without what a page changes in place.
fn structure(figure: &Figure) -> Value {
    let mut spec = spec(figure);
    for part in ["params", "datasets"] {
        spec.as_object_mut().and_then(|spec| spec.remove(part));
    }
    spec
}

#[test]
fn a_zoom_changes_only_rows_and_parameters() {
    let report = small();
    for axis in [Axis::Step, Axis::Tokens, Axis::LogStep] {
        let whole = TimelineOptions { axis, ..TimelineOptions::default() };
        let places = axis.places(&report);
        // Between two checkpoints, and over some.
        for (from, to) in
            [(places[1] + 1, places[2] - 1), (places[1], places[3]), (places[1] + 1, places[3] + 1)]
        {
            let options = TimelineOptions { range: Some((from, to)), ..whole.clone() };
            let zoomed = timeline(&report, &options);
            assert_eq!(zoomed.len(), timeline(&report, &whole).len());
            for (zoomed, whole) in zoomed.iter().zip(timeline(&report, &whole)) {
                assert_eq!(structure(zoomed), structure(&whole), "{}", whole.id);
                assert_eq!(zoomed.table, whole.table, "{}", whole.id);
                assert_eq!((param(zoomed, "x0"), param(zoomed, "x1")), (from.into(), to.into()));
                let rows = spec(zoomed)["datasets"]["courses"].clone();
                for row in rows.as_array().into_iter().flatten() {
                    let x = row["x"].as_u64().expect("a place");
                    assert!((from..=to).contains(&x), "{}: {row}", whole.id);
                    let value = row["value"].as_f64();
                    let (low, high) = (param(zoomed, "y0").as_f64(), param(zoomed, "y1").as_f64());
                    assert!(value.is_none() || (low <= value && value <= high), "{}: {row}", whole.id);
                }
            }
        }
    }
}

#[test]
fn a_line_is_cut_where_the_range_ends() {
    let report = small();
    let places = Axis::Step.places(&report);
    let (from, to) = (places[1].midpoint(places[2]), places[3]);
    let options = TimelineOptions { range: Some((from, to)), ..TimelineOptions::default() };
    let loss = timeline(&report, &options).into_iter().find(|figure| figure.id == "loss").expect("loss");
    let rows = spec(&loss)["datasets"]["courses"].clone();
    let first = &rows[0];
    let name = first["domain"].as_str().expect("a name");
    let values = &report.course(name, "loss", Group::All).expect("a course").values;
    let middle = values[1].expect("a value").midpoint(values[2].expect("a value"));
    assert_eq!(first["x"], from);
    assert_eq!(first["marked"], false);
    assert!((first["value"].as_f64().expect("a value") - middle).abs() < 1e-9, "{first} is not {middle}");
}

#[test]
fn smoothing_changes_lines_but_neither_tables_nor_intervals() {
    let report = small();
    let plain = timeline(&report, &TimelineOptions::default());
    let smooth = timeline(&report, &TimelineOptions { smooth: 3, ..TimelineOptions::default() });
    let mut seen = 0;
    for (plain, smooth) in plain.iter().zip(&smooth).filter(|(plain, _)| plain.id != "onsets") {
        assert_eq!(plain.table, smooth.table, "{}", plain.id);
        assert!(smooth.spec.contains("smoothed over 3 checkpoints"), "{}", plain.id);
        assert!(!plain.spec.contains("smoothed"), "{}", plain.id);
        let rows = |figure| spec(figure)["datasets"]["courses"].as_array().cloned().unwrap_or_default();
        for (before, after) in rows(plain).iter().zip(rows(smooth)) {
            assert_eq!(before["value"], after["raw"], "{}", plain.id);
            assert_eq!((&before["low"], &before["high"]), (&after["low"], &after["high"]), "{}", plain.id);
            seen += usize::from(before["value"] != after["value"]);
        }
        check(smooth);
    }
    assert!(seen > 10, "{seen} values were smoothed");
}

#[test]
fn a_logarithmic_axis_is_for_positive_metrics_only() {
    let mut report = small();
    let of = |report: &Report| {
        let options = TimelineOptions { log: true, ..TimelineOptions::default() };
        let figures = timeline(report, &options);
        figures.iter().for_each(check);
        let logarithmic = |figure: &&Figure| figure.spec.contains("\"type\":\"log\"");
        figures.iter().filter(logarithmic).map(|figure| figure.id.clone()).collect::<Vec<_>>()
    };
    let with = of(&report);
    assert!(with.iter().any(|id| id == "loss"), "{with:?}");
    assert!(!with.iter().any(|id| id == "accuracy" || id == "memorized"), "{with:?}");
    for course in report.courses.iter_mut().filter(|course| course.metric == "loss") {
        course.values[0] = Some(0.0);
    }
    assert!(!of(&report).iter().any(|id| id == "loss"));
}

/// Every label of every figure is written by one of these: plain digits, grouped, or four digits with a letter.
#[test]
fn tick_labels_are_plain_numbers() {
    fn axes<'a>(value: &'a Value, found: &mut Vec<(&'a str, &'a Value, &'a Value)>) {
        if let Value::Object(map) = value {
            for (channel, part) in map.iter().filter(|(channel, _)| *channel != "config") {
                for kind in ["axis", "legend"] {
                    if let Some(axis) = part.get(kind).filter(|axis| !axis.is_null()) {
                        found.push((channel, part, axis));
                    }
                }
            }
        }
        match value {
            Value::Object(map) => map.values().for_each(|inner| axes(inner, found)),
            Value::Array(list) => list.iter().for_each(|inner| axes(inner, found)),
            _ => {}
        }
    }
    let report = small();
    let mut numbers = 0;
    let mut figures = all(&report, Axis::LogStep, Theme::Light, Group::All);
    figures.extend(all(&report, Axis::Tokens, Theme::Light, Group::Memorized));
    for figure in &figures {
        let spec = spec(figure);
        let mut found = Vec::new();
        axes(&spec, &mut found);
        for (channel, part, axis) in found {
            // Names of domains and numbers of layers and experts are written as they are.
            let is_name = part["type"] == "nominal"
                || ["layer", "expert"].contains(&part["field"].as_str().unwrap_or(""));
            if is_name {
                continue;
            }
            numbers += 1;
            let label = axis["labelExpr"].as_str().unwrap_or_default();
            let format = axis["format"].as_str().unwrap_or_default();
            let is_plain =
                label.contains("',~r'") || (label.contains("'.4~s'") && label.contains("'G', 'B'"));
            assert!(is_plain || format == "~%", "{}: labels of {channel}: {axis}", figure.id);
        }
    }
    assert!(numbers > 100, "{numbers} axes");
}

#[test]
fn hidden_domains_leave_the_colours_of_the_others() {
    let report = small();
    let color = |hidden: &[&str]| {
        let hidden = hidden.iter().map(|&name| name.to_owned()).collect();
        let figures = timeline(&report, &TimelineOptions { hidden, ..TimelineOptions::default() });
        let loss = figures.iter().find(|figure| figure.id == "loss").expect("loss").clone();
        spec(&loss)["layer"]
            .as_array()
            .and_then(|layers| layers.iter().find(|layer| layer["mark"]["type"] == "line"))
            .map(|line| line["encoding"]["color"]["scale"].clone())
            .expect("a line")
    };
    let code = palette::domain(1, Theme::Light).color;
    assert_eq!(color(&[])["range"][1], code);
    assert_eq!(color(&["math"]), serde_json::json!({ "domain": ["code"], "range": [code] }));
    assert!(
        timeline(
            &report,
            &TimelineOptions { hidden: vec!["math".into(), "code".into()], ..TimelineOptions::default() }
        )
        .is_empty()
    );
}

fn measure(id: &str) -> LayerMeasure {
    LayerMeasure::all().find(|measure| measure.id() == id).unwrap_or_else(|| panic!("no measure {id}"))
}

#[test]
fn what_is_absent_has_no_figure() {
    let mut report = small();
    let options = ChartOptions::default();
    assert_eq!(layers(&report, "nobody", measure("layer-distance"), &options), None);
    assert_eq!(experts(&report, "math", 99, 0, ExpertOrder::Id, &options), None);
    assert_eq!(experts(&report, "math", 0, 99, ExpertOrder::Id, &options), None);
    assert!(delays(&report, "code", &options).is_empty());
    assert!(layers(&report, "math", measure("load-cv"), &options).is_some());
    assert!(layers(&report, "math", measure("load-cv-change"), &options).is_some());
    report.domains[0].expert_selections.clear();
    report.courses.retain(|course| course.tau != Some(0.5) && !course.metric.starts_with("load"));
    assert_eq!(sweep(&report, "math", &options), None);
    assert_eq!(layers(&report, "math", measure("load-cv"), &options), None);
    report.checkpoints.clear();
    assert!(timeline(&report, &TimelineOptions::default()).is_empty());
}

#[test]
fn a_band_may_be_missing_in_one_domain() {
    let mut report = small();
    assert!(report.domains.len() > 1);
    let first = report.domains[0].name.clone();
    let bands = |course: &report::Course| {
        course.domain == first && ["distance_ci", "consistency_lower"].contains(&course.metric.as_str())
    };
    assert!(report.courses.iter().any(bands), "the report has bands to remove");
    report.courses.retain(|course| !bands(course));
    for group in [Group::All, Group::Memorized] {
        let figures = all(&report, Axis::Step, Theme::Light, group);
        assert!(figures.iter().any(|figure| figure.spec.contains("\"high\"")), "a domain keeps its band");
        figures.iter().for_each(check);
    }
}

#[test]
fn tokens_are_the_axis_only_where_all_checkpoints_have_them() {
    let mut report = small();
    assert!(Axis::Tokens.is_available(&report));
    report.checkpoints[2].tokens = None;
    assert!(!Axis::Tokens.is_available(&report));
    let of = |axis| timeline(&report, &TimelineOptions { axis, ..TimelineOptions::default() });
    assert_eq!(
        of(Axis::Tokens).first().map(|f| f.table.clone()),
        of(Axis::Step).first().map(|f| f.table.clone())
    );
    assert_eq!(spec(&of(Axis::Tokens)[1])["layer"], spec(&of(Axis::Step)[1])["layer"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn ragged_reports_neither_panic_nor_break_a_specification(seed: u64) {
        let mut dice = Dice(seed);
        let report = dice.report();
        let axis = [Axis::Step, Axis::Tokens, Axis::LogStep][dice.roll(3) as usize];
        let (theme, group) = if dice.roll(2) == 0 { (Theme::Light, Group::All) } else { (Theme::Dark, Group::Memorized) };
        all(&report, axis, theme, group).iter().for_each(check);
        for named in tables(&report) {
            prop_assert!(!named.title.is_empty());
            check_table(&named.table);
        }
        for line in verdict(&report) {
            prop_assert!(!line.contains("NaN") && !line.contains("inf"), "{}", line);
        }
    }
}
