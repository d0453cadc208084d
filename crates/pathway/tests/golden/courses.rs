//! Memorization, generalization, and correlation of courses with accuracy.

use pathway::CorrelationResult;
use serde_json::Value;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::consistency::of_samples;
use crate::distance::measure;
use crate::fixture::{Fixture, array, assert_same, numbers, size};
use crate::pathways::ranking;

#[test]
fn memorization_steps_and_every_step_of_the_search() {
    let fixture = Fixture::load();
    for domain in &fixture.domains {
        let losses = fixture.losses(domain);
        let expected = &fixture.expected["memorization"][domain];
        let search = pathway::search_eps(&losses, 0.05);
        assert_same(search.eps, &expected["eps"], domain);
        assert_eq!(search.steps.len(), array(&expected["search"]).len());
        for (step, expected) in search.steps.iter().zip(array(&expected["search"])) {
            assert_same(Some(step.eps), &expected["eps"], domain);
            assert_eq!(step.memorized_before_last, size(&expected["memorized_before_last"]), "{domain}");
        }
        for (eps, name) in [(search.eps, "t_star"), (Some(1.5), "eps_user_1_5")] {
            let t_stars = pathway::t_stars(&losses, eps, 0.05);
            for (sample, t_star) in fixture.of_domain(domain).into_iter().zip(t_stars) {
                let id = &fixture.samples[sample as usize].id;
                assert_eq!(fixture.step(t_star), expected[name][id], "{id} {name}");
            }
        }
        let memorized: Vec<&str> = fixture
            .group(domain, "memorized")
            .into_iter()
            .map(|sample| fixture.samples[sample as usize].id.as_str())
            .collect();
        assert_eq!(Value::from(memorized), expected["memorized_before_last"]);
        for (step, expected) in expected["groups"].as_object().unwrap() {
            let members = fixture.members(domain, |t| fixture.step(t) == step.parse::<u64>().unwrap());
            let ids = members.iter().map(|&sample| fixture.samples[sample as usize].id.as_str());
            assert_eq!(Value::from(ids.collect::<Vec<&str>>()), *expected);
        }
    }
}

/// Results `[item][checkpoint]` of a domain with the items' ids.
pub fn items(fixture: &Fixture, domain: &str) -> Vec<(usize, String, Vec<Option<bool>>)> {
    let items = array(&fixture.run["items"]).iter().enumerate().filter(|(_, item)| item["domain"] == domain);
    items
        .map(|(index, item)| {
            let results = array(&fixture.run["correct"]).iter().map(|row| Some(row[index] == 1)).collect();
            (index, item["id"].as_str().unwrap().to_owned(), results)
        })
        .collect()
}

/// Accuracy of a domain, `[C]`.
fn accuracy(fixture: &Fixture, domain: &str) -> Vec<Option<f64>> {
    let items = items(fixture, domain);
    let at = |checkpoint: usize| {
        let results: Vec<Option<bool>> = items.iter().map(|(_, _, results)| results[checkpoint]).collect();
        pathway::accuracy(&results)
    };
    (0..fixture.steps.len()).map(at).collect()
}

#[test]
fn generalization_steps_and_accuracy() {
    let fixture = Fixture::load();
    for domain in &fixture.domains {
        let expected = &fixture.expected["generalization"][domain];
        let items = items(&fixture, domain);
        assert_eq!(items.len(), expected["t_sharp"].as_object().unwrap().len());
        for (_, id, results) in items {
            assert_eq!(fixture.step(pathway::t_sharp(&results)), expected["t_sharp"][&id], "{id}");
        }
        for (found, expected) in accuracy(&fixture, domain).iter().zip(array(&expected["accuracy"])) {
            assert_same(*found, expected, domain);
        }
    }
}

#[track_caller]
fn assert_correlation(found: &CorrelationResult, expected: &Value, what: &str) {
    assert_eq!(found.undefined, None);
    assert_eq!(found.n, size(&expected["n"]), "{what}");
    assert_eq!(found.orders, expected["orders"].as_u64().unwrap(), "{what}");
    assert!(found.exact);
    assert_same(found.pearson, &expected["pearson"], what);
    assert_same(found.spearman, &expected["spearman"], what);
    assert_eq!(found.pearson_hits, expected["pearson_hits"].as_u64(), "{what}");
    assert_eq!(found.spearman_hits, expected["spearman_hits"].as_u64(), "{what}");
    assert_same(found.pearson_p, &expected["pearson_p"], what);
    assert_same(found.spearman_p, &expected["spearman_p"], what);
}

/// Correlations of courses that are computed from the traces, not read from the golden file.
#[test]
fn courses_and_their_correlations_with_accuracy() {
    let fixture = Fixture::load();
    let rankings: Vec<_> = (0..fixture.steps.len()).map(|c| ranking(&fixture, c)).collect();
    let consistency: Vec<_> = (0..fixture.steps.len()).map(|c| of_samples(&fixture, c)).collect();
    for domain in &fixture.domains {
        let expected = &fixture.expected["correlation"][domain];
        let accuracy = accuracy(&fixture, domain);
        let distances = |group: &str| -> Vec<_> {
            let samples = fixture.group(domain, group);
            rankings.iter().map(|ranking| measure(&ranking.symbols(2, &samples))).collect()
        };
        let consistencies = |group: &str| -> Vec<Option<f64>> {
            let samples = fixture.group(domain, group);
            let at = |all: &Vec<_>| {
                pathway::summarise_consistency(samples.iter().map(|&sample| &all[sample as usize])).mean
            };
            consistency.iter().map(at).collect()
        };
        let loss: Vec<Option<f64>> = fixture
            .losses(domain)
            .iter()
            .map(|row| Some(row.iter().map(|&loss| f64::from(loss)).sum::<f64>() / row.len() as f64))
            .collect();
        let validation = numbers(&fixture.run["validation_loss"][domain]).into_iter().map(Some).collect();
        let (memorized, all) = (distances("memorized"), distances("all"));
        let courses: [(&str, Vec<Option<f64>>); 8] = [
            ("distance_memorized", memorized.iter().map(|found| found.mean).collect()),
            ("distance_all", all.iter().map(|found| found.mean).collect()),
            ("distance_all_normalised", all.iter().map(|found| found.normalised).collect()),
            ("consistency_memorized", consistencies("memorized")),
            ("consistency_all", consistencies("all")),
            ("training_loss_moving_average_3", pathway::moving_average(&loss)),
            ("training_loss", loss),
            ("validation_loss", validation),
        ];
        for (name, course) in courses {
            let series = array(&expected["series"][name]);
            assert_eq!(series.len(), course.len());
            for (found, expected) in course.iter().zip(series) {
                assert_same(*found, expected, name);
            }
            for (window, bounds) in fixture.expected["correlation_windows"].as_object().unwrap() {
                let inside = |step: &u64| (bounds[0].as_u64()..=bounds[1].as_u64()).contains(&Some(*step));
                let first = fixture.steps.iter().position(inside).unwrap();
                let found = &pathway::correlate_all(&[&course[first..]], &accuracy[first..], 1000, 1)[0];
                assert_correlation(
                    found,
                    &expected["windows"][window][name],
                    &format!("{domain} {window} {name}"),
                );
            }
        }
    }
}
