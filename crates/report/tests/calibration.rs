//! The rates of docs/metrics.md#calibration, at smaller size with fixed seeds.

// Simulations take too long in a browser.
#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::expect_used, reason = "simulated input fits by construction")]

#[path = "../examples/calibrate/bare.rs"]
mod bare;
#[path = "../examples/calibrate/changes.rs"]
mod changes;
#[path = "../examples/calibrate/courses.rs"]
mod courses;
#[path = "../examples/calibrate/follow.rs"]
mod follow;
#[expect(dead_code, reason = "the tables use more of it")]
#[path = "../examples/calibrate/others.rs"]
mod others;
#[path = "../examples/calibrate/points.rs"]
mod points;

use courses::Kind;
use others::Statement;

/// Simulations per kind and number of checkpoints.
const RUNS: usize = 100;
const DOMAINS: usize = 4;

/// The largest share of `n` cases that a true rate reaches in all but one of a thousand
/// simulations.
fn at_most(rate: f64, n: usize) -> f64 {
    rate + 3.1 * (rate * (1.0 - rate) / n as f64).sqrt()
}

#[test]
fn independent_courses_rarely_follow() {
    for kind in Kind::INDEPENDENT {
        for n in [10, 33] {
            let found = follow::rates(kind, n, DOMAINS, RUNS);
            let what = format!("{}, {n} checkpoints: {found:?}", kind.name());
            assert!(found.follows <= at_most(0.06, RUNS), "{what}");
            assert!(found.exchanged <= at_most(0.06, RUNS), "{what}");
            assert!(found.follows <= found.increments.min(found.given_clock), "{what}");
        }
    }
}

#[test]
fn courses_that_follow_are_found() {
    for kind in Kind::TRUE {
        for n in [10, 33] {
            let found = follow::rates(kind, n, DOMAINS, RUNS);
            let what = format!("{}, {n} checkpoints: {found:?}", kind.name());
            assert!(found.follows >= 0.1 && found.exchanged >= 0.1, "{what}");
        }
    }
}

#[test]
fn intervals_of_changes_cover() {
    for (samples, pairs) in [(5, None), (30, None), (100, Some(1_000))] {
        let rates = |factor| changes::rates(changes::Group { samples, pairs, factor }, 400);
        let (same, less) = (rates(1.0), rates(0.9));
        assert!(same.falls + same.rises <= at_most(0.06, 400), "{samples} samples: {same:?}");
        assert!(same.by_sum <= same.falls + same.rises && same.width_by_sum > 1.3, "{same:?}");
        assert!(less.falls > same.falls && less.falls > less.by_sum, "{less:?}");
    }
}

#[test]
fn other_statements_are_rarely_made_by_chance() {
    for statement in Statement::ALL {
        for n in [10, 33] {
            let (chance, found) = (statement.rate(n, false, RUNS), statement.rate(n, true, RUNS));
            assert!(chance <= at_most(0.06, RUNS), "{statement:?}, {n} checkpoints: {chance}");
            assert!(found > 0.3, "{statement:?}, {n} checkpoints: {found}");
        }
    }
}
