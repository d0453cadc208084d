//! The schema document: its tables of metrics and settings match the code, and its pandas example
//! works on the JSON.

#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[expect(dead_code, reason = "other tests use more of it")]
mod synthetic;

use report::{
    Better, METRICS, Metric, Need, SETTINGS, Settings,
    metrics::{Layers, MetricUnit},
};
use serde_json::Value;
use synthetic::{DOMAINS, PAPER_STEPS, SMALL};

const DEFINITIONS: &str = include_str!("../../../docs/metrics.md");

const DOCUMENT: &str = "docs/report-schema.md";

fn scope(metric: &Metric) -> String {
    let scope = metric.scope;
    let parts = [
        (scope.groups, "memorized samples"),
        (scope.layers == Layers::Also, "single layers"),
        (scope.layers == Layers::Only, "single layers only"),
        (scope.threshold, "thresholds"),
        (scope.t_star, "memorization steps"),
        (scope.domain_pairs, "pairs of domains"),
    ];
    parts.into_iter().filter(|(is, _)| *is).map(|(_, words)| words).collect::<Vec<_>>().join(", ")
}

fn needs(metric: &Metric) -> String {
    let words = metric.needs.iter().map(|need| match need {
        Need::Routing => "gates or ids",
        Need::TokenGates => "gates per token",
        Need::Ids => "ids",
        Need::RouterWeights => "router weights",
        Need::Losses => "losses",
        Need::Results => "results",
    });
    words.collect::<Vec<_>>().join(", ")
}

fn metrics() -> String {
    let mut table =
        "| id | meaning | unit | of | needs | better | notes |\n|---|---|---|---|---|---|---|\n".to_owned();
    for metric in METRICS {
        let unit = match metric.unit {
            MetricUnit::Pathway => "`settings.unit`",
            unit => unit.name(report::Unit::Symbol),
        };
        let better = match metric.better {
            Better::Higher => "higher",
            Better::Lower => "lower",
            Better::Neither => "",
        };
        let notes = [(metric.correlates, "correlated with accuracy"), (metric.derived.is_some(), "derived")];
        let notes: Vec<&str> = notes.into_iter().filter(|(is, _)| *is).map(|(_, words)| words).collect();
        table += &format!(
            "| [`{}`](metrics.md#{}) | {} | {unit} | {} | {} | {better} | {} |\n",
            metric.id,
            metric.section,
            metric.summary,
            scope(metric),
            needs(metric),
            notes.join(", "),
        );
    }
    table
}

fn settings() -> String {
    let defaults = serde_json::to_value(Settings::default()).unwrap();
    let mut table = "| field | default | value | unit | meaning |\n|---|---|---|---|---|\n".to_owned();
    for setting in SETTINGS {
        let default = defaults.get(setting.id).unwrap();
        let (expected, unit, hint) = (setting.expected(), setting.unit, setting.hint);
        table += &format!("| `{}` | `{default}` | {expected} | {unit} | {hint} |\n", setting.id);
    }
    table
}

#[test]
fn the_tables_of_the_document_are_those_of_the_code() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(DOCUMENT);
    let before = std::fs::read_to_string(&path).unwrap();
    let mut text = before.clone();
    for (name, table) in [("metrics", metrics()), ("settings", settings())] {
        let mark = format!("<!-- {name} -->\n");
        let start = text.find(&mark).unwrap() + mark.len();
        let end = start + text[start..].find("<!-- end -->").unwrap();
        text.replace_range(start..end, &table);
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(&path, &text).unwrap();
        return;
    }
    assert!(text == before, "UPDATE_EXPECT=1 cargo test -p report --test schema writes {DOCUMENT} anew");
}

/// What `DataFrame(...).explode(["step", "values", "se"])` asks for: in every entry the three lists
/// are equally long.
#[test]
fn courses_are_flat_and_their_lists_equally_long() {
    let report = synthetic::report(&PAPER_STEPS, SMALL, &DOMAINS, 5, true);
    let json: Value = serde_json::from_str(&report::json(&report)).unwrap();
    let courses = json["courses"].as_array().unwrap();
    assert!(courses.len() > 100, "{}", courses.len());
    for course in courses {
        for (field, value) in course.as_object().unwrap() {
            match field.as_str() {
                "values" | "se" => {
                    let list = value.as_array().unwrap();
                    assert_eq!(list.len(), PAPER_STEPS.len(), "{field} of {}", course["metric"]);
                    assert!(list.iter().all(|entry| entry.is_number() || entry.is_null()));
                }
                _ => assert!(value.is_string() || value.is_number(), "{field} is {value}"),
            }
        }
    }
}

