//! The report as tables in long form: one figure a row, empty cells where a figure is undefined.

use super::rows::{Table, count, figure, group_name, when};
use crate::{Domain, Group, Report};

/// The tables of a report, each with its file name: `series.csv`, `layers.csv`, `memorization.csv`, `delays.csv`,
/// `correlations.csv`, `load.csv`, `t-star.csv`, `coactivation.csv`.
///
/// Every table has its head, also where it has no rows. Figures have all their digits.
#[must_use]
pub fn csv_tables(report: &Report) -> Vec<(String, String)> {
    [series, layers, memorization, delays, correlations, load, t_star, coactivation]
        .into_iter()
        .map(|table| table(report).finish())
        .collect()
}

/// One course, and what all of its rows share.
#[derive(Clone, Copy)]
struct Course<'a> {
    domain: &'a str,
    other_domain: &'a str,
    group: Group,
    metric: &'a str,
    tau: Option<f64>,
    unit: &'a str,
    value: &'a [Option<f64>],
    se: &'a [Option<f64>],
    ci: &'a [Option<f64>],
    n: Option<usize>,
    pairs: Option<u64>,
}

impl<'a> Course<'a> {
    fn new(domain: &'a str, group: Group, metric: &'a str, unit: &'a str, value: &'a [Option<f64>]) -> Self {
        Self {
            domain,
            other_domain: "",
            group,
            metric,
            tau: None,
            unit,
            value,
            se: &[],
            ci: &[],
            n: None,
            pairs: None,
        }
    }

    fn write(self, report: &Report, table: &mut Table) {
        let at = |figures: &[Option<f64>], place: usize| figure(figures.get(place).copied().flatten());
        for (place, checkpoint) in report.checkpoints.iter().enumerate() {
            let [step, tokens] = when(checkpoint);
            table.row([
                self.domain.to_owned(),
                self.other_domain.to_owned(),
                group_name(self.group).to_owned(),
                self.metric.to_owned(),
                figure(self.tau),
                self.unit.to_owned(),
                step,
                tokens,
                at(self.value, place),
                at(self.se, place),
                at(self.ci, place),
                count(self.n),
                count(self.pairs),
            ]);
        }
    }
}

/// Every course: one row a domain, group, metric and checkpoint.
fn series(report: &Report) -> Table {
    let head = [
        "domain",
        "other_domain",
        "group",
        "metric",
        "tau",
        "unit",
        "step",
        "tokens",
        "value",
        "se",
        "ci",
        "n",
        "pairs",
    ];
    let mut table = Table::of_gates(report, "series.csv", &head);
    for domain in &report.domains {
        whole_domain(report, domain, &mut table);
        by_group(report, domain, &mut table);
    }
    for cross in &report.cross {
        Course {
            other_domain: &cross.second,
            tau: Some(report.settings.tau),
            se: &cross.se,
            pairs: Some(cross.pairs),
            ..Course::new(&cross.first, cross.group, "distance", report.unit_name(), &cross.mean)
        }
        .write(report, &mut table);
    }
    table
}

/// The courses of all of a domain's samples or items.
fn whole_domain(report: &Report, domain: &Domain, table: &mut Table) {
    let unit = report.unit_name();
    let tau = Some(report.settings.tau);
    let samples = Some(domain.samples);
    let course = |metric, unit, value| Course::new(&domain.name, Group::All, metric, unit, value);
    Course { n: samples, ..course("loss", "nats", &domain.loss) }.write(report, table);
    Course { n: samples, ..course("loss_moving_average", "nats", &domain.loss_moving_average) }
        .write(report, table);
    if let Some(validation_loss) = &domain.validation_loss {
        course("validation_loss", "nats", validation_loss).write(report, table);
    }
    if let Some(accuracy) = &domain.accuracy {
        // Accuracies may be given without items.
        let n = (domain.items > 0).then_some(domain.items);
        Course { n, ..course("accuracy", "share", accuracy) }.write(report, table);
    }
    Course { n: samples, tau, ..course("null_distance", unit, &domain.null_distance) }.write(report, table);
    Course { n: samples, tau, ..course("structure", "share", &domain.structure) }.write(report, table);
    Course { n: samples, ..course("entropy", "nats", &domain.entropy) }.write(report, table);
    Course { n: samples, ..course("token_entropy", "nats", &domain.token_entropy) }.write(report, table);
    if !domain.saturation.is_empty() {
        let entries = || domain.saturation.iter().map(Option::as_ref);
        let k: Vec<_> = entries().map(|entry| entry.map(|entry| entry.k)).collect();
        let top1: Vec<_> = entries().map(|entry| entry.and_then(|entry| entry.top1)).collect();
        course("saturation_k", "share", &k).write(report, table);
        course("saturation_top1", "share", &top1).write(report, table);
    }
}

