//! The paper's published figures beside this run's (docs/metrics.md#published-figures).

use report::{Course, Group, Report, Unit};

use super::cells::{group_cell, labelled, metric_name, named};
use crate::{
    published, series,
    table::{Cell, Column, NamedTable, Table},
};

const PAPER: &str = "paper (arXiv 2506.21551)";
const OURS: &str = "this run";

/// Table 1 of the paper, then the same metrics of this run.
pub(super) fn correlations(report: &Report) -> NamedTable {
    let mut table = Table::new(
        ["Source", "Domain", "Metric", "Samples", "n", "Pearson r", "Spearman ρ"].map(Column::new).to_vec(),
    );
    for found in published::CORRELATIONS {
        table.push(vec![
            Cell::text(PAPER),
            Cell::text(found.domain),
            Cell::text(metric_name(found.metric)),
            if found.metric == "loss" { Cell::Missing } else { group_cell(Group::Memorized) },
            Cell::Missing,
            Cell::fixed(Some(found.pearson), 4),
            Cell::fixed(Some(found.spearman), 4),
        ]);
    }
    for domain in &report.domains {
        for metric in ["distance", "consistency_mean", "loss"] {
            for found in domain.correlations.iter().filter(|found| found.metric == metric) {
                table.push(vec![
                    Cell::text(OURS),
                    Cell::text(&domain.name),
                    Cell::text(metric_name(metric)),
                    group_cell(found.group),
                    Cell::count(found.n as u64),
                    Cell::fixed(found.pearson, 4),
                    Cell::fixed(found.spearman, 4),
                ]);
            }
        }
    }
    let note = "The paper’s figures are of OLMoE-1B-7B-0924 (16 layers, 64 experts, 10,000 samples per domain, τ = 0.7). It does not \
                print n; its Spearman values are only possible for n of 4 to 6. Its consistency has the flipped sign, as here.";
    named("published-correlations", "Correlations: the paper and this run", labelled(report, note), table)
}

/// The levels that the paper's figures show, then this run's.
pub(super) fn levels(report: &Report) -> NamedTable {
    let unit = report.unit_name();
    let mut table = Table::new(vec![
        Column::new("Source"),
        Column::new("Domain"),
        Column::new("Samples"),
        Column::new("τ"),
        Column::new("Unit"),
        Column::new("Lowest mean distance"),
        Column::new("Highest mean distance"),
        Column::new("Lowest mean C"),
        Column::new("Highest mean C"),
    ]);
    for found in published::LEVELS {
        table.push(vec![
            Cell::text(PAPER),
            Cell::text(found.domain),
            group_cell(Group::Memorized),
            Cell::fixed(Some(0.7), 1),
            Cell::text("not stated"),
            Cell::fixed(Some(found.distance.0), 0),
            Cell::fixed(Some(found.distance.1), 0),
            Cell::fixed(Some(published::C.0), 2),
            Cell::fixed(Some(published::C.1), 2),
        ]);
    }
    let checkpoints = report.checkpoints.len();
    let extent = |course: &Course| {
        series::extent(series::defined(&course.values, checkpoints).into_iter().map(|(_, value)| value))
    };
    for domain in &report.domains {
        for group in [Group::All, Group::Memorized] {
            let course = |metric: &str| report.course(&domain.name, metric, group);
            let Some((low, high)) = course("distance").and_then(extent) else { continue };
            let c = course("consistency_c").and_then(extent);
            table.push(vec![
                Cell::text(OURS),
                Cell::text(&domain.name),
                group_cell(group),
                Cell::number(Some(report.settings.tau)),
                Cell::text(unit),
                Cell::number(Some(low)),
                Cell::number(Some(high)),
                Cell::number(c.map(|(low, _)| low)),
                Cell::number(c.map(|(_, high)| high)),
            ]);
        }
    }
    let as_paper = report.settings.unit == Unit::Symbol;
    let note = format!(
        "Distances grow with layers, experts and τ, so levels are comparable only if these are equal (paper: 16 layers of 64 experts). {} \
         The paper gives one range of C for all of its domains.",
        if as_paper {
            "The paper does not state its unit; symbols reproduce its levels best."
        } else {
            "The paper does not state its unit; symbols reproduce its levels better than the characters used here."
        }
    );
    named("published-levels", "Levels: the paper and this run", labelled(report, &note), table)
}
