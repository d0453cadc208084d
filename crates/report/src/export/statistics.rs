//! Tables of the accuracy tests and of changes, in long form.

use super::rows::{Table, figure, group_name};
use crate::Report;

/// Relation of every course to accuracy.
pub(super) fn correlations(report: &Report) -> Table {
    let head = [
        "domain",
        "group",
        "metric",
        "n",
        "pearson",
        "spearman",
        "undefined",
        "clock",
        "partial",
        "increments_r",
        "increments_p",
        "increments_clock_p",
        "increments_orders",
        "increments_exact",
        "increments_undefined",
    ];
    let mut table = Table::of_gates(report, "correlations.csv", &head);
    for domain in &report.domains {
        for entry in &domain.correlations {
            table.row([
                domain.name.clone(),
                group_name(entry.group).to_owned(),
                entry.metric.clone(),
                entry.n.to_string(),
                figure(entry.pearson),
                figure(entry.spearman),
                entry.undefined.clone().unwrap_or_default(),
                figure(domain.clock),
                figure(entry.partial),
                figure(entry.increments_r),
                figure(entry.increments_p),
                figure(entry.increments_clock_p),
                entry.increments_orders.to_string(),
                entry.increments_exact.to_string(),
                entry.increments_undefined.clone().unwrap_or_default(),
            ]);
        }
    }
    table
}

/// Changes of distances between two checkpoints.
pub(super) fn changes(report: &Report) -> Table {
    let head = [
        "domain",
        "group",
        "metric",
        "from_step",
        "to_step",
        "ratio",
        "se_ratio",
        "half_width",
        "samples",
        "requested",
    ];
    let mut table = Table::of_gates(report, "changes.csv", &head);
    let step = |at: usize| report.checkpoints.get(at).map_or_else(String::new, |at| at.step.to_string());
    for domain in &report.domains {
        for entry in &domain.changes {
            table.row([
                domain.name.clone(),
                group_name(entry.group).to_owned(),
                entry.metric.clone(),
                step(entry.from),
                step(entry.to),
                entry.ratio.to_string(),
                entry.se_ratio.to_string(),
                entry.half_width.to_string(),
                entry.n.to_string(),
                entry.requested.to_string(),
            ]);
        }
    }
    table
}

/// Test of exchanged domains for every metric.
pub(super) fn exchange(report: &Report) -> Table {
    let head = ["group", "metric", "domains", "statistic", "p", "assignments", "exact", "undefined"];
    let mut table = Table::of_gates(report, "exchange.csv", &head);
    for entry in &report.exchange {
        table.row([
            group_name(entry.group).to_owned(),
            entry.metric.clone(),
            entry.domains.to_string(),
            figure(entry.statistic),
            figure(entry.p),
            entry.assignments.to_string(),
            entry.exact.to_string(),
            entry.undefined.clone().unwrap_or_default(),
        ]);
    }
    table
}
