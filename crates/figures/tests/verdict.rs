//! The verdict says what the report's claims say, and nothing else.

#[expect(dead_code, reason = "only the other tests need ragged reports")]
mod common;

use common::small;
use report::{Course, Exchange, GateKind, Group, OnsetRule, Report};

/// The verdict on a changed report.
fn verdict(report: &Report) -> Vec<String> {
    let claims = report::claims(report);
    figures::verdict(&Report { claims, ..report.clone() })
}

fn line(report: &Report, domain: &str) -> String {
    let opening = format!("{domain}: ");
    verdict(report).into_iter().find(|line| line.starts_with(&opening)).unwrap_or_default()
}

/// Whether the paragraph of a domain contains a text.
#[track_caller]
fn says(report: &Report, domain: &str, text: &str) {
    let line = line(report, domain);
    assert!(line.contains(text), "{text} is missing in: {line}");
}

/// The first course of a metric, which is that of math.
fn course<'a>(report: &'a mut Report, metric: &str) -> &'a mut Course {
    report
        .courses
        .iter_mut()
        .find(|course| course.metric == metric)
        .unwrap_or_else(|| panic!("no course of {metric}"))
}

#[test]
fn numbers_and_intervals_are_the_reports() {
    let report = small();
    // 50 of 200 declared, 3 of them relapsed.
    says(
        &report,
        "math",
        "25 % of 200 samples memorized (loss ≤ 1.1), half of them by step 1,000, and 6.0 % of them have a loss above 1.15 again at some later checkpoint",
    );
    says(&report, "math", "accuracy rises from 0.20 to 0.93, most of it after step 2,000");
    says(
        &report,
        "math",
        "Half of the items that generalize do so by step 2,000, not clearly later than half of the memorized samples",
    );
    says(
        &report,
        "math",
        "Pathway distance of the 50 memorized samples falls by 20 % between step 2,000 and step 4,000 (95 % \
         interval −24 to −16 %, over the choice of samples, not over other runs of the training)",
    );
    says(
        &report,
        "math",
        "Over 5 checkpoints, distance follows accuracy more closely than chance and a clock explain (r = −0.90; \
         p = 0.042 for its increments in another order; p = 0.042 once both are adjusted for the clock; the clock, log \
         of the step, has r = 0.90)",
    );
    says(
        &report,
        "math",
        "The matching of groups is not distinctive: 34 % of 999 shuffled matchings score as well",
    );
}

#[test]
fn the_papers_rule_has_its_own_onsets_and_no_relapses() {
    let mut report = small();
    report.settings.onset_rule = OnsetRule::Paper;
    says(
        &report,
        "math",
        "25 % of 200 samples memorized by the paper’s rule, whether or not their loss has fallen (loss ≤ 1.1), half of \
         them by step 1,000; accuracy",
    );
}

#[test]
fn items_are_generalized_later_beyond_both_intervals_and_where_accuracy_rises() {
    let mut report = small();
    let set = |report: &mut Report, samples: [usize; 5]| {
        let memorization = &mut report.domains[0].memorization;
        memorization.causal.first = samples.to_vec();
        memorization.fallen = samples.iter().sum();
    };
    // Members 18 to 33 of 50 samples, and 2 to 10 of 11 items.
    set(&mut report, [0, 33, 17, 0, 0]);
    says(
        &report,
        "math",
        "Half of the items that generalize do so by step 2,000, 1,000 steps after half of the memorized samples",
    );
    set(&mut report, [0, 32, 18, 0, 0]);
    says(&report, "math", "by step 2,000, not clearly later than half of the memorized samples");
    // Three of the earliest may have been low from the start: members 18 to 33 of the others.
    set(&mut report, [0, 34, 17, 0, 0]);
    report.domains[0].memorization.fallen = 48;
    says(&report, "math", "by step 2,000, not clearly later than half of the memorized samples");
    // Seven samples have no interval.
    set(&mut report, [0, 7, 0, 0, 0]);
    says(&report, "math", "Half of the items that generalize do so by step 2,000. ");
    set(&mut report, [0, 33, 17, 0, 0]);
    course(&mut report, "accuracy").values = vec![Some(0.5), None, None, None, Some(0.55)];
    assert!(!line(&report, "math").contains("generalize"), "{}", line(&report, "math"));
}

