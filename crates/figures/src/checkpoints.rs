//! Checkpoints as table columns and as text.

use report::Report;

use crate::{
    axis::Axis,
    chart,
    table::{Cell, Column},
};

/// The first columns of every table by checkpoint: step, and tokens if all checkpoints have them.
pub(crate) fn checkpoint_columns(report: &Report) -> Vec<Column> {
    let mut columns = vec![Column::new("Step")];
    if has_tokens(report) {
        columns.push(Column::new("Tokens"));
    }
    columns
}

/// The cells under [`checkpoint_columns`].
pub(crate) fn checkpoint_cells(report: &Report, at: usize) -> Vec<Cell> {
    let checkpoint = report.checkpoints.get(at);
    let mut cells = vec![checkpoint.map_or(Cell::Missing, |checkpoint| Cell::count(checkpoint.step))];
    if has_tokens(report) {
        cells.push(checkpoint.and_then(|checkpoint| checkpoint.tokens).map_or(Cell::Missing, Cell::count));
    }
    cells
}

fn has_tokens(report: &Report) -> bool {
    !report.checkpoints.is_empty() && Axis::Tokens.is_available(report)
}

/// `33 checkpoints from step 0 to step 12,000`.
pub(crate) fn checkpoint_span(report: &Report) -> String {
    let count = chart::counted(report.checkpoints.len() as u64, "checkpoint");
    match (report.checkpoints.first(), report.checkpoints.last()) {
        (Some(first), Some(last)) if first.step != last.step => {
            format!("{count} from {} to {}", chart::step_name(first.step), chart::step_name(last.step))
        }
        (Some(only), _) => format!("{count} at {}", chart::step_name(only.step)),
        _ => count,
    }
}
