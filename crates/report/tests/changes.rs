//! Changes between checkpoints: stored in the report, and computed on demand from an analysis.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

#[expect(dead_code, reason = "other tests use more of it")]
mod golden;
#[expect(dead_code, reason = "other tests use more of it")]
mod support;

use futures::executor::block_on;
use golden::{close, run_a};
use report::{
    Analysis, Group, InlineDistances, NoProgress, OnsetRule, PairBudget, Report, Settings, TraceRun,
};
use support::parts;

#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn analyse(analysis: &Analysis, run: &TraceRun, settings: &Settings) -> Report {
    block_on(analysis.analyse(run, settings, "", &InlineDistances, &NoProgress)).unwrap()
}

/// Distance of a domain's group at a checkpoint.
fn distance(report: &Report, domain: &str, group: Group, at: usize) -> f64 {
    report.course(domain, "distance", group).unwrap().values[at].unwrap()
}

#[test]
fn every_change_is_the_ratio_of_two_distances() {
    let run = report::assemble(&parts(&run_a())).unwrap();
    for pairs in [PairBudget::Exact, PairBudget::Sampled { per_checkpoint: 1 }] {
        let analysis = Analysis::new();
        let settings = Settings { pairs, onset_rule: OnsetRule::Paper, ..Settings::default() };
        let report = analyse(&analysis, &run, &settings);
        let last = report.checkpoints.len() - 1;
        for domain in &report.domains {
            for group in [Group::All, Group::Memorized] {
                let stored = domain.changes.iter().find(|change| change.group == group).unwrap();
                assert_eq!((stored.to, &stored.metric[..]), (last, "distance"));
                for (from, to) in [(0, 1), (stored.from, last), (4, 2)] {
                    let change = |from, to| {
                        analysis.change_between(&run, &settings, &domain.name, group, from, to).unwrap()
                    };
                    let found = change(from, to);
                    let at = |at| distance(&report, &domain.name, group, at);
                    close(Some(found.ratio), Some(at(to) / at(from)), 1e-12, "ratio");
                    close(Some(found.ratio * change(to, from).ratio), Some(1.0), 1e-12, "there and back");
                    assert!(found.se_ratio > 0.0 && found.half_width > 1.9 * found.se_ratio);
                    if (from, to) == (stored.from, last) {
                        assert_eq!(found, *stored);
                    }
                }
                let none = |from, to| {
                    analysis.change_between(&run, &settings, &domain.name, group, from, to).is_none()
                };
                assert!(none(1, 1) && none(0, last + 1) && none(usize::MAX, 0));
            }
        }
        assert_eq!(analysis.change_between(&run, &settings, "none", Group::All, 0, 1), None);
        let other = Settings { tau: 0.65, ..settings.clone() };
        assert_eq!(analysis.change_between(&run, &other, "math", Group::All, 0, 1), None, "not measured yet");
    }
}

/// Distances that were measured as another threshold have their sums too.
#[test]
fn a_cached_threshold_has_changes() {
    let run = report::assemble(&parts(&run_a())).unwrap();
    let analysis = Analysis::new();
    let exact = Settings { pairs: PairBudget::Exact, onset_rule: OnsetRule::Paper, ..Settings::default() };
    analyse(&analysis, &run, &exact);
    let other = Settings { tau: 0.6, ..exact };
    let cached = analyse(&analysis, &run, &other);
    let fresh = analyse(&Analysis::new(), &run, &other);
    for (cached, fresh) in cached.domains.iter().zip(&fresh.domains) {
        assert_eq!(cached.changes, fresh.changes);
        assert_eq!(cached.changes.len(), 2);
    }
}
