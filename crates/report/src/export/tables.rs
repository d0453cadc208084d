//! The report as tables in long form: one figure per row, empty cells for undefined figures.

use super::{
    onsets::{memorization, states},
    rows::{Table, count, figure, group_name, when},
    statistics::{changes, correlations, exchange},
};
use crate::Report;

/// The tables of a report, each with its file name: `courses.csv`, `memorization.csv`,
/// `states.csv`, `delays.csv`, `correlations.csv`, `exchange.csv`, `changes.csv`, `load.csv`, `coactivation.csv`.
///
/// Every table has a header, even without rows. Figures are exact.
#[must_use]
pub fn csv_tables(report: &Report) -> Vec<(String, String)> {
    [courses, memorization, states, delays, correlations, exchange, changes, load, coactivation]
        .into_iter()
        .map(|table| table(report).finish())
        .collect()
}

/// Every course: one row per course and checkpoint.
fn courses(report: &Report) -> Table {
    let head = [
        "domain",
        "other_domain",
        "group",
        "metric",
        "unit",
        "layer",
        "tau",
        "t_star",
        "step",
        "tokens",
        "value",
        "se",
        "n",
        "pairs",
    ];
    let mut table = Table::of_gates(report, "courses.csv", &head);
    for course in &report.courses {
        let unit = course.definition().map_or("", |metric| metric.unit.name(report.settings.unit));
        let t_star = course.t_star.and_then(|at| report.checkpoints.get(at)).map(|at| at.step);
        for (place, checkpoint) in report.checkpoints.iter().enumerate() {
            let [step, tokens] = when(checkpoint);
            let se = course.se.as_ref().and_then(|se| se.get(place).copied().flatten());
            table.row([
                course.domain.clone(),
                course.other_domain.clone().unwrap_or_default(),
                group_name(course.group).to_owned(),
                course.metric.clone(),
                unit.to_owned(),
                count(course.layer),
                figure(course.tau),
                count(t_star),
                step,
                tokens,
                figure(course.values.get(place).copied().flatten()),
                figure(se),
                count(course.n),
                count(course.pairs),
            ]);
        }
    }
    table
}

/// Every matched pair of groups.
fn delays(report: &Report) -> Table {
    let head = [
        "domain",
        "t_star",
        "samples",
        "t_sharp",
        "items",
        "delay",
        "score",
        "from_gates",
        "total_score",
        "second_best_total_score",
    ];
    let mut table = Table::new("delays.csv", &head);
    for domain in &report.domains {
        let Some(delays) = &domain.delays else { continue };
        let step =
            |checkpoint: usize| count(report.checkpoints.get(checkpoint).map(|checkpoint| checkpoint.step));
        for pair in &delays.pairs {
            let (Some(train), Some(test)) = (delays.train.get(pair.train), delays.test.get(pair.test)) else {
                continue;
            };
            table.row([
                domain.name.clone(),
                step(train.checkpoint),
                train.count.to_string(),
                step(test.checkpoint),
                test.count.to_string(),
                pair.delay.to_string(),
                pair.score.to_string(),
                delays.from_gates.to_string(),
                delays.total.to_string(),
                figure(delays.second_best_total),
            ]);
        }
    }
    table
}

/// Selections of every expert.
fn load(report: &Report) -> Table {
    let mut table = Table::new("load.csv", &["domain", "step", "tokens", "layer", "expert", "selections"]);
    for domain in &report.domains {
        for (checkpoint, entry) in report.checkpoints.iter().zip(&domain.expert_selections) {
            for (layer, counts) in entry.iter().flatten().enumerate() {
                for (expert, selections) in counts.iter().enumerate() {
                    let [step, tokens] = when(checkpoint);
                    table.row([
                        domain.name.clone(),
                        step,
                        tokens,
                        layer.to_string(),
                        expert.to_string(),
                        selections.to_string(),
                    ]);
                }
            }
        }
    }
    table
}

/// The strongest co-activations at the last checkpoint.
fn coactivation(report: &Report) -> Table {
    let mut table = Table::new("coactivation.csv", &["domain", "layer", "first", "second", "probability"]);
    for domain in &report.domains {
        for (layer, pairs) in domain.coactivation.iter().enumerate() {
            for pair in pairs {
                table.row([
                    domain.name.clone(),
                    layer.to_string(),
                    pair.first.to_string(),
                    pair.second.to_string(),
                    pair.probability.to_string(),
                ]);
            }
        }
    }
    table
}
