//! Controls and nulls that claims give beside their figures, through the whole analysis of `run-a`:
//! each is there under the name that the claims look for, and has the value that follows from an
//! independent program's courses.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

#[expect(dead_code, reason = "other tests use more of it")]
mod golden;
mod support;

use golden::{EXPECTED, close, run_a};
use report::{Claim, ClaimKind, Group, OnsetRule, PairBudget, Report, Settings, Why, derive};
use serde_json::Value;
use support::analyse;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const FURTHER: &str = include_str!("../../../tests/fixtures/metrics/run-a/further.json");

fn report() -> Report {
    analyse(&run_a(), &Settings { pairs: PairBudget::Exact, ..Settings::default() })
}

fn numbers(list: &Value, of: impl Fn(&Value) -> f64) -> Vec<f64> {
    list.as_array().unwrap().iter().map(of).collect()
}

/// Pearson's r by its textbook formula.
fn pearson(x: &[f64], y: &[f64]) -> f64 {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (mx, my) = (mean(x), mean(y));
    let product = |a: &[f64], ma: f64, b: &[f64], mb: f64| -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - ma) * (b - mb)).sum()
    };
    product(x, mx, y, my) / (product(x, mx, x, mx) * product(y, my, y, my)).sqrt()
}

fn claim<'a>(claims: &'a [Claim], kind: ClaimKind, domain: &str, metric: Option<&str>) -> &'a Claim {
    let is_it = |claim: &&Claim| {
        claim.kind == kind && claim.domain.as_deref() == Some(domain) && claim.metric.as_deref() == metric
    };
    claims.iter().find(is_it).unwrap()
}

#[test]
fn controls_beside_follows_are_those_of_the_reference() {
    let (report, expected) = (report(), serde_json::from_str::<Value>(EXPECTED).unwrap());
    let further: Value = serde_json::from_str(FURTHER).unwrap();
    let steps: Vec<f64> = report.steps().map(|step| step as f64).collect();
    // The smallest gap of the steps is 1,000.
    let clock: Vec<f64> = steps.iter().map(|step| libm::log(step + 1_000.0)).collect();
    for domain in &report.domains {
        let name = &domain.name;
        let number = |value: &Value| value.as_f64().unwrap();
        let accuracy = numbers(&expected["generalization"][name]["accuracy"], number);
        let entropy = numbers(&expected["entropy"]["mean"][name], number);
        let load = numbers(&further["domains"][name]["load"], |at| number(&at["cv"]));
        let loss = number(&expected["correlation"][name]["windows"]["all"]["training_loss"]["pearson"]);
        for metric in ["distance", "consistency"] {
            let claim = claim(&report.claims, ClaimKind::Follows, name, Some(metric));
            let is = |figure: &str, expected: f64| close(claim.figure(figure), Some(expected), 1e-9, figure);
            is("loss_r", loss);
            is("entropy_r", pearson(&entropy, &accuracy));
            is("load_cv_r", pearson(&load, &accuracy));
            is("clock_r", pearson(&clock, &accuracy));
            let course = report.course(name, metric, claim.group.unwrap()).unwrap();
            let course: Vec<f64> = course.values.iter().copied().flatten().collect();
            assert_eq!(course.len(), steps.len());
            let (r, of_course, of_accuracy) =
                (pearson(&course, &accuracy), pearson(&course, &clock), pearson(&accuracy, &clock));
            is("r", r);
            let rest = (1.0 - of_course * of_course) * (1.0 - of_accuracy * of_accuracy);
            is("partial_r", (r - of_course * of_accuracy) / rest.sqrt());
            assert!(claim.figure("p_increments").is_some() && claim.figure("p_given_clock").is_some());
        }
    }
}

