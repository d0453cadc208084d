//! Series by checkpoint: a row a checkpoint, a column a series.

use report::{Domain, Report, Series};

use super::{labelled, named};
use crate::{
    chart,
    checkpoints::{checkpoint_cells, checkpoint_columns},
    figure::ChartOptions,
    layers::{LayerMeasure, layer_table},
    series as read,
    table::{Cell, Column, NamedTable, Table},
};

/// Columns that grow one series at a time; a series without any value is left out.
struct Growing<'a> {
    report: &'a Report,
    headings: Vec<Column>,
    series: Vec<&'a Series>,
}

impl<'a> Growing<'a> {
    fn new(report: &'a Report) -> Self {
        Self { report, headings: Vec::new(), series: Vec::new() }
    }

    fn add(&mut self, column: Column, series: &'a Series) {
        if !read::defined(series, self.report.checkpoints.len()).is_empty() {
            self.headings.push(column);
            self.series.push(series);
        }
    }

    fn table(self) -> Table {
        let mut columns = checkpoint_columns(self.report);
        columns.extend(self.headings);
        let mut table = Table::new(columns);
        if self.series.is_empty() {
            return table;
        }
        for at in 0..self.report.checkpoints.len() {
            let mut row = checkpoint_cells(self.report, at);
            row.extend(self.series.iter().map(|series| Cell::number(read::at(series, at))));
            table.push(row);
        }
        table
    }
}

/// Everything of a domain that has one value a checkpoint.
pub(super) fn series(report: &Report, index: usize, domain: &Domain) -> Vec<NamedTable> {
    let nats = |name: &str| Column::with_unit(name, "nats a token");
    let unit = report.unit_name();
    let mut results = Growing::new(report);
    results.add(nats("Training loss"), &domain.loss);
    results.add(nats("Training loss, moving average"), &domain.loss_moving_average);
    if let Some(loss) = &domain.validation_loss {
        results.add(nats("Validation loss"), loss);
    }
    if let Some(accuracy) = &domain.accuracy {
        results.add(Column::new("Accuracy"), accuracy);
    }
    let mut distances = Growing::new(report);
    for found in &domain.distance {
        let of = |name: &str| format!("{name}, {}", chart::group_name(found.group));
        distances.add(Column::with_unit(of("Distance"), unit), &found.mean);
        distances.add(Column::with_unit(of("standard error"), unit), &found.se);
        distances.add(Column::with_unit(of("95 % ±"), unit), &found.ci);
        distances.add(Column::new(of("Normalised")), &found.normalised);
        distances.add(Column::new(of("Normalised, standard error")), &found.normalised_se);
        distances.add(Column::with_unit(of("Pathway length"), unit), &found.length);
    }
    distances.add(Column::with_unit("Unrelated pathways", unit), &domain.null_distance);
    distances.add(Column::new("Structure"), &domain.structure);
    let mut routing = Growing::new(report);
    for found in &domain.consistency {
        let of = |name: &str| Column::new(format!("{name}, {}", chart::group_name(found.group)));
        routing.add(of("Consistency 1 − C, median"), &found.median);
        routing.add(of("lower quartile"), &found.lower);
        routing.add(of("upper quartile"), &found.upper);
        routing.add(of("Consistency 1 − C, mean"), &found.mean);
        routing.add(of("C, mean"), &found.mean_c);
        routing.add(of("Smoothness"), &found.smoothness);
        routing.add(of("Share undefined"), &found.undefined);
    }
    for found in &domain.spectrum {
        let name = format!("Effective dimension, {}", chart::group_name(found.group));
        routing.add(Column::new(name), &found.mean);
    }
    routing.add(Column::with_unit("Routing entropy", "nats"), &domain.entropy);
    routing.add(Column::with_unit("Token entropy", "nats"), &domain.token_entropy);
    vec![
        named(
            format!("series-{index}"),
            format!("Loss and accuracy: {}", domain.name),
            "Loss is the mean over all samples with a finite loss.",
            results.table(),
        ),
        named(
            format!("distances-{index}"),
            format!("Pathway distance: {}", domain.name),
            labelled(report, &distance_note(report, domain)),
            distances.table(),
        ),
        named(
            format!("routing-{index}"),
            format!("Consistency, dimension, entropy: {}", domain.name),
            labelled(
                report,
                "Higher consistency is smoother; its mean is carried off by single samples, so the median stands first. Effective \
                 dimension is at most the smaller of samples and experts: not comparable between groups of different size.",
            ),
            routing.table(),
        ),
    ]
}

fn distance_note(report: &Report, domain: &Domain) -> String {
    let groups: Vec<String> = domain
        .distance
        .iter()
        .map(|found| {
            let all = if found.pairs >= found.all_pairs { "all" } else { "a seeded sample" };
            format!(
                "{}: {}, {} ({all} of {})",
                chart::group_name(found.group),
                chart::counted(found.samples as u64, "sample"),
                chart::counted(found.pairs, "pair"),
                crate::number::count(found.all_pairs),
            )
        })
        .collect();
    format!(
        "{}; edit distance in {}; seed {}. {}. Unrelated: random pathways of the same lengths. Structure: 1 − distance / unrelated, all samples.",
        chart::tau(report.settings.tau),
        report.unit_name(),
        report.settings.seed,
        groups.join("; "),
    )
}

/// Distance at the other thresholds.
pub(super) fn sweep(report: &Report, index: usize, domain: &Domain) -> NamedTable {
    let mut columns = Growing::new(report);
    for found in &domain.sweep {
        let name = format!("{}, {}", chart::tau(found.tau), chart::group_name(found.group));
        columns.add(Column::with_unit(&name, report.unit_name()), &found.mean);
        columns.add(Column::with_unit(format!("{name}, standard error"), report.unit_name()), &found.se);
    }
    let title = format!("Pathway distance at other thresholds: {}", domain.name);
    let note = labelled(report, "The shape of the course should not hang on one threshold.");
    named(format!("sweep-{index}"), title, note, columns.table())
}

/// Distance between domains (paper, appendix E.4).
pub(super) fn cross_domain(report: &Report) -> NamedTable {
    let mut columns = Growing::new(report);
    for found in &report.cross {
        let name = format!("{} × {}, {}", found.first, found.second, chart::group_name(found.group));
        columns.add(Column::with_unit(&name, report.unit_name()), &found.mean);
        columns.add(Column::with_unit(format!("{name}, standard error"), report.unit_name()), &found.se);
    }
    let note = labelled(
        report,
        "Pairs with one sample from each of two domains: a control for the distances inside a domain.",
    );
    named("cross-domain", "Pathway distance between domains", note, columns.table())
}

/// Every measure by layer.
pub(super) fn layers(report: &Report, index: usize, domain: &Domain) -> Vec<NamedTable> {
    let group = ChartOptions::default().group;
    [LayerMeasure::Distance, LayerMeasure::Entropy, LayerMeasure::EffectiveDimension]
        .into_iter()
        .filter_map(|measure| {
            let table = layer_table(report, domain, measure, group)?;
            let title = format!("{} by layer: {}", measure.name(), domain.name);
            Some(named(
                format!("layers-{}-{index}", measure.id()),
                title,
                labelled(report, measure.note(report)),
                table,
            ))
        })
        .collect()
}