#[test]
fn less_than_a_fifth_is_not_claimed_as_memorized() {
    let mut report = small();
    report.domains[0].memorization.causal.first = vec![0, 39, 0, 0, 0];
    says(&report, "math", "only 39 of 200 samples memorized (loss ≤ 1.1), less than a fifth; accuracy");
    report.domains[0].memorization.causal.first = vec![0, 40, 0, 0, 0];
    says(&report, "math", "20 % of 200 samples memorized (loss ≤ 1.1), half of them by step 1,000");
    // Losses that were low from the start.
    report.domains[0].memorization.fallen = 39;
    says(
        &report,
        "math",
        "20 % of 200 samples have low and steady losses (loss ≤ 1.1), but only 39 of these losses have fallen by half, so \
         memorization is not shown; accuracy",
    );
}

#[test]
fn requested_changes_are_said_and_others_are_not() {
    let mut report = small();
    assert!(figures::requested_changes(&report).is_empty());
    let asked =
        report::Change { requested: true, from: 1, ratio: 1.05, ..report.domains[0].changes[0].clone() };
    report.domains[0].changes.push(asked);
    assert_eq!(
        figures::requested_changes(&report),
        [
            "math: Pathway distance of the 100 memorized samples changes by +5.0 % between step 1,000 and step 4,000 \
             (95 % interval +1.0 to +9.0 %, over the choice of samples, not over other runs of the training)."
        ]
    );
    // No claim rests on it, even where it is the only change.
    report.domains[0].changes.remove(0);
    says(&report, "math", "has no interval of its change, so none is claimed");
}

#[test]
fn a_change_inside_its_interval_is_no_change() {
    let report = small();
    says(
        &report,
        "code",
        "shows no change beyond its interval between step 2,000 and step 4,000 (95 % interval −3.0 to +5.0 %",
    );
    says(
        &report,
        "code",
        "That distance follows accuracy cannot be told from chance with 5 checkpoints (r = 0.10;",
    );
    let mut report = small();
    course(&mut report, "accuracy").values = vec![Some(0.5), None, None, None, Some(0.55)];
    says(&report, "math", "accuracy changes from 0.50 to 0.55, within its interval (100 items)");
}

#[test]
fn the_headline_names_the_domains() {
    let headline = |report: &Report| verdict(report)[0].clone();
    let mut report = small();
    assert_eq!(
        headline(&report),
        "Pathway distance follows accuracy in math; in code it cannot be told from chance with 5 checkpoints."
    );
    report.domains[0].correlations[0].increments_clock_p = Some(0.05);
    assert_eq!(
        headline(&report),
        "Pathway distance follows accuracy in no domain; in math no more than a clock would; in code it cannot be \
         told from chance with 5 checkpoints."
    );
    says(
        &report,
        "math",
        "Over 5 checkpoints, distance follows accuracy no more than a clock would (r = −0.90;",
    );
    report.domains[1].correlations[0].increments_r = Some(0.9);
    report.domains[1].correlations[0].increments_p = Some(0.01);
    assert!(headline(&report).ends_with("; in code it has the opposite sign."), "{}", headline(&report));
    says(&report, "code", "distance has the opposite sign of following accuracy (r = 0.90;");
}

#[test]
fn exchanged_domains_are_told_from_chance_or_not() {
    let mut report = small();
    report.exchange = vec![Exchange {
        metric: "distance".into(),
        group: Group::Memorized,
        statistic: Some(-2.5),
        p: Some(0.0417),
        assignments: 24,
        exact: true,
        domains: 4,
        undefined: None,
    }];
    assert_eq!(
        verdict(&report)[1],
        "Each domain’s distance follows its own accuracy better than those of other domains: p = 0.042 among 24 \
         assignments of distances to accuracies."
    );
    report.exchange[0].p = Some(0.5);
    assert!(verdict(&report)[1].contains("cannot be told from chance: p = 0.500"), "{:?}", verdict(&report));
    (report.exchange[0].domains, report.exchange[0].p) = (3, None);
    assert!(
        verdict(&report)[1].starts_with("With 3 domains, exchanging them cannot show"),
        "{:?}",
        verdict(&report)
    );
}

