//! Several runs in one table.

#[expect(dead_code, reason = "only the other tests need ragged reports")]
mod common;

use common::small;
use figures::{Cell, TimelineOptions, compare, runs};
use report::Unit;

#[test]
fn every_domain_of_every_run_has_a_row_with_its_own_figures() {
    let first = small();
    let mut second = small();
    second.title = "  ".to_owned();
    for course in &mut second.courses {
        if course.metric == "accuracy" && course.layer.is_none() {
            for value in course.values.iter_mut().flatten() {
                *value /= 2.0;
            }
        }
    }
    let named = runs(&[first.clone(), second.clone()]);
    let rows = &named.table.rows;
    assert_eq!(rows.len(), 2 * first.domains.len());
    let domains = first.domains.len();
    for (at, domain) in first.domains.iter().enumerate() {
        assert_eq!(rows[at][1], Cell::text(&domain.name));
        assert_eq!(rows[domains + at][0], Cell::text("run 2"));
        let half = |row: usize| match rows[row][9] {
            Cell::Number(value, _) => Some(value),
            _ => None,
        };
        assert_eq!(half(at).map(|value| value / 2.0), half(domains + at));
    }
    // Steps and delays are those of the comparison of two runs.
    let tables = compare(&first, &second, None, &TimelineOptions::default()).tables;
    let onsets = tables.into_iter().find(|table| table.id == "compare-onsets").unwrap();
    for (at, row) in onsets.table.rows.iter().enumerate() {
        assert_eq!([&row[1], &row[3], &row[5]], [&rows[at][6], &rows[at][7], &rows[at][8]]);
    }
    assert!(
        rows.iter().any(|row| row[9] != Cell::Missing) && rows.iter().any(|row| row[10] != Cell::Missing)
    );
    assert!(!named.note.contains("cannot be compared"));
}

#[test]
fn the_note_says_when_distances_cannot_be_compared() {
    let mut other = small();
    other.settings.unit = Unit::Character;
    assert!(runs(&[small(), other]).note.contains("cannot be compared"));
    assert!(runs(&[]).table.rows.is_empty());
    assert!(!runs(&[]).note.contains("different"));
}

#[test]
fn final_values_are_those_of_the_last_checkpoint() {
    let mut report = small();
    for course in report.courses.iter_mut().filter(|course| course.metric == "accuracy") {
        if let Some(last) = course.values.last_mut() {
            *last = None;
        }
    }
    let rows = runs(&[report]).table.rows;
    assert!(rows.iter().all(|row| row[9] == Cell::Missing), "an earlier accuracy is not the final one");
}
