//! Further metrics of `run-a` against an independent program, `tests/reference/further_metrics.py`:
//! load-matched null, information, signatures, commitment, load over all layers.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

#[expect(dead_code, reason = "other tests use more of it")]
mod golden;
mod support;

use golden::{close, run_a};
use report::{Group, Report, Settings, WHOLE_RUN};
use serde_json::Value;
use support::analyse;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

const FURTHER: &str = include_str!("../../../tests/fixtures/metrics/run-a/further.json");

fn further() -> Value {
    serde_json::from_str(FURTHER).unwrap()
}

fn report() -> Report {
    analyse(&run_a(), &Settings::default())
}

/// Compares a course with expected values of each checkpoint.
#[track_caller]
fn same(report: &Report, domain: &str, metric: &str, expected: impl Fn(usize) -> Option<f64>) {
    let course = report.course(domain, metric, Group::All).unwrap_or_else(|| panic!("no course {metric}"));
    assert_eq!(course.values.len(), 7);
    for (c, found) in course.values.iter().enumerate() {
        close(*found, expected(c), 1e-9, &format!("{metric} of {domain:?} at {c}"));
    }
}

/// Compares the courses of single layers with expected lists `[L]` of each checkpoint.
#[track_caller]
fn same_layers(report: &Report, domain: &str, metric: &str, expected: impl Fn(usize) -> Value) {
    let courses = report.layer_courses(domain, metric, Group::All);
    assert_eq!(courses.len(), 4, "{metric}");
    for (layer, course) in courses.into_iter().enumerate() {
        assert_eq!(course.layer, Some(layer));
        for (c, found) in course.values.iter().enumerate() {
            let expected = expected(c)[layer].as_f64();
            close(*found, expected, 1e-9, &format!("{metric}, layer {layer} at {c}"));
        }
    }
}

#[test]
fn load_matched_null() {
    let (report, further) = (report(), further());
    for domain in &report.domains {
        let expected = &further["domains"][&domain.name]["null_distance_load"];
        same(&report, &domain.name, "null_distance_load", |c| expected[c].as_f64());
        let distance = &report.course(&domain.name, "distance", Group::All).unwrap().values;
        let structure = |c: usize| Some(1.0 - distance[c]? / expected[c].as_f64()?);
        same(&report, &domain.name, "structure_load", structure);
    }
}

#[test]
fn expert_domain_information() {
    let (report, further) = (report(), further());
    let expected = &further["information"];
    for (metric, name) in [
        ("expert_information", "mean"),
        ("expert_information_share", "share"),
        ("expert_information_null", "null"),
        ("expert_information_p", "p"),
    ] {
        same(&report, WHOLE_RUN, metric, |c| expected[c][name].as_f64());
    }
    for (metric, name) in [
        ("expert_information", "by_layer"),
        ("expert_information_null", "null_by_layer"),
        ("expert_information_p", "p_by_layer"),
    ] {
        same_layers(&report, WHOLE_RUN, metric, |c| expected[c][name].clone());
    }
    for domain in &report.domains {
        let expected = &further["domains"][&domain.name]["effective_experts"];
        same_layers(&report, &domain.name, "effective_experts", |c| expected[c].clone());
        let mean =
            |c: usize| expected[c].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).sum::<f64>() / 4.0;
        same(&report, &domain.name, "effective_experts", |c| Some(mean(c)));
    }
}

#[test]
fn signature_separation() {
    let (report, further) = (report(), further());
    for (metric, name) in [
        ("signature_within", "within"),
        ("signature_across", "across"),
        ("signature_separation", "separation"),
        ("signature_separation_null", "null"),
        ("signature_separation_p", "p"),
    ] {
        same(&report, WHOLE_RUN, metric, |c| further["separation"][c][name].as_f64());
    }
    assert_eq!(report.run_course("signature_within").unwrap().n, Some(48));
}

#[test]
fn commitment() {
    let (report, further) = (report(), further());
    for domain in &report.domains {
        let expected = &further["domains"][&domain.name]["commitment"];
        for (metric, name) in [
            ("commitment_overlap", "overlap"),
            ("commitment_chance", "chance"),
            ("top1_changed", "changed"),
            ("top1_reverted", "reverted"),
            ("top1_persisted", "persisted"),
        ] {
            same(&report, &domain.name, metric, |c| expected[c][name]["all"].as_f64());
            same_layers(&report, &domain.name, metric, |c| expected[c][name]["by_layer"].clone());
            let se = &report.course(&domain.name, metric, Group::All).unwrap().se;
            assert_eq!(se.is_some(), name != "chance");
            for (c, se) in se.iter().flatten().enumerate() {
                close(*se, expected[c][name]["se"].as_f64(), 1e-9, metric);
            }
        }
        // Nothing is before the first checkpoint, and nothing after the last.
        let values = |metric: &str| &report.course(&domain.name, metric, Group::All).unwrap().values;
        assert!(values("commitment_overlap")[0].is_none() && values("commitment_overlap")[6].is_some());
        assert!(values("top1_reverted")[6].is_none());
    }
}

#[test]
fn load_over_all_layers() {
    let (report, further) = (report(), further());
    for domain in &report.domains {
        let expected = &further["domains"][&domain.name]["load"];
        for (metric, name) in [
            ("load_max_violation", "max_violation"),
            ("load_cv", "cv"),
            ("load_never_used_share", "never_used"),
        ] {
            same(&report, &domain.name, metric, |c| expected[c][name].as_f64());
            assert!(domain.correlations.iter().any(|found| found.metric == metric), "{metric} is a control");
        }
    }
}