#[test]
fn a_sign_that_depends_on_the_start_is_told() {
    let mut report = small();
    assert!(!line(&report, "math").contains("The sign depends"));
    for course in &mut report.courses {
        if course.is("math", "distance", Group::Memorized) && course.tau == Some(0.7) {
            course.values = vec![Some(5.0), Some(9.0), Some(12.0), Some(13.0), Some(11.0)];
        }
    }
    // Nothing is memorized before step 1,000, so the rise from step 0 does not count.
    says(
        &report,
        "math",
        "The sign depends on the starting checkpoint: +22.2 % from step 1,000, −15.4 % from step 3,000",
    );
}

#[test]
fn a_matching_is_distinctive_beyond_its_margin_and_its_null() {
    let mut report = small();
    let set = |report: &mut Report, second: f64, share: Option<f64>| {
        let delays = report.domains[0].delays.as_mut().unwrap();
        (delays.second_best_total, delays.null_share) = (Some(second), share);
    };
    set(&mut report, 1.83, Some(0.004));
    says(
        &report,
        "math",
        "The matching of groups is distinctive: 0.4 % of 999 shuffled matchings score as well",
    );
    // The margin is a hundredth of the mean score of a pair, 0.00945.
    set(&mut report, 1.881, Some(0.004));
    says(&report, "math", "not distinctive: the second best scores 1.8810, the best 1.8900; 0.4 % of 999");
    set(&mut report, 1.83, None);
    assert!(!line(&report, "math").contains("matching"), "{}", line(&report, "math"));
}

#[test]
fn without_an_interval_nothing_is_claimed() {
    let mut report = small();
    report.domains[0].changes.clear();
    says(
        &report,
        "math",
        "Pathway distance of the 50 memorized samples has no interval of its change, so none is claimed",
    );
    assert!(!line(&report, "math").contains("falls"));
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
    assert!(!all.contains("follow"), "{all}");
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
    report.courses.retain(|course| {
        course.domain != "math" || course.metric != "distance" || course.group == Group::All
    });
    says(&report, "math", "no loss threshold qualifies");
    says(&report, "math", "Pathway distance of all 200 samples");
}

#[test]
fn small_groups_and_short_runs_are_named() {
    let mut report = small();
    report.domains[0].changes.clear();
    let of_math = report.courses.iter_mut().filter(|course| course.domain == "math");
    of_math.filter(|course| course.metric == "distance").for_each(|course| course.n = Some(2));
    says(&report, "math", "a group of 2 samples is too small");
    for found in report.domains.iter_mut().flat_map(|domain| &mut domain.correlations) {
        (found.n, found.increments_orders) = (4, 6);
    }
    says(&report, "math", "4 checkpoints are too few to tell whether distance follows accuracy");
    let all = verdict(&report).join("\n");
    assert!(all.contains("cannot be told from chance with fewer than five checkpoints"), "{all}");
}

#[test]
fn unstable_consistency_allows_no_conclusion() {
    let mut report = small();
    course(&mut report, "consistency_undefined").values = vec![Some(0.07); 5];
    says(&report, "math", "Consistency is unstable (up to 7.0 % of the samples have no value)");
    report = small();
    course(&mut report, "consistency_upper").values = vec![Some(19.0); 5];
    says(&report, "math", "Consistency is unstable (the interquartile range, ");
    says(&small(), "math", "Over 5 checkpoints, consistency follows accuracy more closely");
}

#[test]
fn an_empty_report_is_no_reason_to_speak() {
    let mut report = small();
    report.checkpoints.clear();
    assert_eq!(verdict(&report).len(), 1);
}
