//! Two runs compared.

#[expect(dead_code, reason = "only the other tests need ragged reports")]
mod common;

use common::{NASTY, small};
use figures::{Axis, Cell, Comparison, TimelineOptions, compare};
use report::{Group, Report};
use serde_json::Value;

/// A second run: one more checkpoint with larger values.
fn other() -> Report {
    let mut report = small();
    let mut more = report.checkpoints[4].clone();
    more.step = 9000;
    report.checkpoints.push(more);
    for course in &mut report.courses {
        let last = course.values.last().copied().flatten();
        course.values.push(last.map(|value| value + 0.5));
    }
    report
}

fn compared(a: &Report, b: &Report) -> Comparison {
    compare(a, b, &TimelineOptions { group: Group::All, ..TimelineOptions::default() })
}

fn cell(comparison: &Comparison, table: usize, row: usize, column: usize) -> f64 {
    match &comparison.tables[table].table.rows[row][column] {
        Cell::Number(value, _) => *value,
        Cell::Integer(value) => *value as f64,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_run_beside_itself_has_no_difference() {
    let report = small();
    let found = compared(&report, &report);
    assert_eq!(found.differences, Vec::<String>::new());
    assert_eq!(
        found.figures.iter().map(|figure| figure.id.as_str()).collect::<Vec<_>>(),
        ["compare-accuracy", "compare-distance"]
    );
    for row in 0..found.tables[0].table.rows.len() {
        assert!(cell(&found, 0, row, 4).abs() < 1e-12);
    }
}

#[test]
fn the_difference_is_b_less_a_with_an_unpaired_interval() {
    let found = compared(&small(), &other());
    let rows = &found.tables[0].table.rows;
    let distance = report::metric("distance").expect("a metric").name;
    let row = rows.iter().position(|row| row[1] == Cell::text(distance)).expect("a row of the distance");
    assert!((cell(&found, 0, row, 3) - cell(&found, 0, row, 2) - cell(&found, 0, row, 4)).abs() < 1e-12);
    let domain = match &rows[row][0] {
        Cell::Text(name) => name.clone(),
        other => panic!("{other:?}"),
    };
    let half = |report: &Report| {
        let course = report.course(&domain, "distance_ci", Group::All);
        course.and_then(|course| course.values.last().copied().flatten())
    };
    let (a, b) = half(&small()).zip(half(&other())).expect("two half widths");
    assert!((cell(&found, 0, row, 5) - libm::hypot(a, b)).abs() < 1e-12);
    let accuracy = rows.iter().find(|row| row[1] == Cell::text("Accuracy")).expect("a row of accuracy");
    assert_eq!(accuracy[5], Cell::Missing, "accuracy has no interval");
    assert!(found.tables[0].note.contains("unpaired"));
}

#[test]
fn a_run_without_memorized_samples_is_compared_by_all_samples() {
    let mut b = other();
    b.courses.retain(|course| course.group == Group::All);
    let titles = |b: &Report| {
        compare(&small(), b, &TimelineOptions::default()).figures.pop().map(|figure| figure.title)
    };
    assert!(titles(&other()).is_some_and(|title| title.contains("memorized samples")));
    assert!(titles(&b).is_some_and(|title| title.contains("all samples")));
}

#[test]
fn what_differs_is_listed() {
    let mut b = other();
    b.settings.tau = 0.8;
    b.domains[0].name = "elsewhere".into();
    let found = compared(&small(), &b).differences.join("\n");
    assert!(found.contains("τ: 0.7 in A, 0.8 in B."), "{found}");
    assert!(found.contains("to step 4,000 in A, 6 checkpoints"), "{found}");
    assert!(found.contains("Only in B: elsewhere."), "{found}");
    assert!(found.contains("Only in A: "), "{found}");
}

#[test]
fn both_runs_share_the_axis() {
    for axis in [Axis::Step, Axis::LogStep, Axis::Tokens] {
        let options = TimelineOptions { axis, ..TimelineOptions::default() };
        let found = compare(&other(), &small(), &options);
        let spec: Value = serde_json::from_str(&found.figures[0].spec).expect("valid JSON");
        for layer in spec["layer"].as_array().expect("layers") {
            let domain = &layer["encoding"]["x"]["scale"]["domain"];
            assert_eq!(domain[0], 0, "{axis:?}");
            if axis != Axis::Tokens {
                assert_eq!(domain[1], 9000, "{axis:?}");
            }
        }
        let runs: std::collections::BTreeSet<_> =
            spec["data"]["values"].as_array().expect("rows").iter().map(|row| row["run"].as_str()).collect();
        assert_eq!(runs, [Some("A"), Some("B")].into());
    }
}

#[test]
fn ragged_reports_and_odd_names_are_compared() {
    let mut b = small();
    b.checkpoints.truncate(2);
    for (domain, name) in b.domains.iter_mut().zip(NASTY) {
        domain.name = name.into();
    }
    let empty = Report { checkpoints: Vec::new(), domains: Vec::new(), courses: Vec::new(), ..small() };
    for (a, b) in [(&small(), &b), (&b, &empty), (&empty, &empty)] {
        for figure in compared(a, b).figures {
            serde_json::from_str::<Value>(&figure.spec).expect("valid JSON");
        }
    }
}
