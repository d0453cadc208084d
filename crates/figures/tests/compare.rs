//! Two runs compared.

#[expect(dead_code, reason = "only the other tests need ragged reports")]
mod common;

use common::{NASTY, small};
use figures::{Axis, Cell, Comparison, TimelineOptions, compare};
use report::{Course, Group, METRICS, Report, Series, Unit};
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
    compared_by(None, a, b)
}

fn compared_by(metric: Option<&str>, a: &Report, b: &Report) -> Comparison {
    compare(a, b, metric, &TimelineOptions { group: Group::All, ..TimelineOptions::default() })
}

fn ids(comparison: &Comparison) -> Vec<&str> {
    comparison.figures.iter().map(|figure| figure.id.as_str()).collect()
}

/// A run with checkpoints at steps 0, 2000, 4000 and 9000, of which the small run has three.
fn sparse() -> Report {
    let mut report = small();
    for (checkpoint, step) in report.checkpoints.iter_mut().zip([0, 2000, 4000, 9000]) {
        checkpoint.step = step;
    }
    report.checkpoints.truncate(4);
    for course in &mut report.courses {
        course.values.truncate(4);
        course.se.iter_mut().for_each(|se| se.truncate(4));
    }
    report
}

/// Sets the courses of a metric over all samples and layers, in domain `math`.
fn set(report: &mut Report, metric: &str, change: impl Fn(&mut Course)) {
    let tau = report.settings.tau;
    let mut found = 0;
    for course in &mut report.courses {
        let is_at = course.tau.is_none_or(|at| at.to_bits() == tau.to_bits());
        if course.is("math", metric, Group::All) && course.is_whole() && is_at {
            change(course);
            found += 1;
        }
    }
    assert_eq!(found, 1, "{metric}");
}

fn some(values: &[f64]) -> Series {
    values.iter().copied().map(Some).collect()
}

/// The rows of `math` in the table of the difference: step, A, B, B − A, half width.
fn of_math(comparison: &Comparison, id: &str) -> Vec<[Option<f64>; 5]> {
    let figure = comparison.figures.iter().find(|figure| figure.id == id);
    let figure = figure.unwrap_or_else(|| panic!("no chart {id}"));
    let number = |cell: &Cell| match cell {
        Cell::Number(value, _) => Some(*value),
        Cell::Integer(value) => Some(*value as f64),
        Cell::Missing => None,
        Cell::Text(text) => panic!("{text}"),
    };
    let rows = figure.table.rows.iter().filter(|row| row[0] == Cell::text("math"));
    rows.map(|row| std::array::from_fn(|at| number(&row[at + 1]))).collect()
}

fn assert_rows(found: &[[Option<f64>; 5]], expected: &[[Option<f64>; 5]]) {
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (found, expected) in found.iter().flatten().zip(expected.iter().flatten()) {
        match (found, expected) {
            (Some(found), Some(expected)) => assert!((found - expected).abs() < 1e-6, "{found} {expected}"),
            _ => assert_eq!(found, expected),
        }
    }
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
    assert_eq!(ids(&found), ["compare-accuracy", "compare-distance", "compare-loss", "difference-loss"]);
    assert_eq!((found.metric.as_str(), found.notes.len()), ("loss", 0));
    assert!(
        of_math(&found, "difference-loss").iter().all(|row| row[3].is_some_and(|value| value.abs() < 1e-12))
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
        let found = compare(&small(), b, None, &TimelineOptions::default());
        found.figures.into_iter().find(|figure| figure.id == "compare-distance").map(|figure| figure.title)
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
        let found = compare(&other(), &small(), None, &options);
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
        for metric in METRICS {
            for figure in compared_by(Some(metric.id), a, b).figures {
                serde_json::from_str::<Value>(&figure.spec).expect("valid JSON");
            }
        }
    }
}

#[test]
fn the_difference_at_common_steps_has_an_unpaired_interval() {
    let (mut a, mut b) = (small(), sparse());
    set(&mut a, "distance", |course| course.values = some(&[10.0, 12.0, 11.0, 10.5, 10.0]));
    set(&mut a, "distance_ci", |course| course.values = some(&[0.2; 5]));
    set(&mut b, "distance", |course| course.values = some(&[10.5, 11.125, 9.0, 1.0]));
    set(&mut b, "distance_ci", |course| course.values = vec![Some(0.15), Some(0.15), Some(0.15), None]);
    let found = compared_by(Some("distance"), &a, &b);
    assert_eq!(ids(&found), ["compare-accuracy", "compare-distance", "difference-distance"]);
    // √(0.2² + 0.15²) = 0.25
    assert_rows(
        &of_math(&found, "difference-distance"),
        &[
            [0.0, 10.0, 10.5, 0.5, 0.25].map(Some),
            [2000.0, 11.0, 11.125, 0.125, 0.25].map(Some),
            [4000.0, 10.0, 9.0, -1.0, 0.25].map(Some),
        ],
    );
    let figure = found.figures.last().expect("the difference");
    assert!(
        figure.summary.contains("at 3 common steps: math from 0.500 to −1.000, 2 of 3 intervals without 0"),
        "{}",
        figure.summary
    );
    let spec: Value = serde_json::from_str(&figure.spec).expect("valid JSON");
    let row = &spec["data"]["values"][2];
    assert_eq!((&row["x"], &row["domain"]), (&4000.into(), &"math".into()));
    assert!((row["low"].as_f64().expect("a bound") + 1.25).abs() < 1e-12);
    assert!((row["high"].as_f64().expect("a bound") + 0.75).abs() < 1e-12);
    assert!(spec["title"]["subtitle"].to_string().contains("unpaired"), "{}", spec["title"]);
}

