//! From files to report on `run-a`: every figure against the independent reference, and the report
//! byte for byte the same natively and in a browser.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

mod golden;
mod support;

use golden::{EXPECTED, close, run_a, run_a_without};
use report::{Correlation, Course, Delays, Domain, Group, OnsetRule, PairBudget, Report, Series, Settings};
use serde_json::Value;
use support::analyse;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

/// The report of `run-a` with the paper's onsets, as both native and wasm must write it.
const GOLDEN: &str = include_str!("../../../tests/fixtures/reports/run-a.json");

/// Default settings with the paper's onsets, which the reference program computes.
fn paper() -> Settings {
    Settings { onset_rule: OnsetRule::Paper, ..Settings::default() }
}

fn expected() -> Value {
    serde_json::from_str(EXPECTED).unwrap()
}

fn series_close(found: &Series, expected: &Value, what: &str) {
    let expected = expected.as_array().unwrap();
    assert_eq!(found.len(), expected.len(), "{what}");
    for (c, (found, expected)) in found.iter().zip(expected).enumerate() {
        close(*found, expected.as_f64(), 1e-9, &format!("{what} at checkpoint {c}"));
    }
}

/// The course of a whole group, or an empty one.
fn course<'a>(report: &'a Report, domain: &Domain, metric: &str, group: Group) -> &'a Course {
    report.course(&domain.name, metric, group).unwrap_or_else(|| panic!("no {metric} of {}", domain.name))
}

/// The figures of single layers at a checkpoint, `[L]`.
fn layers_at(report: &Report, domain: &Domain, metric: &str, group: Group, c: usize) -> Series {
    report.layer_courses(&domain.name, metric, group).iter().map(|course| course.values[c]).collect()
}

fn domains(report: &Report) -> impl Iterator<Item = &Domain> {
    assert_eq!(report.domains.iter().map(|domain| &domain.name[..]).collect::<Vec<_>>(), ["math", "code"]);
    report.domains.iter()
}

#[test]
fn the_report_is_the_same_everywhere() {
    let json = report::export::json(&analyse(&run_a(), &paper()));
    if cfg!(not(target_arch = "wasm32")) && std::env::var_os("UPDATE_EXPECT").is_some() {
        golden::update("tests/fixtures/reports/run-a.json", &json);
        return;
    }
    let differing = json.lines().zip(GOLDEN.lines()).position(|(found, expected)| found != expected);
    assert_eq!(differing, None, "first differing line; UPDATE_EXPECT=1 cargo test -p report writes it anew");
    assert_eq!(json.len(), GOLDEN.len());
}

#[test]
fn memorization() {
    let report = analyse(&run_a(), &paper());
    let expected = expected();
    for domain in domains(&report) {
        let expected = &expected["memorization"][&domain.name];
        close(domain.memorization.eps, expected["eps"].as_f64(), 1e-12, "eps");
        assert_eq!(
            domain.memorization.memorized,
            expected["memorized_before_last"].as_array().unwrap().len()
        );
        let groups = expected["groups"].as_object().unwrap();
        for (step, count) in report.steps().zip(&domain.memorization.t_star) {
            let members =
                groups.get(&step.to_string()).map_or(0, |members| members.as_array().unwrap().len());
            assert_eq!(*count, members, "{} at {step}", domain.name);
        }
    }
}

#[test]
fn distances() {
    for unit in [report::Unit::Symbol, report::Unit::Character] {
        let settings = Settings { unit, pairs: PairBudget::Exact, ..paper() };
        let report = analyse(&run_a(), &settings);
        let word = if unit == report::Unit::Symbol { "symbol" } else { "character" };
        for domain in domains(&report) {
            for (group, name) in [(Group::All, "all"), (Group::Memorized, "memorized")] {
                let expected = &expected()["distance"][&domain.name][name];
                let of = |tau: &str, field: &str| expected[tau][word][field].clone();
                let found = course(&report, domain, "distance", group);
                series_close(&found.values, &of("0.7", "mean"), "mean");
                series_close(found.se.as_ref().unwrap(), &of("0.7", "se_jackknife"), "se");
                let normalised = course(&report, domain, "distance_normalised", group);
                series_close(&normalised.values, &of("0.7", "normalised"), "normalised");
                for tau in settings.sweep.iter().copied() {
                    let found = report.course_at(&domain.name, "distance", group, tau).unwrap();
                    series_close(&found.values, &of(&tau.to_string(), "mean"), "sweep");
                    series_close(
                        found.se.as_ref().unwrap(),
                        &of(&tau.to_string(), "se_jackknife"),
                        "sweep se",
                    );
                }
            }
        }
    }
}

