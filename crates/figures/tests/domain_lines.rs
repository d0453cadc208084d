//! One line per domain agrees with the verdict.

#[expect(dead_code, reason = "only the other tests need ragged reports")]
mod common;

use common::small;
use figures::{DomainLine, TOP_LINES, brief, domain_lines, verdict};
use report::{Domain, Report};

/// A report with its claims.
fn claimed(report: Report) -> Report {
    let claims = report::claims(&report);
    Report { claims, ..report }
}

fn lines(report: Report) -> Vec<DomainLine> {
    domain_lines(&claimed(report))
}

/// The small report with that many domains, of which only the last one's claims of math hold.
fn many(number: usize) -> Report {
    let mut report = small();
    let (math, code) = (report.domains[0].clone(), report.domains[1].clone());
    let named = |domain: &Domain, at: usize| Domain { name: format!("domain {at}"), ..domain.clone() };
    let domains = (0..number).map(|at| named(if at + 1 == number { &math } else { &code }, at)).collect();
    let courses = std::mem::take(&mut report.courses);
    for at in 0..number {
        let source = if at + 1 == number { "math" } else { "code" };
        let of_source =
            courses.iter().filter(|course| course.domain == source && course.other_domain.is_none());
        report.courses.extend(
            of_source.map(|course| report::Course { domain: format!("domain {at}"), ..course.clone() }),
        );
    }
    report.domains = domains;
    report
}

#[test]
fn a_line_has_state_and_change_in_the_words_of_the_verdict() {
    let lines = lines(small());
    let texts =
        |line: &DomainLine| (line.name.clone(), line.state.clone(), line.delay.clone(), line.change.clone());
    assert_eq!(
        texts(&lines[0]),
        (
            "math".into(),
            "memorized; generalized, not clearly later".into(),
            None,
            Some("falls by 20 % (−24 to −16 %)".into())
        )
    );
    assert_eq!(lines[1].change.as_deref(), Some("no change beyond its interval (−3.0 to +5.0 %)"));
}

#[test]
fn a_delay_is_given_only_if_items_are_clearly_later() {
    let mut report = small();
    report.domains[0].memorization.causal.first = vec![0, 33, 17, 0, 0];
    report.domains[0].memorization.fallen = 50;
    let line = &lines(report)[0];
    assert_eq!(
        (line.state.as_str(), line.delay.as_deref()),
        ("memorized, then generalized", Some("1,000 steps"))
    );
}

#[test]
fn what_is_not_memorized_is_said() {
    let state = |change: fn(&mut Domain)| {
        let mut report = small();
        change(&mut report.domains[0]);
        lines(report)[0].state.clone()
    };
    assert_eq!(
        state(|math| math.memorization.causal_eps = None),
        "none memorized; generalized, not clearly later"
    );
    assert_eq!(
        state(|math| math.memorization.fallen = 39),
        "memorization not shown; generalized, not clearly later"
    );
    assert_eq!(
        state(|math| {
            math.memorization.causal.first = vec![0, 39, 0, 0, 0];
            math.generalization = None;
        }),
        "less than a fifth memorized"
    );
    let mut report = small();
    report.domains[0].changes.clear();
    report.domains[0].memorization = report::Memorization::default();
    for course in report.courses.iter_mut().filter(|course| course.metric == "loss") {
        course.values = vec![None; 5];
    }
    let line = &lines(report)[0];
    assert_eq!(line.change, None);
    assert!(line.state.starts_with("no losses"), "{}", line.state);
}

#[test]
fn sparklines_fill_their_box_and_break_at_gaps() {
    let mut report = small();
    for course in &mut report.courses {
        if course.domain == "math" && course.metric == "accuracy" {
            course.values = vec![Some(0.0), None, Some(0.5), Some(1.0), Some(1.0)];
        }
        if course.domain == "code" && course.metric == "accuracy" {
            course.values = vec![Some(0.5), None, None, None, None];
        }
    }
    let lines = lines(report);
    assert_eq!(lines[0].accuracy, "M2.0 22.0M60.0 12.0L89.0 2.0L118.0 2.0");
    // 10, 12, 11, 10.5 and 10.
    assert_eq!(lines[0].distance, "M2.0 22.0L31.0 2.0L60.0 12.0L89.0 17.0L118.0 22.0");
    assert_eq!(lines[1].accuracy, "");
}

#[test]
fn many_domains_are_counted_and_the_decided_ones_come_first() {
    let few = lines(many(TOP_LINES));
    assert_eq!(few[0].name, "domain 0");
    let report = claimed(many(20));
    assert!(
        verdict(&report)[0]
            .starts_with("Pathway distance follows accuracy in 1 of 20 domains; in 19 of 20 domains"),
        "{}",
        verdict(&report)[0]
    );
    let lines = domain_lines(&report);
    assert_eq!((lines.len(), lines[0].domain), (20, 19));
    assert_eq!(lines[1].domain, 0, "the order of the report among equals");
}

#[test]
fn a_report_without_checkpoints_has_lines_without_courses() {
    let mut report = small();
    report.checkpoints.clear();
    let lines = lines(report);
    assert_eq!(lines.len(), 2);
    assert!(lines.iter().all(|line| line.distance.is_empty() && line.accuracy.is_empty()));
}

#[test]
fn the_short_verdict_has_the_headline_and_a_line_per_domain() {
    let report = claimed(small());
    let said = brief(&report);
    assert_eq!(said[0], verdict(&report)[0]);
    assert_eq!(
        said[1],
        "math: memorized; generalized, not clearly later; pathway distance falls by 20 % (−24 to −16 %)"
    );
    assert_eq!(said.len(), 1 + report.domains.len());
    let many = claimed(many(9));
    assert_eq!(brief(&many).last().map(String::as_str), Some("3 more domains"));
    assert!(brief(&many).concat().len() < 1_000);
}
