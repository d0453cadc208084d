//! The rates of docs/metrics.md#calibration, at smaller size with fixed seeds.

// Simulations take too long in a browser.
#![cfg(not(target_arch = "wasm32"))]

#[path = "../examples/calibrate/changes.rs"]
mod changes;
#[path = "../examples/calibrate/courses.rs"]
mod courses;
#[path = "../examples/calibrate/follow.rs"]
mod follow;

use courses::Kind;

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
        let same = rates(1.0);
        assert!(same.excludes <= at_most(0.06, 400), "{samples} samples: {same:?}");
        assert!(same.excludes_by_sum <= same.excludes && same.width_by_sum > 1.3, "{same:?}");
        let less = rates(0.9);
        assert!(less.excludes > same.excludes && less.excludes > less.excludes_by_sum, "{less:?}");
    }
}