#[test]
fn distances_of_parts() {
    let report = analyse(&run_a(), &paper());
    let expected = expected();
    for domain in domains(&report) {
        let by_layer = &expected["distance_by_layer"][&domain.name]["all"];
        for (c, expected) in by_layer.as_array().unwrap().iter().enumerate() {
            series_close(&layers_at(&report, domain, "layer_distance", Group::All, c), expected, "by layer");
        }
        let of_domain = report.courses.iter().filter(|course| course.domain == domain.name);
        let groups: Vec<&Course> = of_domain.filter(|course| course.t_star.is_some()).collect();
        assert!(!groups.is_empty());
        for group in groups {
            let step = report.checkpoints[group.t_star.unwrap()].step.to_string();
            series_close(&group.values, &expected["distance_by_t_star"][&domain.name][&step], "by t*");
        }
    }
    let between: Vec<&Course> =
        report.courses.iter().filter(|course| course.other_domain.is_some()).collect();
    for course in &between {
        let name = if course.group == Group::All { "all" } else { "memorized" };
        let pair = format!("{}|{}", course.domain, course.other_domain.as_deref().unwrap());
        let expected = &expected["distance_cross_domain"][pair][name];
        let field = |field: &str| -> Value {
            expected.as_array().unwrap().iter().map(|one| one[field].clone()).collect()
        };
        series_close(&course.values, &field("mean"), "mean between domains");
        series_close(course.se.as_ref().unwrap(), &field("se"), "se between domains");
    }
    assert_eq!(between.len(), 2);
}

#[test]
fn null_and_structure() {
    let report = analyse(&run_a(), &paper());
    for domain in domains(&report) {
        let all = &expected()["null"][&domain.name];
        for (c, expected) in all.as_array().unwrap().iter().enumerate() {
            let (mean, sd) =
                (expected["mean"].as_f64().unwrap(), expected["sd_of_one_replicate"].as_f64().unwrap());
            let found = course(&report, domain, "null_distance", Group::All).values[c].unwrap();
            assert!((found - mean).abs() < 4.0 * sd, "{found} for {mean} +- {sd}");
            let structure = expected["structure"].as_f64().unwrap();
            let found = course(&report, domain, "structure", Group::All).values[c].unwrap();
            assert!((found - structure).abs() < 4.0 * sd / mean);
        }
    }
}

#[test]
fn consistency_entropy_and_dimension() {
    let report = analyse(&run_a(), &paper());
    let expected = expected();
    for domain in domains(&report) {
        for (group, name) in [(Group::All, "all"), (Group::Memorized, "memorized")] {
            let c = &course(&report, domain, "consistency_c", group).values;
            series_close(c, &expected["consistency"]["mean_C"][&domain.name][name], "C");
            let mean = &course(&report, domain, "effective_dimension", group).values;
            let all = expected["effective_dimension"][&domain.name][name]["0.01"].as_array().unwrap();
            for (c, expected) in all.iter().enumerate() {
                close(mean[c], expected["mean"].as_f64(), 1e-7, "d_eff");
                let layers = layers_at(&report, domain, "effective_dimension", group, c);
                let expected = expected["d_eff"].as_array().unwrap();
                assert_eq!(layers.len(), expected.len());
                for (found, expected) in layers.into_iter().zip(expected) {
                    close(found, expected.as_f64(), 1e-7, "d_eff of a layer");
                }
            }
        }
        let entropy = &course(&report, domain, "entropy", Group::All).values;
        series_close(entropy, &expected["entropy"]["mean"][&domain.name], "entropy");
        let tokens = expected["entropy"]["mean_token_last"][&domain.name]["pooled_over_tokens"].as_f64();
        let found = &course(&report, domain, "token_entropy", Group::All).values;
        close(*found.last().unwrap(), tokens, 1e-9, "token entropy");
        assert!(found[..6].iter().all(Option::is_none));
    }
}

#[test]
fn selections() {
    let report = analyse(&run_a(), &paper());
    let expected = expected();
    for domain in domains(&report) {
        let last = report.checkpoints.len() - 1;
        for (c, expected) in [0, last].into_iter().zip(expected["load"][&domain.name].as_array().unwrap()) {
            let found = domain.expert_selections[c].as_ref().unwrap();
            let figure = |metric: &str| layers_at(&report, domain, metric, Group::All, c);
            let (most, cv, unused) =
                (figure("load_max_over_mean"), figure("load_cv"), figure("load_never_used"));
            for (layer, expected) in expected.as_array().unwrap().iter().enumerate() {
                let counts: Vec<u64> = expected["counts"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|count| count.as_u64().unwrap())
                    .collect();
                assert_eq!(found[layer], counts);
                close(most[layer], expected["max_over_mean"].as_f64(), 1e-9, "max over mean");
                close(cv[layer], expected["cv_population"].as_f64(), 1e-9, "cv");
                close(unused[layer], expected["never_used"].as_f64(), 0.0, "never used");
            }
        }
        let all = expected["saturation"][&domain.name].as_array().unwrap();
        let k = &course(&report, domain, "saturation_k", Group::All).values;
        let top1 = &course(&report, domain, "saturation_top1", Group::All).values;
        assert_eq!(k.len(), all.len());
        for (c, expected) in all.iter().enumerate() {
            close(k[c], expected["k"].as_f64(), 1e-9, "saturation");
            close(top1[c], expected["top1"].as_f64(), 1e-9, "top-1 saturation");
        }
        let counts = &expected["coactivation_last"][&domain.name];
        for (layer, list) in domain.coactivation.iter().enumerate() {
            assert!(!list.is_empty());
            for pair in list {
                let both = counts[layer][pair.first][pair.second].as_f64().unwrap();
                let alone = counts[layer][pair.first][pair.first].as_f64().unwrap();
                close(Some(pair.probability), Some(both / alone), 1e-12, "co-activation");
            }
        }
    }
}

