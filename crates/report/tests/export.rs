//! JSON and CSV: output, round trips and rejected input.

// Properties need a source of randomness that browsers give differently; the report of run-a is
// compared there byte for byte.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[path = "arbitrary/mod.rs"]
mod arbitrary;
#[expect(dead_code, reason = "the tests of links use more of it")]
mod synthetic;

use std::collections::BTreeSet;

use proptest::prelude::{ProptestConfig, any, prop_assert, proptest};
use report::{Error, Group, csv_tables, json, parse_json};
use serde_json::Value;
use synthetic::{DOMAINS, PAPER_STEPS, SMALL};

const SCHEMA: &str = include_str!("../../../docs/report-schema.md");

fn full() -> report::Report {
    synthetic::report(&PAPER_STEPS, SMALL, &DOMAINS, 5, true)
}

#[test]
fn json_comes_back_to_the_last_bit() {
    let report = full();
    let text = json(&report);
    let back = parse_json(&text).unwrap();
    assert_eq!(back, report);
    assert_eq!(json(&back), text);
    assert!(
        parse_json(&format!("\u{feff}{text}")).is_ok(),
        "a byte order mark is no reason to refuse a file"
    );
}

#[test]
fn every_field_is_documented() {
    fn fields(value: &Value, all: &mut BTreeSet<String>) {
        match value {
            Value::Array(list) => list.iter().for_each(|value| fields(value, all)),
            Value::Object(map) => {
                for (key, value) in map {
                    all.insert(key.clone());
                    fields(value, all);
                }
            }
            _ => {}
        }
    }
    let mut report = full();
    report.settings.window = Some(report::Window { first: 1, last: 2 });
    let mut all = BTreeSet::new();
    fields(&serde_json::to_value(&report).unwrap(), &mut all);
    assert!(all.len() > 70, "{}", all.len());
    let missing: Vec<&String> = all.iter().filter(|field| !SCHEMA.contains(&format!("`{field}`"))).collect();
    assert_eq!(missing, Vec::<&String>::new(), "docs/report-schema.md does not know these fields");
}

#[test]
fn foreign_files_are_told_apart() {
    let message = |text: &str| parse_json(text).unwrap_err().to_string();
    for text in
        ["", "[1, 2]", "{", "{}", "null", "{\"format\": \"other\", \"version\": 1}", "{\"format\": 1}"]
    {
        assert!(message(text).contains("not a Grokscope report"), "{text}: {}", message(text));
    }
    let later = "{\"format\": \"grokscope.report\", \"version\": 99}";
    assert!(matches!(parse_json(later), Err(Error::LaterReport { version: 99, .. })));
    let text = json(&full());
    assert!(
        message(&text.replacen("\"version\": 1", "\"version\": 0", 1)).contains("version"),
        "there was no version 0"
    );
    assert!(message(&text[..text.len() / 2]).contains("line"), "place in the file");
    assert!(message(&"[".repeat(100_000)).contains("not a Grokscope report"));
}

/// A course of a single layer.
fn layered(report: &mut report::Report) -> &mut report::Course {
    report.courses.iter_mut().find(|course| course.layer.is_some()).unwrap()
}

/// Corrupts one field of a report.
type Break = fn(&mut report::Report);

