//! Co-activation of experts (docs/metrics.md#co-activation).

use report::Domain;

use super::cells::named;
use crate::{
    series,
    table::{Cell, Column, NamedTable, Table},
};

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
        "At the last checkpoint: how often the partner is selected when the expert is.",
        table,
    )
}