#[test]
fn accuracy_and_generalization() {
    let report = analyse(&run_a(), &paper());
    let expected = expected();
    for domain in domains(&report) {
        let expected = &expected["generalization"][&domain.name];
        let accuracy = &course(&report, domain, "accuracy", Group::All).values;
        series_close(accuracy, &expected["accuracy"], "accuracy");
        let items = expected["t_sharp"].as_object().unwrap();
        let found = domain.generalization.as_ref().unwrap();
        for (step, count) in report.steps().zip(&found.t_sharp) {
            assert_eq!(*count, items.values().filter(|at| at.as_u64() == Some(step)).count());
        }
        assert_eq!(found.never, items.values().filter(|at| at.is_null()).count());
    }
}

fn check_delays(report: &Report, domain: &Domain, found: &Delays, expected: &Value) {
    let step = |at: usize| report.checkpoints[at].step;
    for (row, expected) in found.scores.iter().zip(expected["scores"].as_array().unwrap()) {
        for (score, expected) in row.iter().zip(expected.as_array().unwrap()) {
            close(Some(*score), expected.as_f64(), 1e-9, &domain.name);
        }
    }
    close(Some(found.total), expected["total"].as_f64(), 1e-9, "total");
    close(found.second_best_total, expected["second_best_total"].as_f64(), 1e-9, "second best total");
    let pairs = expected["pairs"].as_array().unwrap();
    assert_eq!(found.pairs.len(), pairs.len());
    for pair in &found.pairs {
        let (train, test) =
            (step(found.train[pair.train].checkpoint), step(found.test[pair.test].checkpoint));
        let expected = pairs.iter().find(|one| one["t_star"].as_u64() == Some(train)).unwrap();
        assert_eq!(expected["t_sharp"].as_u64(), Some(test));
        assert_eq!(expected["delay"].as_i64(), Some(pair.delay));
    }
}

#[test]
fn delays() {
    for (unconfirmed, variant) in [(false, "t_star_before_last"), (true, "all_t_star")] {
        let settings = Settings { unconfirmed, ..paper() };
        let report = analyse(&run_a(), &settings);
        let from_gates = analyse(&run_a_without("embedding"), &settings);
        for (report, source) in [(&report, "embeddings"), (&from_gates, "gates_fallback")] {
            for domain in domains(report) {
                let found = domain.delays.as_ref().unwrap();
                assert_eq!(found.from_gates, source == "gates_fallback");
                check_delays(report, domain, found, &expected()["pairing"][&domain.name][variant][source]);
            }
        }
    }
}

#[test]
fn correlations() {
    for (window, first) in [("all", 1000), ("last5", 3000), ("last4", 4000)] {
        let window_setting = Some(report::Window { first, last: 7000 });
        let report = analyse(&run_a(), &Settings { window: window_setting, ..paper() });
        for domain in domains(&report) {
            let expected = &expected()["correlation"][&domain.name]["windows"][window];
            for (metric, group, name) in [
                ("distance", Group::Memorized, "distance_memorized"),
                ("distance", Group::All, "distance_all"),
                ("distance_normalised", Group::All, "distance_all_normalised"),
                ("consistency_mean", Group::Memorized, "consistency_memorized"),
                ("consistency_mean", Group::All, "consistency_all"),
                ("loss", Group::All, "training_loss"),
                ("loss_moving_average", Group::All, "training_loss_moving_average_3"),
                ("validation_loss", Group::All, "validation_loss"),
            ] {
                let of = |one: &&Correlation| one.metric == metric && one.group == group;
                let found = domain.correlations.iter().find(of).unwrap();
                let expected = &expected[name];
                close(found.pearson, expected["pearson"].as_f64(), 1e-9, name);
                close(found.checkpoint_permutation_p, expected["pearson_p"].as_f64(), 1e-12, name);
                close(found.spearman, expected["spearman"].as_f64(), 1e-9, name);
                close(found.checkpoint_permutation_p_spearman, expected["spearman_p"].as_f64(), 1e-12, name);
                if found.pearson.is_none() {
                    assert!(found.undefined.is_some(), "{name} must say why it is undefined");
                }
            }
        }
    }
}
