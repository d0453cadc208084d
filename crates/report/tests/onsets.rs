//! Causal steps and states: against an independent program that computes every checkpoint from the
//! run cut off there (tests/reference/onsets.py), and against our own report of such runs.

#![cfg(not(target_arch = "wasm32"))]
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

mod support;

use std::path::Path;

use report::{CausalSteps, Domain, Group, OnsetRule, PairBudget, Phase, Report, Settings, State};
use serde_json::Value;
use support::analyse;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../");

/// The files of a folder whose names satisfy a condition.
fn files(folder: &str, wanted: impl Fn(&str) -> bool) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(Path::new(ROOT).join(folder)).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let named = paths.iter().map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), path));
    named.filter(|(name, _)| wanted(name)).map(|(name, path)| (name, std::fs::read(path).unwrap())).collect()
}

fn run_o() -> Vec<(String, Vec<u8>)> {
    files("tests/fixtures/onsets/run-o", |_| true)
}

fn example() -> Vec<(String, Vec<u8>)> {
    files("www/example", |name| name.starts_with("step-") || name == "run.json")
}

/// A run without the traces after its first `checkpoints`.
fn cut_off(files: &[(String, Vec<u8>)], checkpoints: usize) -> Vec<(String, Vec<u8>)> {
    let traces = files.iter().filter(|(name, _)| name.starts_with("step-")).take(checkpoints);
    traces.chain(files.iter().filter(|(name, _)| name == "run.json")).cloned().collect()
}

