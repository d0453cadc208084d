//! The tour of a report: six steps where the report has their figures, and no number that the report does not have.

#[expect(dead_code, reason = "only the other tests need ragged reports")]
mod common;

use std::collections::BTreeSet;

use common::small;
use figures::{ChartOptions, LayerMeasure, TimelineOptions, Tour, number, tour};
use report::{Course, Report};

/// The small report with claims.
fn complete(mut report: Report) -> Report {
    report.claims = report::claims(&report);
    report
}

fn titles(tour: &Tour) -> Vec<&str> {
    tour.steps.iter().map(|step| step.title.as_str()).collect()
}

/// The numbers of a text: digits with points and thousands separators, without signs.
fn numbers(text: &str) -> BTreeSet<String> {
    let parts = text.split(|letter: char| !letter.is_ascii_digit() && letter != '.' && letter != ',');
    let trimmed = parts.map(|part| part.trim_matches(['.', ',']).to_owned());
    trimmed.filter(|part| !part.is_empty()).collect()
}

/// All ways in which the figures of a report are written.
fn figures_of(report: &Report) -> BTreeSet<String> {
    let mut values: Vec<f64> = Vec::new();
    values.extend(report.courses.iter().flat_map(|course| &course.values).flatten());
    values.extend(report.claims.iter().flat_map(|claim| claim.figures.values()));
    values.extend(report.steps().map(|step| step as f64));
    values.extend([report.run.layers as f64, report.run.experts as f64, report.settings.tau]);
    for domain in &report.domains {
        values.extend([domain.samples as f64, domain.items as f64]);
    }
    // Layers are counted from 0; 95 is the level of the intervals.
    let mut texts: BTreeSet<String> = (0..report.run.layers).map(|layer| layer.to_string()).collect();
    texts.insert("95".into());
    for value in values {
        let size = value.abs();
        texts.insert(number::plain(size));
        texts.extend(
            [size, 100.0 * size]
                .into_iter()
                .flat_map(|size| (0..=4).map(move |digits| number::fixed(size, digits))),
        );
        texts.insert(number::fixed(size, 3).trim_end_matches('0').trim_end_matches('.').to_owned());
    }
    texts
}

#[test]
fn the_tour_has_six_steps_that_exist() {
    let report = complete(small());
    let tour = tour(&report, true);
    assert_eq!(tour.left_out, "");
    assert_eq!(
        titles(&tour),
        [
            // Accuracy is not clearly later, so the loss is not said to fall first.
            "The loss falls",
            "Accuracy",
            "Pathway distance",
            "Layer by layer",
            "The distance map",
            "What this does not prove"
        ]
    );
    let timeline: Vec<String> =
        figures::timeline(&report, &TimelineOptions::default()).into_iter().map(|figure| figure.id).collect();
    for step in &tour.steps {
        assert!(!step.shows.is_empty() && !step.limits.is_empty(), "{step:?}");
        assert!(step.checkpoint < report.checkpoints.len(), "{step:?}");
        let options = ChartOptions::default();
        match step.view.as_str() {
            "timeline" => assert!(timeline.contains(&step.chart), "{step:?}"),
            "layers" => {
                let measure = LayerMeasure::all().next().expect("a measure");
                let figure = figures::layers(&report, &step.domain, measure, &options).expect("a heatmap");
                assert_eq!(step.chart, figure.id);
            }
            "delays" => {
                let figures = figures::delays(&report, &step.domain, &options);
                assert!(figures.iter().any(|figure| figure.id == step.chart), "{step:?}");
            }
            view => assert_eq!((view, step.chart.as_str()), ("map", "map")),
        }
    }
}

#[test]
fn every_number_is_a_figure_of_the_report() {
    let report = complete(small());
    let known = figures_of(&report);
    for traces in [true, false] {
        for step in tour(&report, traces).steps {
            for found in numbers(&format!("{} {}", step.shows, step.limits)) {
                assert!(known.contains(&found), "{found} is no figure of the report: {step:?}");
            }
        }
    }
}

#[test]
fn sentences_follow_the_figures() {
    let mut report = small();
    let before = tour(&complete(report.clone()), true);
    assert!(before.steps[0].shows.contains("from 3.200 at step 0 to 1.500 at step 1,000"), "{before:?}");
    assert!(before.steps[2].shows.contains("falls by 20 % between step 2,000 and step 4,000"), "{before:?}");
    assert!(
        before.steps[3].shows.contains("layer 0 of math changes most, from 4.000 to 3.000"),
        "{before:?}"
    );
    assert!(before.steps[4].shows.contains("one of math is 14.00 from one of code"), "{before:?}");
    report.domains[0].changes[0].ratio = 1.3;
    report.courses.iter_mut().filter(|course| course.layer == Some(1)).for_each(|course: &mut Course| {
        course.values[0] = Some(9.0);
    });
    let after = tour(&complete(report), true);
    assert!(after.steps[2].shows.contains("rises by 30 %"), "{after:?}");
    assert!(after.steps[3].shows.contains("layer 1 of math changes most, from 9.000"), "{after:?}");
}

#[test]
fn without_traces_consistency_takes_the_place_of_the_map() {
    let report = complete(small());
    let tour = tour(&report, false);
    assert_eq!(tour.steps.len(), 6);
    assert_eq!(tour.steps[4].chart, "consistency");
    assert!(tour.steps.iter().all(|step| step.view != "map"));
}

#[test]
fn a_report_without_figures_has_fewer_steps_and_says_so() {
    let mut report = small();
    report.courses.retain(|course| course.layer.is_none() && course.metric != "accuracy");
    let tour = tour(&complete(report), true);
    assert_eq!(tour.steps.len(), 4, "{tour:?}");
    assert_eq!(tour.left_out, "Left out, because the report lacks their figures: accuracy and layers.");
    let empty = figures::tour(&Report { checkpoints: Vec::new(), ..small() }, true);
    assert!(empty.steps.is_empty() && empty.left_out.contains("no checkpoints"), "{empty:?}");
}
