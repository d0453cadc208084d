//! Tests of increments, exchanged domains and changes, against `tests/reference/follow_accuracy.py`.

use serde_json::Value;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::fixture::{array, assert_same, numbers, size};

const GOLDEN: &str = include_str!("../../../../tests/fixtures/metrics/follow.json");

fn golden() -> Value {
    serde_json::from_str(GOLDEN).unwrap()
}

fn series(value: &Value) -> Vec<Option<f64>> {
    array(value).iter().map(Value::as_f64).collect()
}

fn all_series(value: &Value) -> Vec<Vec<Option<f64>>> {
    array(value).iter().map(series).collect()
}

fn slices(all: &[Vec<Option<f64>>]) -> Vec<&[Option<f64>]> {
    all.iter().map(|course| &course[..]).collect()
}

#[test]
fn increments_in_every_order_or_in_the_same_random_ones() {
    let golden = golden();
    let cases = array(&golden["increments"]);
    assert!(cases.len() > 20);
    for case in cases {
        let (name, expected) = (case["name"].as_str().unwrap(), &case["expected"]);
        let steps: Vec<u64> = array(&case["steps"]).iter().map(|step| step.as_u64().unwrap()).collect();
        let (course, accuracy) = (series(&case["course"]), series(&case["accuracy"]));
        let clock = pathway::clock(&steps).unwrap();
        let found = pathway::test_increments(&[&course], &accuracy, Some(&clock), 999, 7)[0];
        assert_eq!(found.n, size(&expected["n"]), "{name}");
        assert_same(found.r, &expected["r"], name);
        assert_same(found.partial, &expected["partial"], name);
        assert_eq!(found.hits, expected["hits"].as_u64(), "{name}");
        assert_eq!(found.clock_hits, expected["clock_hits"].as_u64(), "{name}");
        assert_same(found.p(), &expected["p"], name);
        assert_same(found.clock_p(), &expected["clock_p"], name);
        assert_eq!(found.orders, expected["orders"].as_u64().unwrap(), "{name}");
        assert_eq!(found.exact, expected["exact"].as_bool().unwrap(), "{name}");
        let both = course.iter().zip(&accuracy).map(|(x, y)| x.is_some() && y.is_some());
        let clock: Vec<Option<f64>> = clock.iter().zip(both).map(|(t, both)| both.then_some(*t)).collect();
        assert_same(pathway::pearson(&clock, &accuracy), &expected["clock_r"], name);
    }
}

/// Courses that share their orders get the same results as alone.
#[test]
fn courses_together_as_alone() {
    let golden = golden();
    let of_length = |n: usize| {
        let cases = array(&golden["increments"]).iter();
        cases.filter(move |case| array(&case["course"]).len() == n)
    };
    for n in [10, 33] {
        let courses: Vec<_> = of_length(n).map(|case| series(&case["course"])).collect();
        // More than one block of courses, some with gaps.
        let courses: Vec<_> = courses.iter().cycle().take(2 * courses.len() + 3).cloned().collect();
        let accuracy = series(&of_length(n).next().unwrap()["accuracy"]);
        let clock: Vec<f64> = (0..n).map(|at| libm::log(1.0 + at as f64)).collect();
        let together = pathway::test_increments(&slices(&courses), &accuracy, Some(&clock), 99, 1);
        for (course, together) in courses.iter().zip(together) {
            let alone = pathway::test_increments(&[course], &accuracy, Some(&clock), 99, 1)[0];
            assert_eq!(together, alone);
        }
    }
}

#[test]
fn exchanged_domains() {
    let golden = golden();
    for case in array(&golden["exchanges"]) {
        let (courses, accuracies) = (all_series(&case["courses"]), all_series(&case["accuracies"]));
        let rising = case["rising"].as_bool().unwrap();
        let found = pathway::test_exchange(&slices(&courses), &slices(&accuracies), rising, 999, 3);
        let (what, expected) = (format!("{} domains", courses.len()), &case["expected"]);
        assert_same(found.statistic, &expected["statistic"], &what);
        assert_same(found.p(), &expected["p"], &what);
        assert_eq!(found.hits, expected["hits"].as_u64(), "{what}");
        assert_eq!(found.assignments, expected["assignments"].as_u64().unwrap_or(0), "{what}");
        assert_eq!(found.exact, expected["exact"].as_bool().unwrap_or(false), "{what}");
    }
}

#[test]
fn changes_of_the_same_samples() {
    let golden = golden();
    for case in array(&golden["changes"]) {
        let samples = size(&case["samples"]);
        let pairs: Vec<(u32, u32)> = array(&case["pairs"])
            .iter()
            .map(|pair| (pair[0].as_u64().unwrap() as u32, pair[1].as_u64().unwrap() as u32))
            .collect();
        let sums = |name: &str| {
            let distances: Vec<u32> = numbers(&case[name]).iter().map(|&distance| distance as u32).collect();
            pathway::PairSums::new(samples, &pairs, &distances).unwrap()
        };
        let found = pathway::distance_change(&sums("earlier"), &sums("later")).unwrap();
        let (what, expected) = (format!("{samples} samples, {} pairs", pairs.len()), &case["expected"]);
        assert_same(Some(found.ratio), &expected["ratio"], &what);
        assert_same(Some(found.se), &expected["se"], &what);
        assert_same(Some(found.half_width), &expected["half_width"], &what);
        assert_eq!(found.samples, samples);
    }
}