/// The document names every kind, reason and figure of the claims of made-up reports.
#[test]
fn the_document_names_what_claims_hold() {
    let document = include_str!("../../../docs/report-schema.md");
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..8 {
        let mut report = synthetic::report(&PAPER_STEPS, SMALL, &DOMAINS, seed, true);
        match seed % 4 {
            1 => report.domains.iter_mut().for_each(|domain| domain.changes.clear()),
            2 => report.courses.retain(|course| course.metric != "accuracy"),
            3 => report.courses.retain(|course| !course.metric.starts_with("consistency")),
            _ => {}
        }
        for claim in report::claims(&report) {
            let text = |value: Value| value.as_str().unwrap().to_owned();
            seen.insert(text(serde_json::to_value(claim.kind).unwrap()));
            seen.insert(text(serde_json::to_value(claim.why).unwrap()));
            seen.extend(claim.figures.into_keys());
        }
    }
    assert!(seen.len() > 30, "{seen:?}");
    for name in seen {
        assert!(document.contains(&format!("`{name}`")), "{DOCUMENT} does not name {name}");
    }
}

#[test]
fn the_table_of_metrics_refers_to_what_is_there() {
    for (at, metric) in METRICS.iter().enumerate() {
        assert!(METRICS[..at].iter().all(|other| other.id != metric.id), "{} is there twice", metric.id);
        let (first, second) = match metric.band {
            report::Band::None => (None, None),
            report::Band::HalfWidth(half) => (Some(half), None),
            report::Band::Quartiles(low, high) => (Some(low), Some(high)),
        };
        for named in [first, second, metric.reference].into_iter().flatten() {
            assert!(report::metric(named).is_some(), "{} names {named}", metric.id);
        }
        let headings = DEFINITIONS.lines().filter_map(|line| line.strip_prefix("## "));
        let mut anchors = headings.map(|heading| heading.to_lowercase().replace(' ', "-"));
        assert!(anchors.any(|anchor| anchor == metric.section), "docs/metrics.md has no #{}", metric.section);
        assert!(!metric.section.is_empty() && metric.summary.ends_with('.') && !metric.needs.is_empty());
    }
}

/// Runs the lines of the document in Python, where pandas is there.
#[test]
fn the_lines_of_pandas_make_a_table() {
    let has_pandas = std::process::Command::new("python3").args(["-c", "import pandas"]).output();
    if !has_pandas.is_ok_and(|found| found.status.success()) {
        eprintln!("not run: there is no python3 with pandas");
        return;
    }
    let report = synthetic::report(&PAPER_STEPS, SMALL, &DOMAINS, 5, true);
    let path = std::env::temp_dir().join(format!("grokscope-schema-{}.json", std::process::id()));
    std::fs::write(&path, report::json(&report)).unwrap();
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let text = std::fs::read_to_string(root.join(DOCUMENT)).unwrap();
    let blocks: Vec<&str> =
        text.split("```python\n").skip(1).map(|block| block.split("```").next().unwrap()).collect();
    let [line, before] = blocks[..] else { panic!("two blocks of Python, not {}", blocks.len()) };
    let before = before.replace("report.json", path.to_str().unwrap());
    let check = "print(len(courses), len(set(courses['metric'])), courses['values'].map(type).nunique())";
    let run = std::process::Command::new("python3").args(["-c", &format!("{before}{line}{check}")]).output();
    std::fs::remove_file(&path).unwrap();
    let run = run.unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let printed = String::from_utf8(run.stdout).unwrap();
    let rows = (report.courses.len() * PAPER_STEPS.len()).to_string();
    assert_eq!(printed.split(' ').next(), Some(&rows[..]), "{printed}");
}
