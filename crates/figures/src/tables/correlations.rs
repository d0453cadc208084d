//! Relation of courses to accuracy (docs/metrics.md#correlation-with-accuracy).

use report::Report;

use super::cells::{group_cell, labelled, metric_name, named};
use crate::{
    number,
    table::{Cell, Column, NamedTable, Table},
};

/// Coefficients of every metric with accuracy, beside those of the clock, and what the increments
/// say about them.
pub(super) fn correlations(report: &Report) -> NamedTable {
    let mut table = Table::new(
        [
            "Domain",
            "Metric",
            "Samples",
            "n",
            "Pearson r",
            "Spearman ρ",
            "r of the clock",
            "Partial r given the clock",
            "p, increments reordered",
            "p, given the clock",
            "Orders",
            "Orders tried",
            "Reason if undefined",
        ]
        .map(Column::new)
        .to_vec(),
    );
    for domain in &report.domains {
        for found in &domain.correlations {
            let reason = found.undefined.as_ref().or(found.increments_undefined.as_ref());
            table.push(vec![
                Cell::text(&domain.name),
                Cell::text(metric_name(&found.metric)),
                group_cell(found.group),
                Cell::count(found.n as u64),
                Cell::fixed(found.pearson, 4),
                Cell::fixed(found.spearman, 4),
                Cell::fixed(domain.clock, 4),
                Cell::fixed(found.partial, 4),
                p_cell(found.increments_p),
                p_cell(found.increments_clock_p),
                Cell::count(found.increments_orders),
                if found.increments_p.is_none() {
                    Cell::Missing
                } else {
                    Cell::text(if found.increments_exact { "all" } else { "random" })
                },
                reason.map_or(Cell::Missing, Cell::text),
            ]);
        }
    }
    let mut note = "Each metric against benchmark accuracy over the checkpoints. r and ρ describe; a clock, the logarithm of the \
                    step, often has as large an r. The first p asks how often a course with the same increments in another order \
                    has as large an r, the second the same after both courses are adjusted for the clock. A metric follows \
                    accuracy if its sign is the expected one and both p are below .05."
        .to_owned();
    if let Some(window) = report.settings.window {
        let (first, last) = (number::count(window.first), number::count(window.last));
        note = format!("{note} Only checkpoints from step {first} to {last} are used.");
    }
    named("correlations", "Correlation with accuracy", labelled(report, &note), table)
}

/// Test of exchanged domains of every metric.
pub(super) fn exchange(report: &Report) -> NamedTable {
    let mut table = Table::new(
        [
            "Metric",
            "Samples",
            "Domains",
            "Sum of r",
            "p, domains exchanged",
            "Assignments",
            "Reason if undefined",
        ]
        .map(Column::new)
        .to_vec(),
    );
    for found in &report.exchange {
        table.push(vec![
            Cell::text(metric_name(&found.metric)),
            group_cell(found.group),
            Cell::count(found.domains as u64),
            Cell::fixed(found.statistic, 4),
            p_cell(found.p),
            Cell::count(found.assignments),
            found.undefined.as_ref().map_or(Cell::Missing, Cell::text),
        ]);
    }
    let note = "Whether each domain’s course follows its own accuracy: the sum over domains of Pearson’s r, and the share of the \
                assignments of courses to accuracies whose sum is as extreme in the expected direction.";
    named("exchange", "Domains exchanged", labelled(report, note), table)
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
