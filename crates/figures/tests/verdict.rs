//! The verdict claims what the numbers carry and nothing else.

#[expect(dead_code, reason = "only the other tests need ragged reports")]
mod common;

use common::small;
use figures::verdict;
use report::{CausalSteps, Course, GateKind, Group, Report};

fn line<'a>(lines: &'a [String], domain: &str) -> &'a str {
    let opening = format!("{domain}: ");
    lines.iter().find(|line| line.starts_with(&opening)).map_or("", String::as_str)
}

/// The first course of a metric, which is that of math.
fn course<'a>(report: &'a mut Report, metric: &str) -> &'a mut Course {
    report
        .courses
        .iter_mut()
        .find(|course| course.metric == metric)
        .unwrap_or_else(|| panic!("no course of {metric}"))
}

fn math(report: &Report) -> String {
    line(&verdict(report), "math").to_owned()
}

#[test]
fn numbers_and_intervals_are_the_reports() {
    let text = math(&small());
    assert!(text.contains("25 % of 200 samples memorized before the last checkpoint (loss ≤ 1.1), half of them by step 1,000"), "{text}");
    assert!(text.contains("accuracy rises from 0.20 to 0.93, most of it after step 2,000"), "{text}");
    // 12.0 to 10.0: -16.7 %; bound (0.2 + 10/12 * 0.2) / 12 = 3.06 %.
    assert!(
        text.contains(
            "falls by 17 % (95 % interval 14 to 20 % or narrower) between step 1,000 and step 4,000"
        ),
        "{text}"
    );
    assert!(
        text.contains("Strong negative correlation with accuracy over 5 checkpoints (r = −0.90, p = 0.025)"),
        "{text}"
    );
}

#[test]
fn a_change_inside_its_interval_is_no_change() {
    let lines = verdict(&small());
    // In code the distance goes from 12 to 12.
    assert!(line(&lines, "code").contains("shows no change beyond its interval"), "{lines:?}");
    assert!(
        line(&lines, "code")
            .contains("No correlation with accuracy over 5 checkpoints (r = 0.10, p = 0.800)"),
        "{lines:?}"
    );
    assert_eq!(
        lines[0],
        "Pathway distance correlates negatively with accuracy: strongly in math, not in code."
    );
    let mut report = small();
    course(&mut report, "accuracy").values = vec![Some(0.5), None, None, None, Some(0.55)];
    assert!(math(&report).contains("accuracy changes from 0.50 to 0.55, within its interval (100 items)"));
}

#[test]
fn without_standard_errors_nothing_is_claimed() {
    let mut report = small();
    report.courses.retain(|course| course.metric != "distance_ci");
    let text = math(&report);
    assert!(
        text.contains(
            "changes from 12.00 to 10.00 symbols between step 1,000 and step 4,000, without an interval"
        ),
        "{text}"
    );
    assert!(!text.contains("falls by"), "{text}");
}

#[test]
fn what_is_missing_is_said() {
    let mut report = small();
    report.courses.retain(|course| !["accuracy", "consistency"].contains(&course.metric.as_str()));
    report.run.gate_kind = GateKind::SelectionFrequency;
    let all = verdict(&report).join("\n");
    assert!(all.contains("accuracy is missing"), "{all}");
    assert!(all.contains("No benchmark results were given"), "{all}");
    assert!(all.contains("selection frequency"), "{all}");
    assert!(all.contains("Consistency needs at least three layers"), "{all}");
    assert!(all.contains("one small model (2 layers of 4 experts)"), "{all}");
    assert!(!all.contains("correlat"), "{all}");
}

#[test]
fn gates_by_sigmoid_are_named() {
    let mut report = small();
    assert!(!verdict(&report).join("\n").contains("sigmoid"));
    report.run.gate_kind = GateKind::SigmoidNormalizedMean;
    let all = verdict(&report).join("\n");
    assert!(all.contains("The routers score by sigmoid"), "{all}");
    assert!(!all.contains("selection"), "{all}");
}

#[test]
fn no_threshold_means_nothing_is_memorized() {
    let mut report = small();
    report.domains[0].memorization.causal_eps = None;
    report.domains[0].memorization.causal = CausalSteps::default();
    report.courses.retain(|course| {
        course.domain != "math" || course.metric != "distance" || course.group == Group::All
    });
    let text = math(&report);
    assert!(text.contains("no loss threshold qualifies"), "{text}");
    assert!(text.contains("Pathway distance of the all samples").eq(&false), "{text}");
    assert!(text.contains("Pathway distance of all samples"), "{text}");
}

#[test]
fn small_groups_and_short_runs_are_named() {
    let mut report = small();
    let distances = |report: &mut Report, domain: &str, n: u64| {
        let of_domain = report.courses.iter_mut().filter(|course| course.domain == domain);
        of_domain.filter(|course| course.metric == "distance").for_each(|course| course.n = Some(n));
    };
    distances(&mut report, "math", 2);
    assert!(math(&report).contains("a group of 2 samples is too small"));
    distances(&mut report, "code", 5);
    assert!(line(&verdict(&report), "code").contains("(only 5 samples)"));
    report.checkpoints.truncate(3);
    for domain in &mut report.domains {
        for found in &mut domain.correlations {
            found.n = 3;
        }
    }
    let all = verdict(&report).join("\n");
    assert!(all.contains("Only 3 checkpoints"), "{all}");
    assert!(all.contains("3 checkpoints are too few for a correlation with accuracy"), "{all}");
}

#[test]
fn unstable_consistency_allows_no_conclusion() {
    let mut report = small();
    course(&mut report, "consistency_undefined").values = vec![Some(0.07); 5];
    assert!(
        math(&report).contains("Consistency is unstable (up to 7.0 % of the samples have no value)"),
        "{}",
        math(&report)
    );
    report = small();
    course(&mut report, "consistency_upper").values = vec![Some(19.0); 5];
    assert!(
        math(&report).contains("Consistency is unstable (the interquartile range, "),
        "{}",
        math(&report)
    );
    assert!(
        math(&small())
            .contains("Strong positive correlation of consistency with accuracy over 5 checkpoints")
    );
}

#[test]
fn an_empty_report_is_no_reason_to_speak() {
    let mut report = small();
    report.domains.clear();
    assert_eq!(verdict(&report).len(), 1);
}
