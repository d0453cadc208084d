//! Cells, notes and names that several tables have.

use report::{Group, Report};

use crate::{
    chart,
    table::{Cell, NamedTable, Table},
};

/// The name of a metric, or its id if this version does not know it.
pub(super) fn metric_name(id: &str) -> String {
    report::metric(id).map_or(id, |metric| metric.name).to_owned()
}

/// The cell of a group of samples.
pub(super) fn group_cell(group: Group) -> Cell {
    Cell::text(match group {
        Group::All => "all",
        Group::Memorized => "memorized",
    })
}

/// The cell of a checkpoint's step; missing if there is no such checkpoint.
pub(super) fn step_cell(report: &Report, checkpoint: Option<usize>) -> Cell {
    checkpoint
        .and_then(|at| report.checkpoints.get(at))
        .map_or(Cell::Missing, |found| Cell::count(found.step))
}

/// A table with its name.
pub(super) fn named(
    id: impl Into<String>,
    title: impl Into<String>,
    note: impl Into<String>,
    table: Table,
) -> NamedTable {
    NamedTable { id: id.into(), title: title.into(), note: note.into(), table }
}

/// A note, with a label if selection frequencies replace gates.
pub(super) fn labelled(report: &Report, note: &str) -> String {
    match chart::gate_label(report) {
        Some(label) if note.is_empty() => format!("Made {label}."),
        Some(label) => format!("{note} Made {label}."),
        None => note.to_owned(),
    }
}
