//! Correlations of courses with accuracy (docs/metrics.md#correlation-with-accuracy)

use report::Report;

use super::{group_cell, labelled, metric_name, named};
use crate::{
    number,
    table::{Cell, Column, NamedTable, Table},
};

/// Pearson and Spearman of every metric against accuracy, with n, p and the number of permutations.
pub(super) fn correlations(report: &Report) -> NamedTable {
    let mut table = Table::new(
        [
            "Domain",
            "Metric",
            "Samples",
            "n",
            "Pearson r",
            "p (Pearson)",
            "Spearman ρ",
            "p (Spearman)",
            "Permutations",
            "p-value type",
            "Reason if undefined",
        ]
        .map(Column::new)
        .to_vec(),
    );
    for domain in &report.domains {
        for found in &domain.correlations {
            table.push(vec![
                Cell::text(&domain.name),
                Cell::text(metric_name(&found.metric)),
                group_cell(found.group),
                Cell::count(found.n as u64),
                Cell::fixed(found.pearson, 4),
                p_cell(found.pearson_p),
                Cell::fixed(found.spearman, 4),
                p_cell(found.spearman_p),
                Cell::count(found.orders),
                Cell::text(if found.exact { "exact" } else { "sampled" }),
                found.undefined.as_ref().map_or(Cell::Missing, Cell::text),
            ]);
        }
    }
    let mut note = "Each metric against benchmark accuracy over the checkpoints. p is two-sided, from permutations of the \
                    checkpoints, and exact if all n! permutations were evaluated. With n = 4, p is at least 1/24 (Pearson) or \
                    2/24 (Spearman). Training curves are smooth, so p is optimistic."
        .to_owned();
    if let Some(window) = report.settings.window {
        let (first, last) = (number::count(window.first), number::count(window.last));
        note = format!("{note} Only checkpoints from step {first} to {last} are used.");
    }
    named("correlations", "Correlation with accuracy", labelled(report, &note), table)
}

/// A p value with enough digits to be distinct from zero.
fn p_cell(p: Option<f64>) -> Cell {
    let digits = match p {
        Some(p) if p < 0.001 => 5,
        Some(p) if p < 0.01 => 4,
        _ => 3,
    };
    Cell::fixed(p, digits)
}
