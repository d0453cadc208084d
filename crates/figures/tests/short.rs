//! Links for QR codes: they open, fit, and print no figures that the report does not print.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

#[expect(dead_code, reason = "tests of the report use more of it")]
#[path = "../../report/tests/synthetic/mod.rs"]
mod synthetic;

use std::collections::BTreeSet;

use figures::{Short, short, verdict};
use report::{LinkOptions, Parts, Report};
use synthetic::{DEMO_STEPS, DOMAINS, OLMOE, SMALL};

/// Characters for the data of a link, as in a URL of 600 bytes.
const MOST: usize = 560;

/// The words with digits in what the verdict says about a domain.
fn numbers(report: &Report, domain: &str) -> BTreeSet<String> {
    let lines = verdict(report);
    let line = lines.iter().find(|line| line.starts_with(&format!("{domain}: "))).unwrap();
    let words = line.split_whitespace().filter(|word| word.contains(|letter: char| letter.is_ascii_digit()));
    words.map(|word| word.trim_matches([',', ';', '.', '(', ')']).to_owned()).collect()
}

/// Checks the properties that every short link has. Returns the link and the report that it opens.
fn checked(report: &Report, most: usize) -> (Short, Report) {
    let found = short(report, most).unwrap();
    println!("{}: {} characters", found.content, found.link.text.len());
    assert!(found.link.text.len() <= most + "#r=".len(), "{}", found.link.text.len());
    let opened = report::decode(&found.link.text).unwrap();
    assert_eq!(opened, found.link.seen);
    for domain in &opened.domains {
        let (sent, seen) = (numbers(report, &domain.name), numbers(&opened, &domain.name));
        assert!(seen.is_subset(&sent), "{:?}", seen.difference(&sent));
        assert!(!seen.is_empty());
    }
    (found, opened)
}

#[test]
fn many_checkpoints_are_thinned() {
    let report = synthetic::report(&synthetic::many_steps(61), SMALL, &["add", "mul"], 3, false);
    let (found, opened) = checked(&report, MOST);
    let kept = opened.checkpoints.len();
    assert!((6..61).contains(&kept), "{kept}");
    assert!(found.content.contains(&format!("{kept} of 61 checkpoints, all 2 domains")), "{}", found.content);
    assert!(found.content.contains(&format!("rounded to {} bits", found.link.bits)), "{}", found.content);
    assert_eq!(verdict(&opened)[0], verdict(&report)[0], "the headline");
    let steps: Vec<u64> = opened.steps().collect();
    assert_eq!(
        (steps.first(), steps.last()),
        (report.steps().next().as_ref(), report.steps().last().as_ref())
    );
    let rule = report.settings.onset_rule;
    for domain in &report.domains {
        let half = report.checkpoints[domain.memorization.half(rule).unwrap()].step;
        assert!(steps.contains(&half), "the onset at step {half}");
        let same = opened.domain(&domain.name).unwrap();
        assert_eq!(opened.checkpoints[same.memorization.half(rule).unwrap()].step, half);
    }
    let note = opened.notes.iter().find(|note| note.text.contains("shortened")).unwrap();
    assert!(note.text.contains(&format!("{} of the 61 checkpoints", 61 - kept)), "{}", note.text);
}

#[test]
fn a_shortened_report_is_shared_again_with_the_same_claims() {
    let report = synthetic::report(&DEMO_STEPS, SMALL, &["add", "mul"], 5, false);
    let (_, opened) = checked(&report, MOST);
    let options = LinkOptions { parts: Parts { title: true, ..Parts::NONE }, bits: None };
    let again = report::decode(&report::encode(&opened, &options).unwrap()).unwrap();
    assert_eq!(verdict(&again)[..3], verdict(&opened)[..3]);
    assert_eq!(again.notes, opened.notes);
    assert_eq!(report::parse_json(&report::json(&opened)).unwrap(), opened);
}

#[test]
fn domains_are_left_out_if_they_do_not_fit() {
    let names: Vec<String> = (0..12).map(|at| format!("domain number {at}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let report = synthetic::report(&synthetic::many_steps(61), OLMOE, &names, 3, false);
    let (found, opened) = checked(&report, MOST);
    assert!((1..12).contains(&opened.domains.len()), "{}", found.content);
    assert!(found.content.contains("of 12 domains"), "{}", found.content);
    assert!(
        !verdict(&opened)[0].starts_with("Pathway distance follows"),
        "the headline makes no statement about all domains"
    );
}

#[test]
fn small_reports_are_whole() {
    let report = synthetic::report(&DEMO_STEPS[..4], SMALL, &DOMAINS[..1], 1, false);
    let found = short(&report, 2_000).unwrap();
    let opened = report::decode(&found.link.text).unwrap();
    assert!(found.content.starts_with("all 4 checkpoints, its only domain, values"), "{}", found.content);
    assert!(opened.shortened.is_none());
}

#[test]
fn too_little_room_is_an_error() {
    let report = synthetic::report(&DEMO_STEPS, SMALL, &DOMAINS, 1, false);
    let message = short(&report, 60).unwrap_err().to_string();
    assert!(message.contains("QR code") && message.contains("60"), "{message}");
}