#[test]
fn the_interval_follows_from_standard_errors_and_numbers_of_samples() {
    let (mut a, mut b) = (small(), sparse());
    for (run, values, se, n) in [(&mut a, [0.5; 5].as_slice(), 0.01, 200), (&mut b, &[0.6; 4], 0.02, 50)] {
        set(run, "distance_normalised", |course| {
            course.values = some(values);
            course.se = Some(vec![Some(se), None, Some(se), Some(se), Some(se)]);
            course.n = Some(n);
        });
    }
    // Tables of the t distribution: 1.9719565 with 199 degrees of freedom, 2.0095752 with 49.
    let half = Some(0.044_768_5);
    let found = compared_by(Some("distance_normalised"), &a, &b);
    assert_rows(
        &of_math(&found, "difference-distance-normalised"),
        &[
            [Some(0.0), Some(0.5), Some(0.6), Some(0.1), half],
            // B has no standard error at its second checkpoint.
            [Some(2000.0), Some(0.5), Some(0.6), Some(0.1), None],
            [Some(4000.0), Some(0.5), Some(0.6), Some(0.1), half],
        ],
    );
}

#[test]
fn a_metric_without_standard_errors_has_a_difference_without_interval() {
    let (mut a, mut b) = (small(), sparse());
    set(&mut a, "loss", |course| course.values = vec![Some(3.0), Some(9.0), None, Some(9.0), Some(1.0)]);
    set(&mut b, "loss", |course| course.values = some(&[3.5, 2.0, 0.25, 0.0]));
    let found = compared_by(Some("loss"), &a, &b);
    assert_rows(
        &of_math(&found, "difference-loss"),
        &[
            [Some(0.0), Some(3.0), Some(3.5), Some(0.5), None],
            [Some(4000.0), Some(1.0), Some(0.25), Some(-0.75), None],
        ],
    );
    let figure = found.figures.last().expect("the difference");
    assert_eq!(figure.title, "Training loss, B − A");
    assert!(figure.spec.contains("no interval") && !figure.spec.contains("unpaired"));
    assert!(found.figures[2].title.contains("Training loss, A and B"));
}

#[test]
fn metrics_of_one_run_are_named_and_not_offered() {
    let (mut a, mut b) = (small(), small());
    a.courses.retain(|course| course.metric != "accuracy");
    b.courses.retain(|course| course.metric != "entropy");
    let run = |value: f64| Course {
        metric: "signature_separation".into(),
        values: vec![Some(value); 5],
        ..Course::default()
    };
    a.courses.push(run(0.5));
    b.courses.push(run(0.75));
    let found = compared_by(Some("entropy"), &a, &b);
    assert_eq!(found.metric, "loss");
    let offered: Vec<&str> = found.metrics.iter().map(|(id, _)| id.as_str()).collect();
    assert!(
        ["loss", "distance", "signature_separation"].iter().all(|id| offered.contains(id)),
        "{offered:?}"
    );
    assert!(["accuracy", "entropy", "token_entropy"].iter().all(|id| !offered.contains(id)), "{offered:?}");
    // Bounds of a band belong to their metric.
    let memorized = compare(&small(), &small(), None, &TimelineOptions::default()).metrics;
    let of_consistency = memorized.iter().filter(|(id, _)| id.starts_with("consistency"));
    let of_consistency: Vec<&str> = of_consistency.map(|(id, _)| id.as_str()).collect();
    assert_eq!(of_consistency, ["consistency", "consistency_mean", "consistency_c", "consistency_undefined"]);
    let names = ["entropy", "accuracy"].map(|id| report::metric(id).expect("a metric").name);
    assert_eq!(
        found.notes,
        [format!(
            "Metrics of one run are not offered: only A has {}, and only B has {}.",
            names[0], names[1]
        )]
    );
    let found = compared_by(Some("signature_separation"), &a, &b);
    let figure = found.figures.last().expect("the difference");
    assert!(figure.summary.contains("whole run from 0.250 to 0.250"), "{}", figure.summary);
}

#[test]
fn why_there_is_no_difference_is_said() {
    let mut b = small();
    b.checkpoints.iter_mut().for_each(|checkpoint| checkpoint.step += 1);
    let found = compared(&small(), &b);
    assert_eq!(ids(&found), ["compare-accuracy", "compare-distance", "compare-loss"]);
    assert_eq!(found.notes, ["Training loss has no difference: no step is a checkpoint of both runs."]);

    let mut b = small();
    b.settings.unit = if b.settings.unit == Unit::Symbol { Unit::Character } else { Unit::Symbol };
    let found = compared_by(Some("distance"), &small(), &b);
    assert!(found.notes.len() == 1 && found.notes[0].contains("its unit is"), "{:?}", found.notes);
    let distance = report::metric("distance").expect("a metric").name;
    let row = found.tables[0].table.rows.iter().find(|row| row[1] == Cell::text(distance)).expect("a row");
    assert_eq!((&row[4], &row[5]), (&Cell::Missing, &Cell::Missing));

    let mut b = small();
    b.courses.clear();
    let found = compared(&small(), &b);
    assert!(found.metrics.is_empty() && found.metric.is_empty());
    assert_eq!(found.notes.last().map(String::as_str), Some("The runs have no metric in common."));
}
