//! Groups of samples and items by the step that memorizes or generalizes them (docs/metrics.md).

use report::{Domain, Group, Report};

use super::{named, step_cell};
use crate::{
    checkpoints::{checkpoint_cells, checkpoint_columns},
    delays as pairing,
    onset::Onsets,
    series,
    table::{Cell, Column, NamedTable, Table},
};

/// When the samples of every domain were memorized.
pub(super) fn memorization(report: &Report) -> NamedTable {
    let mut table = Table::new(vec![
        Column::new("Domain"),
        Column::new("Samples"),
        Column::with_unit("Threshold ε", "nats"),
        Column::new("ε set by"),
        Column::new("Memorized"),
        Column::new("Share"),
        Column::with_unit("Half memorized by", "step"),
        Column::new("Unconfirmed"),
        Column::new("Never"),
    ]);
    for domain in &report.domains {
        let found = &domain.memorization;
        let share = (domain.samples > 0 && found.eps.is_some())
            .then(|| found.memorized as f64 / domain.samples as f64);
        let last = report.checkpoints.len().checked_sub(1).and_then(|last| found.t_star.get(last));
        table.push(vec![
            Cell::text(&domain.name),
            Cell::count(domain.samples as u64),
            Cell::number(found.eps),
            match (found.eps, found.eps_set_by_user) {
                (None, _) if !series::has_losses(report, domain) => Cell::text("no losses"),
                (None, _) => Cell::text("none found"),
                (_, true) => Cell::text("user"),
                (_, false) => Cell::text("search"),
            },
            Cell::count(found.memorized as u64),
            Cell::fixed(share, 4),
            step_cell(report, Onsets::of(report, domain).memorization),
            last.map_or(Cell::Missing, |&count| Cell::count(count as u64)),
            Cell::count(found.never as u64),
        ]);
    }
    let note = format!(
        "t* is the first checkpoint at which a sample’s loss is at most ε and after which it stays within {} nats of its last value. \
         A t* at the last checkpoint is unconfirmed and does not count as memorized. Half memorized by: the first checkpoint by \
         which half of the memorized samples have reached t*.",
        report.settings.delta
    );
    named("memorization", "Memorization", note, table)
}

/// When the items of every domain were generalized.
pub(super) fn generalization(report: &Report) -> NamedTable {
    let mut table = Table::new(vec![
        Column::new("Domain"),
        Column::new("Items"),
        Column::new("Generalized"),
        Column::with_unit("Half generalized by", "step"),
        Column::new("Only at the last result"),
        Column::new("Never"),
        Column::with_unit("Delay after memorization", "steps"),
    ]);
    for domain in &report.domains {
        let Some(found) = &domain.generalization else { continue };
        let onsets = Onsets::of(report, domain);
        let all = found.t_sharp.iter().fold(0_u64, |sum, &count| sum.saturating_add(count as u64));
        let last = last_result(report, domain).and_then(|last| found.t_sharp.get(last));
        table.push(vec![
            Cell::text(&domain.name),
            Cell::count(domain.items as u64),
            Cell::count(all),
            step_cell(report, onsets.generalization),
            last.map_or(Cell::Missing, |&count| Cell::count(count as u64)),
            Cell::count(found.never as u64),
            onsets.delay(report).map_or(Cell::Missing, Cell::Integer),
        ]);
    }
    let note = "t# is the first checkpoint at which an item is answered correctly and from which more than 0.8 of its answers are correct, \
                with at most one wrong; checkpoints without a result do not count. A t# at the last result rests on one observation. Half generalized by: the median t# of \
                the items that generalize.";
    named("generalization", "Generalization", note, table)
}

/// The last checkpoint at which the items of a domain have results.
fn last_result(report: &Report, domain: &Domain) -> Option<usize> {
    let accuracy = report.course(&domain.name, "accuracy", Group::All)?;
    series::defined(&accuracy.values, report.checkpoints.len()).last().map(|&(at, _)| at)
}

/// How many samples and items each checkpoint memorizes and generalizes.
pub(super) fn onset_counts(report: &Report, index: usize, domain: &Domain) -> NamedTable {
    let mut columns = checkpoint_columns(report);
    columns.push(Column::new("Samples with this t*"));
    if domain.generalization.is_some() {
        columns.push(Column::new("Items with this t#"));
    }
    let mut table = Table::new(columns);
    let count = |counts: &[usize], at: usize| {
        counts.get(at).map_or(Cell::Missing, |&count| Cell::count(count as u64))
    };
    for at in 0..report.checkpoints.len() {
        let mut row = checkpoint_cells(report, at);
        row.push(count(&domain.memorization.t_star, at));
        if let Some(found) = &domain.generalization {
            row.push(count(&found.t_sharp, at));
        }
        table.push(row);
    }
    let note =
        "A t* at the last checkpoint is unconfirmed; a t# at the last result rests on one observation.";
    named(
        format!("onset-counts-{index}"),
        format!("Memorized and generalized by checkpoint: {}", domain.name),
        note,
        table,
    )
}

/// The matched groups of samples and items.
pub(super) fn delays(report: &Report, index: usize, domain: &Domain) -> Option<NamedTable> {
    let delays = domain.delays.as_ref()?;
    let note = format!(
        "Groups are matched to maximize the total score. Scores: {}; {}. Groups at the end of the table have no match.",
        pairing::compared_by(report, delays),
        pairing::totals(delays)
    );
    Some(named(
        format!("delays-{index}"),
        format!("Delays from memorization to generalization: {}", domain.name),
        note,
        pairing::table(report, delays),
    ))
}