fn golden(name: &str) -> Value {
    let path = Path::new(ROOT).join("tests/fixtures/onsets").join(name);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn counts(value: &Value) -> Vec<usize> {
    value.as_array().unwrap().iter().map(|count| count.as_u64().unwrap() as usize).collect()
}

fn check_steps(found: &CausalSteps, expected: &Value) {
    let expected = CausalSteps {
        first: counts(&expected["first"]),
        declared: counts(&expected["declared"]),
        relapses: counts(&expected["relapses"]),
        never: expected["never"].as_u64().unwrap() as usize,
        half: expected["half"].as_u64().map(|half| half as usize),
    };
    assert_eq!(*found, expected);
}

fn check_domains(report: &Report, expected: &Value) {
    assert_eq!(report.domains.len(), expected["domains"].as_object().unwrap().len());
    for domain in &report.domains {
        let expected = &expected["domains"][&domain.name];
        assert_eq!(domain.memorization.causal_eps, expected["eps"].as_f64());
        check_steps(&domain.memorization.causal, &expected["memorization"]);
        assert_eq!(domain.memorization.fallen as u64, expected["fallen"].as_u64().unwrap());
        let generalization = domain.generalization.as_ref().unwrap();
        check_steps(&generalization.causal, &expected["generalization"]);
        assert_eq!(generalization.t_sharp, counts(&expected["t_sharp"]));
    }
}

fn exact() -> Settings {
    Settings { pairs: PairBudget::Exact, ..Settings::default() }
}

#[test]
fn steps_and_states_are_those_of_the_reference() {
    let (report, expected) = (analyse(&run_o(), &exact()), golden("run-o.json"));
    check_domains(&report, &expected);
    let close = |found: Option<f64>, expected: &Value| match (found, expected.as_f64()) {
        (None, None) => {}
        (Some(found), Some(expected)) => assert!((found - expected).abs() < 1e-9, "{found} for {expected}"),
        (found, expected) => panic!("{found:?} for {expected:?}"),
    };
    for domain in &report.domains {
        let expected = expected["domains"][&domain.name]["states"].as_array().unwrap();
        assert_eq!(domain.states.len(), expected.len());
        let mut declared = 0;
        for ((state, expected), new) in
            domain.states.iter().zip(expected).zip(&domain.memorization.causal.declared)
        {
            declared += *new as u64;
            assert_eq!(serde_json::to_value(state.phase).unwrap(), expected["phase"]);
            assert_eq!(Some(declared), expected["declared"].as_u64());
            assert_eq!(state.reference.map(|at| at as u64), expected["reference"].as_u64());
            assert_eq!(state.look, expected["look"].as_u64());
            close(state.level, &expected["level"]);
            close(state.change, &expected["change"]);
            close(state.se, &expected["se"]);
            close(state.lower, &expected["lower"]);
            close(state.upper, &expected["upper"]);
        }
    }
    let last = |name: &str| report.domain(name).unwrap().states.last().unwrap().phase;
    assert_eq!((last("falls"), last("rises")), (Phase::Structuring, Phase::Diverging));
}

#[test]
fn steps_of_the_example_are_those_of_the_reference() {
    let report = analyse(&example(), &few_pairs());
    check_domains(&report, &golden("example.json"));
}

/// So few pairs that some are drawn in every group.
fn few_pairs() -> Settings {
    Settings { pairs: PairBudget::Sampled { per_checkpoint: 600 }, sweep: Vec::new(), ..Settings::default() }
}

/// Asserts that a report of the first checkpoints has the same figures there as that of all.
fn check_replay(full: &Report, cut: &Report) {
    let checkpoints = cut.checkpoints.len();
    let same = |full: &CausalSteps, cut: &CausalSteps| {
        assert_eq!(cut.declared, full.declared[..checkpoints]);
        assert_eq!(cut.relapses, full.relapses[..checkpoints]);
        let known = cut.declared.iter().sum::<usize>();
        assert_eq!(cut.first.iter().sum::<usize>(), known);
        assert!(cut.first.iter().zip(&full.first).all(|(cut, full)| cut <= full));
    };
    for (full, cut) in full.domains.iter().zip(&cut.domains) {
        assert_eq!(cut.states, full.states[..checkpoints]);
        same(&full.memorization.causal, &cut.memorization.causal);
        let [items, cut_items] = [full, cut].map(|domain: &Domain| domain.generalization.as_ref().unwrap());
        same(&items.causal, &cut_items.causal);
        let is_fixed = cut.memorization.causal.declared.iter().any(|count| *count > 0);
        let eps = full.memorization.causal_eps.filter(|_| is_fixed);
        assert_eq!(cut.memorization.causal_eps, eps);
        // Steps are final once they can be known, so onsets only move by samples declared later.
        if let Some(settled) = checkpoints.checked_sub(2).filter(|_| is_fixed) {
            let first = |domain: &Domain| domain.memorization.causal.first[..settled].to_vec();
            assert_eq!(first(cut), first(full));
        }
    }
}

#[test]
fn a_run_cut_off_gives_what_the_full_run_says_of_that_checkpoint() {
    let files = run_o();
    for settings in [exact(), few_pairs()] {
        let full = analyse(&files, &settings);
        assert!(full.domains.iter().all(|domain| domain.states.iter().any(|state| state.upper.is_some())));
        for checkpoints in 1..full.checkpoints.len() {
            check_replay(&full, &analyse(&cut_off(&files, checkpoints), &settings));
        }
    }
}

#[test]
fn the_example_cut_off_gives_what_all_of_it_says() {
    let files = example();
    let full = analyse(&files, &few_pairs());
    for checkpoints in [9, 13, 20] {
        check_replay(&full, &analyse(&cut_off(&files, checkpoints), &few_pairs()));
    }
}

#[test]
fn the_rule_chooses_groups_and_changes_no_state() {
    let causal = analyse(&run_o(), &exact());
    let paper = analyse(&run_o(), &Settings { onset_rule: OnsetRule::Paper, ..exact() });
    for (causal_domain, paper_domain) in causal.domains.iter().zip(&paper.domains) {
        assert_eq!(causal_domain.states, paper_domain.states);
        assert_eq!(causal_domain.memorization, paper_domain.memorization);
        assert_eq!(causal_domain.generalization, paper_domain.generalization);
        let n = |report: &Report, domain: &Domain| {
            report.course(&domain.name, "distance", Group::Memorized).unwrap().n.unwrap() as usize
        };
        let found = &causal_domain.memorization;
        assert_eq!(n(&causal, causal_domain), found.causal.first.iter().sum::<usize>());
        assert_eq!(n(&paper, paper_domain), found.memorized);
        assert_ne!(found.causal.first, found.t_star);
        let groups = |report: &Report, domain: &Domain| {
            let of_domain = report.courses.iter().filter(|course| course.domain == domain.name);
            of_domain.filter_map(|course| Some((course.t_star?, course.n? as usize))).collect::<Vec<_>>()
        };
        let of_two = |steps: &[usize]| {
            let groups = steps.iter().copied().enumerate().filter(|(_, count)| *count >= 2);
            groups.collect::<Vec<_>>()
        };
        assert_eq!(groups(&causal, causal_domain), of_two(causal.sample_steps(causal_domain)));
        assert_eq!(groups(&paper, paper_domain), of_two(paper.sample_steps(paper_domain)));
    }
}

#[test]
fn a_threshold_of_the_user_holds_from_the_first_checkpoint() {
    let settings = Settings { eps: [("falls".to_owned(), 0.3)].into(), ..exact() };
    let report = analyse(&run_o(), &settings);
    let found = &report.domain("falls").unwrap().memorization;
    assert_eq!((found.causal_eps, found.eps, found.eps_set_by_user), (Some(0.3), Some(0.3), true));
    assert!(found.causal.declared[2..].iter().zip(&found.causal.first).all(|(late, early)| late == early));
}

#[test]
fn without_losses_there_is_no_state() {
    let mut files = run_o();
    for (name, bytes) in files.iter_mut().filter(|(name, _)| name.starts_with("step-")) {
        let header = String::from_utf8_lossy(bytes).replace("\"loss\":", "\"lost\":");
        assert_ne!(header.as_bytes(), bytes.as_slice(), "{name}");
        let at = bytes.windows(7).position(|bytes| bytes == b"\"loss\":").unwrap();
        bytes[at..at + 7].copy_from_slice(b"\"lost\":");
    }
    let report = analyse(&files, &few_pairs());
    for domain in &report.domains {
        assert_eq!(domain.states, Vec::<State>::new());
        assert_eq!(domain.memorization.causal_eps, None);
        assert_eq!(domain.memorization.causal.never, domain.samples);
    }
}