/// The courses that are given for each group.
fn by_group(report: &Report, domain: &Domain, table: &mut Table) {
    let unit = report.unit_name();
    let tau = Some(report.settings.tau);
    for distance in &domain.distance {
        let samples = Some(distance.samples);
        let pairs = Some(distance.pairs);
        let course = |metric, unit, value| Course::new(&domain.name, distance.group, metric, unit, value);
        Course {
            tau,
            se: &distance.se,
            ci: &distance.ci,
            n: samples,
            pairs,
            ..course("distance", unit, &distance.mean)
        }
        .write(report, table);
        let normalised = course("distance_normalised", "share", &distance.normalised);
        Course { tau, se: &distance.normalised_se, n: samples, pairs, ..normalised }.write(report, table);
        Course { tau, n: samples, ..course("length", unit, &distance.length) }.write(report, table);
    }
    for sweep in &domain.sweep {
        Course {
            tau: Some(sweep.tau),
            se: &sweep.se,
            pairs: Some(sweep.pairs),
            ..Course::new(&domain.name, sweep.group, "distance_sweep", unit, &sweep.mean)
        }
        .write(report, table);
    }
    for entry in &domain.consistency {
        for (metric, value) in [
            ("consistency", &entry.median),
            ("consistency_lower", &entry.lower),
            ("consistency_upper", &entry.upper),
            ("consistency_mean", &entry.mean),
            ("c_mean", &entry.mean_c),
            ("smoothness", &entry.smoothness),
            ("consistency_undefined", &entry.undefined),
        ] {
            let unit = if metric == "consistency_undefined" { "share" } else { "" };
            Course::new(&domain.name, entry.group, metric, unit, value).write(report, table);
        }
    }
    for entry in &domain.spectrum {
        let course = Course::new(&domain.name, entry.group, "effective_dimension", "", &entry.mean);
        Course { n: Some(entry.samples), ..course }.write(report, table);
    }
}

/// Every figure of a single layer.
fn layers(report: &Report) -> Table {
    let head = ["domain", "group", "metric", "unit", "step", "tokens", "layer", "value"];
    let mut table = Table::of_gates(report, "layers.csv", &head);
    for domain in &report.domains {
        let mut write = |group: Group, metric: &str, unit: &str, place: usize, row: Vec<Option<f64>>| {
            let Some(checkpoint) = report.checkpoints.get(place) else { return };
            for (layer, value) in row.into_iter().enumerate() {
                let [step, tokens] = when(checkpoint);
                table.row([
                    domain.name.clone(),
                    group_name(group).to_owned(),
                    metric.to_owned(),
                    unit.to_owned(),
                    step,
                    tokens,
                    layer.to_string(),
                    figure(value),
                ]);
            }
        };
        for (place, row) in domain.distance_by_layer.iter().enumerate() {
            write(Group::All, "distance", "symbols", place, row.clone());
        }
        for (place, row) in domain.entropy_by_layer.iter().enumerate() {
            write(Group::All, "entropy", "nats", place, row.clone());
        }
        for spectrum in &domain.spectrum {
            for (place, row) in spectrum.by_layer.iter().enumerate() {
                write(spectrum.group, "effective_dimension", "", place, row.clone());
            }
        }
        for (place, entry) in domain.saturation.iter().enumerate() {
            let Some(entry) = entry else { continue };
            let all = |row: &[f64]| row.iter().copied().map(Some).collect();
            write(Group::All, "saturation_k", "share", place, all(&entry.k_by_layer));
            if let Some(top1) = &entry.top1_by_layer {
                write(Group::All, "saturation_top1", "share", place, all(top1));
            }
        }
        for (place, entry) in domain.load.iter().enumerate() {
            let Some(entry) = entry else { continue };
            let each = |of: fn(&crate::LayerLoad) -> Option<f64>| entry.layers.iter().map(of).collect();
            write(Group::All, "load_max_over_mean", "", place, each(|layer| layer.max_over_mean));
            write(Group::All, "load_cv", "", place, each(|layer| layer.cv));
            write(
                Group::All,
                "load_never_used",
                "experts",
                place,
                each(|layer| Some(layer.never_used as f64)),
            );
        }
    }
    table
}

