//! All figures of a report as tables.

mod by_checkpoint;
mod changes;
mod correlations;
mod experts;
mod groups;
mod onsets;
mod published;

use report::{Group, Report};

use crate::{
    chart,
    table::{Cell, NamedTable, Table},
};

/// All tables of a report in reading order; tables without rows are omitted.
///
/// Identifiers of tables of one domain end in the domain's index: `losses-0`.
#[must_use]
pub fn tables(report: &Report) -> Vec<NamedTable> {
    let mut tables = vec![
        correlations::correlations(report),
        correlations::exchange(report),
        changes::changes(report),
        published::correlations(report),
        published::levels(report),
        onsets::memorization(report),
        onsets::generalization(report),
    ];
    for (index, domain) in report.domains.iter().enumerate() {
        tables.extend(by_checkpoint::whole_groups(report, index, domain));
        tables.push(onsets::onset_counts(report, index, domain));
        tables.push(onsets::states(report, index, domain));
        tables.push(by_checkpoint::memorization_steps(report, index, domain));
        tables.extend(groups::delays(report, index, domain));
        tables.push(by_checkpoint::thresholds(report, index, domain));
        tables.push(experts::coactivation(index, domain));
        tables.extend(by_checkpoint::layers(report, index, domain));
    }
    tables.extend(by_checkpoint::whole_run(report));
    tables.push(by_checkpoint::between_domains(report));
    tables.retain(|named| !named.table.rows.is_empty());
    tables
}

/// The name of a metric, or its id if this version does not know it.
fn metric_name(id: &str) -> String {
    report::metric(id).map_or(id, |metric| metric.name).to_owned()
}

fn group_cell(group: Group) -> Cell {
    Cell::text(match group {
        Group::All => "all",
        Group::Memorized => "memorized",
    })
}

/// The cell of a checkpoint's step; missing if there is no such checkpoint.
fn step_cell(report: &Report, checkpoint: Option<usize>) -> Cell {
    checkpoint
        .and_then(|at| report.checkpoints.get(at))
        .map_or(Cell::Missing, |found| Cell::count(found.step))
}

fn named(
    id: impl Into<String>,
    title: impl Into<String>,
    note: impl Into<String>,
    table: Table,
) -> NamedTable {
    NamedTable { id: id.into(), title: title.into(), note: note.into(), table }
}

/// A note, with a label if selection frequencies replace gates.
fn labelled(report: &Report, note: &str) -> String {
    match chart::gate_label(report) {
        Some(label) if note.is_empty() => format!("Made {label}."),
        Some(label) => format!("{note} Made {label}."),
        None => note.to_owned(),
    }
}
