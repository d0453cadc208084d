//! Changes between two checkpoints (docs/metrics.md#change-between-two-checkpoints).

use report::Report;

use super::cells::{group_cell, labelled, metric_name, named, step_cell};
use crate::table::{Cell, Column, NamedTable, Table};

/// The stored changes of every domain.
pub(super) fn changes(report: &Report) -> NamedTable {
    let mut table = Table::new(vec![
        Column::new("Domain"),
        Column::new("Metric"),
        Column::new("Samples"),
        Column::new("Number of samples"),
        Column::with_unit("From", "step"),
        Column::with_unit("To", "step"),
        Column::with_unit("Change", "%"),
        Column::with_unit("Standard error", "%"),
        Column::with_unit("95 % half width", "%"),
    ]);
    for domain in &report.domains {
        for found in &domain.changes {
            table.push(vec![
                Cell::text(&domain.name),
                Cell::text(metric_name(&found.metric)),
                group_cell(found.group),
                Cell::count(found.n as u64),
                step_cell(report, Some(found.from)),
                step_cell(report, Some(found.to)),
                Cell::fixed(Some(100.0 * (found.ratio - 1.0)), 2),
                Cell::fixed(Some(100.0 * found.se_ratio), 2),
                Cell::fixed(Some(100.0 * found.half_width), 2),
            ]);
        }
    }
    let note = "From the onset to the last checkpoint. The same samples are measured at both, so the interval is that of the ratio. \
                It covers the choice of samples, not another run of the training.";
    named("changes", "Changes between two checkpoints", labelled(report, note), table)
}