#[test]
fn a_control_that_is_missing_is_not_given() {
    for (metric, figure) in [("loss", "loss_r"), ("entropy", "entropy_r"), ("load_cv", "load_cv_r")] {
        let mut report = report();
        let before = report.courses.len();
        report.courses.retain(|course| course.metric != metric || course.layer.is_some());
        assert_eq!(before - report.courses.len(), report.domains.len(), "one course of {metric} per domain");
        derive::relate(&mut report, derive::CheckpointPermutations::Skipped);
        let claims = report::claims(&report);
        for domain in &report.domains {
            let found = claim(&claims, ClaimKind::Follows, &domain.name, Some("distance"));
            for name in ["loss_r", "entropy_r", "load_cv_r"] {
                assert_eq!(found.figure(name).is_none(), name == figure, "{name} without {metric}");
            }
        }
    }
}

#[test]
fn the_null_of_a_pairing_decides_it() {
    // By the paper's rule, both domains have a pairing.
    let report = analyse(&run_a(), &Settings { onset_rule: OnsetRule::Paper, ..Settings::default() });
    assert_eq!(report.domains.len(), 2);
    for domain in &report.domains {
        let found = claim(&report.claims, ClaimKind::DistinctivePairing, &domain.name, None);
        let delays = domain.delays.as_ref().unwrap();
        assert!(delays.null_draws > 0 && delays.null_share.is_some());
        assert_eq!(found.figure("null_share"), delays.null_share);
        let decided = |share: Option<f64>| {
            let mut report = report.clone();
            for delays in report.domains.iter_mut().filter_map(|domain| domain.delays.as_mut()) {
                // Far from the second best, so that the null alone decides.
                delays.second_best_total = Some(delays.total - 1.0);
                delays.null_share = share;
            }
            let claims = report::claims(&report);
            let found = claim(&claims, ClaimKind::DistinctivePairing, &domain.name, None);
            (found.holds, found.why)
        };
        assert_eq!(decided(Some(0.049)), (Some(true), Why::Figures));
        assert_eq!(decided(Some(0.05)), (Some(false), Why::Shuffled));
        assert_eq!(decided(None), (None, Why::NotComputed));
    }
}

#[test]
fn the_stability_of_consistency_is_found_where_the_claim_looks_for_it() {
    let why = |metric: &str, value: f64| {
        let mut report = report();
        for course in report.courses.iter_mut().filter(|course| course.metric == metric) {
            course.values.fill(Some(value));
        }
        let claims = report::claims(&report);
        let of_domain = |name: &str| claim(&claims, ClaimKind::Follows, name, Some("consistency")).why;
        report.domains.iter().map(|domain| of_domain(&domain.name)).collect::<Vec<Why>>()
    };
    let report = report();
    for domain in &report.domains {
        let found = claim(&report.claims, ClaimKind::Follows, &domain.name, Some("consistency"));
        let group = found.group.unwrap();
        for metric in ["consistency", "consistency_lower", "consistency_upper", "consistency_undefined"] {
            assert!(report.course(&domain.name, metric, group).is_some(), "{metric}");
        }
    }
    assert!(why("consistency_undefined", 0.06).iter().all(|why| *why == Why::UndefinedSamples));
    for (metric, far) in [("consistency_upper", 19.0), ("consistency_lower", -19.0)] {
        assert!(why(metric, far).iter().all(|why| *why == Why::Spread), "{metric}");
    }
    assert!(why("consistency_undefined", 0.0).iter().all(|why| *why != Why::UndefinedSamples));
}

/// The tests of exchanged domains are found by the claim: with two domains, it says that they are too few.
#[test]
fn exchanged_domains_are_found() {
    let report = report();
    let found = report.claims.iter().find(|claim| claim.kind == ClaimKind::Exchanged).unwrap();
    assert_eq!((found.holds, found.why), (None, Why::TooFewDomains));
    assert_eq!(found.figure("domains"), Some(2.0));
    let of_group = |group| report.exchange.iter().any(|one| one.metric == "distance" && one.group == group);
    assert!(of_group(Group::Memorized) && of_group(Group::All));
}
