//! All figures of a report as tables.

mod by_checkpoint;
mod cells;
mod changes;
mod correlations;
mod experts;
mod groups;
mod onsets;
mod published;

use report::Report;

use crate::table::NamedTable;

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
