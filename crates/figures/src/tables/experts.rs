//! How experts are used (METRICS 9).

use report::{Domain, Load, Report};

use super::named;
use crate::{
    checkpoints::{checkpoint_cells, checkpoint_columns},
    series,
    table::{Cell, Column, NamedTable, Table},
};

/// Evenness of the load, a row a checkpoint and layer.
pub(super) fn load(report: &Report, index: usize, domain: &Domain) -> NamedTable {
    let mut columns = checkpoint_columns(report);
    columns.extend(
        ["Layer", "Busiest / mean", "Coefficient of variation", "Experts never used"].map(Column::new),
    );
    let mut table = Table::new(columns);
    for at in 0..report.checkpoints.len() {
        let Some(Load { layers }) = domain.load.get(at).and_then(Option::as_ref) else { continue };
        for (layer, load) in layers.iter().enumerate() {
            let mut row = checkpoint_cells(report, at);
            row.extend([
                Cell::count(layer as u64),
                Cell::number(load.max_over_mean),
                Cell::number(load.cv),
                Cell::count(load.never_used as u64),
            ]);
            table.push(row);
        }
    }
    let note = "Selections of all tokens of the domain; population standard deviation over mean.";
    named(format!("load-{index}"), format!("Load of the experts: {}", domain.name), note, table)
}

/// Agreement of the selections with the last checkpoint's.
pub(super) fn saturation(report: &Report, index: usize, domain: &Domain) -> NamedTable {
    let layers = domain.saturation.iter().flatten().map(|found| found.k_by_layer.len()).max().unwrap_or(0);
    let top1 = domain.saturation.iter().flatten().any(|found| found.top1.is_some());
    let mut columns = checkpoint_columns(report);
    columns.push(Column::new("Top k"));
    columns.extend((0..layers).map(|layer| Column::new(format!("Top k, layer {layer}"))));
    if top1 {
        columns.push(Column::new("Top 1"));
        columns.extend((0..layers).map(|layer| Column::new(format!("Top 1, layer {layer}"))));
    }
    let mut table = Table::new(columns);
    for at in 0..report.checkpoints.len() {
        let Some(found) = domain.saturation.get(at).and_then(Option::as_ref) else { continue };
        let mut row = checkpoint_cells(report, at);
        row.push(Cell::fixed(Some(found.k), 4));
        row.extend((0..layers).map(|layer| Cell::fixed(found.k_by_layer.get(layer).copied(), 4)));
        if top1 {
            row.push(Cell::fixed(found.top1, 4));
            let by_layer = found.top1_by_layer.as_ref();
            row.extend(
                (0..layers)
                    .map(|layer| Cell::fixed(by_layer.and_then(|values| values.get(layer)).copied(), 4)),
            );
        }
        table.push(row);
    }
    let note = "Share of the last checkpoint’s selections that a checkpoint already makes; 1 at the last by construction.";
    named(format!("saturation-{index}"), format!("Router saturation: {}", domain.name), note, table)
}

/// The strongest co-activations at the last checkpoint.
pub(super) fn coactivation(index: usize, domain: &Domain) -> NamedTable {
    let mut table =
        Table::new(["Layer", "Expert", "Partner", "P(partner | expert)"].map(Column::new).to_vec());
    for (layer, pairs) in domain.coactivation.iter().enumerate() {
        for pair in pairs {
            table.push(vec![
                Cell::count(layer as u64),
                Cell::count(pair.first as u64),
                Cell::count(pair.second as u64),
                Cell::fixed(series::finite(pair.probability), 3),
            ]);
        }
    }
    let title = format!("Strongest co-activations: {}", domain.name);
    named(
        format!("coactivation-{index}"),
        title,
        "At the last checkpoint; how often the partner is selected where the expert is.",
        table,
    )
}
