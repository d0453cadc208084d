//! Figures of the whole run: one line in the timeline, one heatmap whatever the domain, tables of
//! their own.

#[expect(dead_code, reason = "only the other tests need ragged reports")]
mod common;

use common::small;
use figures::*;
use report::{Course, Report, WHOLE_RUN};

/// The small report with information of the run, its null and its layers.
fn report() -> Report {
    let mut report = small();
    let course = |metric: &str, layer: Option<usize>, level: f64| Course {
        metric: metric.into(),
        domain: WHOLE_RUN.into(),
        layer,
        n: Some(400),
        values: (0..5).map(|c| Some(level * f64::from(c))).collect(),
        ..Course::default()
    };
    for layer in [None, Some(0), Some(1)] {
        report.courses.push(course("expert_information", layer, 0.1 + 0.05 * layer.unwrap_or(0) as f64));
        report.courses.push(course("expert_information_null", layer, 0.01));
    }
    report::derive::complete(&mut report);
    report
}

fn data(figure: &Figure, set: &str) -> Vec<serde_json::Value> {
    let spec: serde_json::Value = serde_json::from_str(&figure.spec).unwrap_or_default();
    spec["datasets"][set].as_array().cloned().unwrap_or_default()
}

#[test]
fn the_timeline_has_one_line_of_the_run() {
    let report = report();
    report.check().expect("a report with figures of the run is consistent");
    // Hidden domains do not hide the run.
    for hidden in [vec![], vec!["math".to_owned(), "code".to_owned()]] {
        let figures = timeline(&report, &TimelineOptions { hidden, ..TimelineOptions::default() });
        let figure = figures.iter().find(|figure| figure.id == "expert-information").expect("a chart");
        let rows = data(figure, "courses");
        assert_eq!(rows.len(), 5);
        assert!(rows.iter().all(|row| row["domain"] == "whole run"));
        assert_eq!(rows[4]["value"], 0.4);
        assert_eq!(data(figure, "references")[4]["value"], 0.04);
        assert!(figure.summary.contains("whole run from 0.000 to 0.400"), "{}", figure.summary);
        assert_eq!(figure.table.columns.len(), 4, "step, tokens, run, null");
    }
}

#[test]
fn every_domain_shows_the_heatmap_of_the_run() {
    let report = report();
    let measure =
        LayerMeasure::all().find(|measure| measure.id() == "expert-information").expect("a measure");
    let of = |domain| layers(&report, domain, measure, &ChartOptions::default()).expect("a heatmap");
    assert_eq!(of("math").spec, of("code").spec);
    assert_eq!(of("math").title, "Expert-domain information by layer: whole run");
    let cell = measure.at(&report, "code", report::Group::All, 4, 1).expect("a cell");
    assert!((cell - 0.6).abs() < 1e-12, "{cell}");
}

#[test]
fn tables_name_the_run_once() {
    let tables = tables(&report());
    let ids: Vec<&str> =
        tables.iter().map(|named| named.id.as_str()).filter(|id| id.contains("run")).collect();
    assert_eq!(
        ids,
        [
            "whole-run",
            "layers-expert-information-run",
            "layers-expert-information-share-run",
            "layers-expert-information-null-run"
        ]
    );
    let whole = tables.iter().find(|named| named.id == "whole-run").expect("a table");
    // Information, share and null, after step and tokens.
    assert_eq!(whole.table.columns.len(), 5);
    assert!(!tables.iter().any(|named| named.id.starts_with("layers-expert-information-0")));
}
