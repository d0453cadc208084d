//! Several runs as one table, a row per run and domain.

use report::{Group, OnsetRule, Report};

use crate::{
    onset::Onsets,
    series,
    table::{Cell, Column, NamedTable, Table},
    verdict::domain_lines,
};

/// A table of runs: state, onsets, delay, final accuracy and distance of every domain.
#[must_use]
pub fn runs(reports: &[Report]) -> NamedTable {
    let mut table = Table::new(vec![
        Column::new("Run"),
        Column::new("Domain"),
        Column::new("Samples"),
        Column::new("Checkpoints"),
        Column::new("Layers × experts"),
        Column::new("State"),
        Column::with_unit("Half memorized by", "step"),
        Column::with_unit("Half generalized by", "step"),
        Column::with_unit("Delay", "steps"),
        Column::new("Final accuracy"),
        Column::new("Final distance"),
        Column::new("Change of distance"),
    ]);
    for (at, report) in reports.iter().enumerate() {
        let title = report.title.trim();
        let name = if title.is_empty() { format!("run {}", at + 1) } else { title.to_owned() };
        let mut lines = domain_lines(report);
        lines.sort_by_key(|line| line.domain);
        for (domain, line) in report.domains.iter().zip(lines) {
            let onsets = Onsets::of(report, domain);
            let step = |at: Option<usize>| {
                at.and_then(|at| report.checkpoints.get(at))
                    .map_or(Cell::Missing, |found| Cell::count(found.step))
            };
            let last = |metric: &str, group: Group| {
                let values = &report.course(&domain.name, metric, group)?.values;
                series::at(values, report.checkpoints.len().checked_sub(1)?)
            };
            let memorized = report.course(&domain.name, "distance", Group::Memorized);
            let any_memorized = memorized.is_some_and(|course| course.n != Some(0));
            let group = if any_memorized { Group::Memorized } else { Group::All };
            let distance = last("distance", group);
            table.push(vec![
                Cell::text(&name),
                Cell::text(&domain.name),
                Cell::count(domain.samples as u64),
                Cell::count(report.checkpoints.len() as u64),
                Cell::text(format!("{} × {}", report.run.layers, report.run.experts)),
                Cell::text(line.state),
                step(onsets.memorization),
                step(onsets.generalization),
                onsets.delay(report).map_or(Cell::Missing, Cell::Integer),
                Cell::fixed(last("accuracy", Group::All), 3),
                Cell::number(distance),
                line.change.map_or(Cell::Missing, Cell::text),
            ]);
        }
    }
    NamedTable { id: "runs".into(), title: "Runs".into(), note: note(reports), table }
}

/// What the columns mean, and whether the runs can be compared.
fn note(reports: &[Report]) -> String {
    if reports.is_empty() {
        return "There are no runs to list.".to_owned();
    }
    let mut rules: Vec<OnsetRule> = reports.iter().map(|report| report.settings.onset_rule).collect();
    rules.dedup();
    let rule = match rules.as_slice() {
        [rule] => format!("All runs use {} and {}.", rule.of_samples(), rule.of_items()),
        _ => "The runs use different onset rules.".to_owned(),
    };
    let settings = |report: &Report| (report.settings.tau.to_bits(), report.settings.unit);
    let same = reports.windows(2).all(|pair| settings(&pair[0]) == settings(&pair[1]));
    let distances = if same {
        ""
    } else {
        " Their distances cannot be compared: threshold tau or unit differ between the runs."
    };
    format!(
        "{rule} Distances are those of the memorized samples, or of all samples where none is memorized, at the last \
         checkpoint; they depend on the number of layers and experts.{distances}"
    )
}
