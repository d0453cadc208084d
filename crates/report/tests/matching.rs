//! Experts of two runs, matched by their load.

#![expect(clippy::unwrap_used, reason = "a test fails by it")]

#[expect(dead_code, reason = "other tests need the rest")]
mod golden;
mod support;

use std::sync::OnceLock;

use golden::run_a;
use report::{Report, Settings, match_experts};
use support::analyse;

fn report() -> Report {
    static REPORT: OnceLock<Report> = OnceLock::new();
    REPORT.get_or_init(|| analyse(&run_a(), &Settings::default())).clone()
}

/// The report with expert `e` of every layer renamed to `(5 e + 3) mod 16`.
fn renamed(mut report: Report) -> Report {
    for domain in &mut report.domains {
        for counts in domain.expert_selections.iter_mut().flatten().flatten() {
            let old = counts.clone();
            for (expert, count) in old.into_iter().enumerate() {
                counts[(5 * expert + 3) % 16] = count;
            }
        }
    }
    report
}

#[test]
fn renamed_experts_are_found_again() {
    let found = match_experts(&report(), &renamed(report())).unwrap();
    assert_eq!(found.domains, ["math", "code"]);
    assert_eq!((found.steps, found.layers.len()), ([7000, 7000], 4));
    for layer in &found.layers {
        assert!(layer.matched < 1e-12, "{}", layer.matched);
        assert!(layer.same_ids > 0.1 && layer.next_layer.unwrap() > 0.02);
        let mut partners = layer.partner.clone();
        partners.sort_unstable();
        assert_eq!(partners, (0..16).collect::<Vec<_>>());
    }
    // Experts whose loads differ from all others have only one partner.
    let loads = |expert: usize| {
        let of = |domain: &report::Domain| domain.expert_selections[6].as_ref().unwrap()[0][expert];
        report().domains.iter().map(of).collect::<Vec<u64>>()
    };
    for expert in
        (0..16).filter(|&expert| (0..16).all(|other| other == expert || loads(other) != loads(expert)))
    {
        assert_eq!(found.layers[0].partner[expert], (5 * expert + 3) % 16);
    }
}

/// The difference by hand: one domain, loads 3, 1, 0 of 4 and 0, 2, 2 of 4.
#[test]
fn a_difference_is_the_share_of_selections_that_would_have_to_move() {
    let with = |loads: [u64; 16]| {
        let mut report = report();
        report.domains.truncate(1);
        for counts in report.domains[0].expert_selections.iter_mut().flatten().flatten() {
            *counts = loads.to_vec();
        }
        report
    };
    let mut first = [0; 16];
    first[..3].copy_from_slice(&[3, 1, 0]);
    let mut second = [0; 16];
    second[..3].copy_from_slice(&[0, 2, 2]);
    let found = match_experts(&with(first), &with(second)).unwrap();
    // By ids, 3 of 4 selections move; matched, 3 with 2 and 1 with 2: 1 of 4.
    assert!((found.layers[0].same_ids - 0.75).abs() < 1e-12);
    assert!((found.layers[0].matched - 0.25).abs() < 1e-12);
}

#[test]
fn other_shapes_and_reports_without_selections_are_not_matched() {
    let mut other = report();
    other.run.layers = 3;
    assert_eq!(match_experts(&report(), &other), None);
    let mut other = report();
    for domain in &mut other.domains {
        domain.expert_selections.clear();
    }
    assert_eq!(match_experts(&report(), &other), None);
    let mut other = report();
    for domain in &mut other.domains {
        domain.name.push('x');
    }
    assert_eq!(match_experts(&report(), &other), None);
}