/// Samples by memorization step, items by generalization step; a last row a domain for those without.
fn memorization(report: &Report) -> Table {
    let head = [
        "domain",
        "eps",
        "eps_set_by_user",
        "step",
        "tokens",
        "confirmed",
        "samples_t_star",
        "items_t_sharp",
    ];
    let mut table = Table::new("memorization.csv", &head);
    for domain in &report.domains {
        let memorization = &domain.memorization;
        let row =
            |[step, tokens]: [String; 2], confirmed: &str, samples: Option<usize>, items: Option<usize>| {
                [
                    domain.name.clone(),
                    figure(memorization.eps),
                    memorization.eps_set_by_user.to_string(),
                    step,
                    tokens,
                    confirmed.to_owned(),
                    count(samples),
                    count(items),
                ]
            };
        let last = report.checkpoints.len().saturating_sub(1);
        for (place, checkpoint) in report.checkpoints.iter().enumerate() {
            let samples = memorization.t_star.get(place).copied();
            let t_sharp = domain.generalization.as_ref().map(|generalization| &generalization.t_sharp);
            let items = t_sharp.and_then(|t_sharp| t_sharp.get(place).copied());
            let confirmed = if place < last { "true" } else { "false" };
            table.row(row(when(checkpoint), confirmed, samples, items));
        }
        let items = domain.generalization.as_ref().map(|generalization| generalization.never);
        let never = ["never".to_owned(), String::new()];
        table.row(row(never, "", Some(memorization.never), items));
    }
    table
}

/// Every matched pair of groups.
fn delays(report: &Report) -> Table {
    let head = [
        "domain",
        "t_star",
        "samples",
        "t_sharp",
        "items",
        "delay",
        "score",
        "from_gates",
        "total_score",
        "second_best_total_score",
    ];
    let mut table = Table::new("delays.csv", &head);
    for domain in &report.domains {
        let Some(delays) = &domain.delays else { continue };
        let step =
            |checkpoint: usize| count(report.checkpoints.get(checkpoint).map(|checkpoint| checkpoint.step));
        for pair in &delays.pairs {
            let (Some(train), Some(test)) = (delays.train.get(pair.train), delays.test.get(pair.test)) else {
                continue;
            };
            table.row([
                domain.name.clone(),
                step(train.checkpoint),
                train.count.to_string(),
                step(test.checkpoint),
                test.count.to_string(),
                pair.delay.to_string(),
                pair.score.to_string(),
                delays.from_gates.to_string(),
                delays.total.to_string(),
                figure(delays.second_best_total),
            ]);
        }
    }
    table
}

/// Every course against accuracy.
fn correlations(report: &Report) -> Table {
    let head = [
        "domain",
        "group",
        "metric",
        "n",
        "pearson",
        "pearson_p",
        "spearman",
        "spearman_p",
        "orders",
        "exact",
        "undefined",
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
                figure(entry.pearson_p),
                figure(entry.spearman),
                figure(entry.spearman_p),
                entry.orders.to_string(),
                entry.exact.to_string(),
                entry.undefined.clone().unwrap_or_default(),
            ]);
        }
    }
    table
}

/// Selections of every expert.
fn load(report: &Report) -> Table {
    let mut table = Table::new("load.csv", &["domain", "step", "tokens", "layer", "expert", "selections"]);
    for domain in &report.domains {
        for (checkpoint, entry) in report.checkpoints.iter().zip(&domain.load) {
            let layers = entry.iter().flat_map(|entry| entry.layers.iter().enumerate());
            for (layer, load) in layers {
                for (expert, selections) in load.counts.iter().enumerate() {
                    let [step, tokens] = when(checkpoint);
                    table.row([
                        domain.name.clone(),
                        step,
                        tokens,
                        layer.to_string(),
                        expert.to_string(),
                        selections.to_string(),
                    ]);
                }
            }
        }
    }
    table
}

/// Distances inside the groups of equal memorization step.
fn t_star(report: &Report) -> Table {
    let mut table = Table::of_gates(
        report,
        "t-star.csv",
        &["domain", "t_star", "samples", "step", "tokens", "distance", "unit"],
    );
    for domain in &report.domains {
        for group in &domain.distance_by_t_star {
            let t_star = count(report.checkpoints.get(group.checkpoint).map(|checkpoint| checkpoint.step));
            for (checkpoint, mean) in report.checkpoints.iter().zip(&group.mean) {
                let [step, tokens] = when(checkpoint);
                table.row([
                    domain.name.clone(),
                    t_star.clone(),
                    group.samples.to_string(),
                    step,
                    tokens,
                    figure(*mean),
                    report.unit_name().to_owned(),
                ]);
            }
        }
    }
    table
}

/// The strongest co-activations at the last checkpoint.
fn coactivation(report: &Report) -> Table {
    let mut table = Table::new("coactivation.csv", &["domain", "layer", "first", "second", "probability"]);
    for domain in &report.domains {
        for (layer, pairs) in domain.coactivation.iter().enumerate() {
            for pair in pairs {
                table.row([
                    domain.name.clone(),
                    layer.to_string(),
                    pair.first.to_string(),
                    pair.second.to_string(),
                    pair.probability.to_string(),
                ]);
            }
        }
    }
    table
}