/// Corrupts a report in one field at a time: each must be rejected.
#[test]
fn reports_with_a_missing_entry_are_refused() {
    let report = full();
    let breaks: [(&str, Break); 17] = [
        ("values", |r| {
            r.courses[3].values.pop();
        }),
        ("se", |r| {
            r.courses.iter_mut().find_map(|course| course.se.as_mut()).unwrap().pop();
        }),
        ("layer", |r| layered(r).layer = Some(99)),
        ("t_star", |r| {
            r.courses.iter_mut().find(|course| course.t_star.is_some()).unwrap().t_star = Some(99);
        }),
        ("courses[1]", |r| r.courses[1] = r.courses[0].clone()),
        ("courses[0]", |r| r.courses[0].domain = "nobody".to_owned()),
        ("courses[0]", |r| r.courses[0].other_domain = Some("nobody".to_owned())),
        ("tau", |r| {
            r.courses.iter_mut().find(|course| course.metric == "distance").unwrap().tau = None;
        }),
        ("group", |r| {
            r.courses.iter_mut().find(|course| course.metric == "entropy").unwrap().group = Group::Memorized;
        }),
        ("memorization.t_star", |r| {
            r.domains[0].memorization.t_star.pop();
        }),
        ("t_sharp", |r| {
            r.domains[0].generalization.as_mut().unwrap().t_sharp.pop();
        }),
        ("expert_selections", |r| {
            r.domains[1].expert_selections.pop();
        }),
        ("expert_selections", |r| {
            r.domains[1].expert_selections[0].as_mut().unwrap()[0].pop();
        }),
        ("coactivation.first", |r| r.domains[1].coactivation[0][0].first = 99),
        ("delays.scores", |r| {
            r.domains[1].delays.as_mut().unwrap().scores[0].pop();
        }),
        ("delays.pairs.train", |r| r.domains[1].delays.as_mut().unwrap().pairs[0].train = 99),
        ("checkpoints", |r| r.checkpoints.swap(0, 1)),
    ];
    for (place, broken) in breaks {
        let mut report = report.clone();
        broken(&mut report);
        let text = json(&report);
        let error = parse_json(&text).err().unwrap();
        assert!(matches!(error, Error::Inconsistent { .. }), "{place}: {error}");
        assert!(error.to_string().contains(place), "{place}: {error}");
    }
}

fn rows(tables: &[(String, String)], name: &str) -> Vec<Vec<String>> {
    let (_, text) = tables.iter().find(|(table, _)| table == name).unwrap();
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let rows: Vec<Vec<String>> =
        reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
    assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{name}");
    rows
}

#[test]
fn tables_hold_the_figures() {
    let report = full();
    let tables = csv_tables(&report);
    let courses = rows(&tables, "courses.csv");
    assert_eq!(courses.len(), 1 + report.courses.len() * PAPER_STEPS.len());
    let column = |name: &str| courses[0].iter().position(|head| head == name).unwrap();
    for course in &report.courses {
        let key = |row: &&Vec<String>| {
            let text = |layer: Option<usize>| layer.map(|layer| layer.to_string()).unwrap_or_default();
            row[column("domain")] == course.domain
                && row[column("other_domain")] == course.other_domain.clone().unwrap_or_default()
                && row[column("metric")] == course.metric
                && (row[column("group")] == "all") == (course.group == Group::All)
                && row[column("layer")] == text(course.layer)
                && row[column("tau")] == course.tau.map(|tau| tau.to_string()).unwrap_or_default()
                && row[column("t_star")]
                    == course.t_star.map(|at| PAPER_STEPS[at].to_string()).unwrap_or_default()
        };
        let found: Vec<&Vec<String>> = courses.iter().skip(1).filter(key).collect();
        assert_eq!(found.len(), PAPER_STEPS.len(), "{} of {}", course.metric, course.domain);
        for (place, row) in found.into_iter().enumerate() {
            let text = |figure: Option<f64>| figure.map(|figure| figure.to_string()).unwrap_or_default();
            assert_eq!(row[column("step")], PAPER_STEPS[place].to_string());
            assert_eq!(row[column("value")], text(course.values[place]));
            assert_eq!(row[column("se")], text(course.se.as_ref().and_then(|se| se[place])));
        }
    }
    let memorization = rows(&tables, "memorization.csv");
    assert_eq!(memorization.len(), 1 + DOMAINS.len() * (PAPER_STEPS.len() + 1));
    let load = rows(&tables, "load.csv");
    assert_eq!(load.len(), 1 + DOMAINS.len() * PAPER_STEPS.len() * SMALL.layers * SMALL.experts);
    let delays = rows(&tables, "delays.csv");
    let pairs: usize = report.domains.iter().map(|domain| domain.delays.as_ref().unwrap().pairs.len()).sum();
    assert_eq!(delays.len(), 1 + pairs);
    for name in ["correlations.csv", "coactivation.csv"] {
        assert!(rows(&tables, name).len() > 1, "{name}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_report_is_exported_and_read(seed in any::<u64>(), checkpoints in 0_usize..6, domains in 0_usize..4) {
        let report = arbitrary::report(seed, checkpoints, domains);
        prop_assert!(parse_json(&json(&report)).unwrap() == report);
        let tables = csv_tables(&report);
        prop_assert!(tables.len() == 9);
        for (name, _) in &tables {
            prop_assert!(!rows(&tables, name).is_empty());
        }
    }
}
