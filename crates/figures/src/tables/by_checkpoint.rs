//! Courses as tables: one row per checkpoint, one column per course.

use report::{Course, Domain, Group, Metric, Need, Report, Series, WHOLE_RUN};

use super::cells::{labelled, metric_name, named};
use crate::{
    chart,
    checkpoints::{checkpoint_cells, checkpoint_columns},
    layers::{LayerMeasure, layer_table},
    lines::WHOLE_RUN_NAME,
    number, series as read,
    table::{Cell, Column, NamedTable, Table},
};

/// A table that grows by one column at a time; a column without values is omitted.
struct Columns<'a> {
    report: &'a Report,
    headings: Vec<Column>,
    series: Vec<&'a Series>,
}

impl<'a> Columns<'a> {
    fn new(report: &'a Report) -> Self {
        Self { report, headings: Vec::new(), series: Vec::new() }
    }

    /// Adds the values of a course, and its standard errors if it has any.
    fn add(&mut self, name: &str, course: &'a Course) {
        let unit = course.definition().and_then(|metric| chart::unit(self.report, metric));
        let mut column = |name: String, series: &'a Series| {
            if !read::defined(series, self.report.checkpoints.len()).is_empty() {
                self.headings.push(Column { name, unit: unit.map(str::to_owned) });
                self.series.push(series);
            }
        };
        column(name.to_owned(), &course.values);
        if let Some(se) = &course.se {
            column(format!("{name}, standard error"), se);
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

/// Tables of a domain's courses over whole groups at the settings' threshold.
#[derive(Clone, Copy, PartialEq)]
enum Theme {
    Results,
    Pathways,
    Routing,
}

impl Theme {
    fn of(metric: &Metric) -> Self {
        if metric.needs.iter().any(|need| matches!(need, Need::Losses | Need::Results)) {
            Self::Results
        } else if metric.scope.threshold {
            Self::Pathways
        } else {
            Self::Routing
        }
    }
}

/// Courses of a domain, not between domains.
fn courses<'a>(report: &'a Report, domain: &Domain) -> impl Iterator<Item = &'a Course> {
    let name = domain.name.clone();
    let of_domain = |course: &Course| course.definition().is_none_or(|metric| !metric.scope.whole_run);
    let courses = report.courses.iter().filter(move |course| of_domain(course) && course.domain == name);
    courses.filter(|course| course.other_domain.is_none())
}

/// Whether a course uses the settings' threshold or none.
fn at_main_threshold(report: &Report, course: &Course) -> bool {
    course.tau.is_none_or(|tau| tau.to_bits() == report.settings.tau.to_bits())
}

/// A metric's name, with the group if it has figures of both.
fn name_and_group(course: &Course) -> String {
    let name = metric_name(&course.metric);
    match course.definition() {
        Some(metric) if metric.scope.groups => format!("{name}, {}", chart::group_name(course.group)),
        _ => name,
    }
}

/// Every course of a domain over a whole group, in one table per theme.
pub(super) fn whole_groups(report: &Report, index: usize, domain: &Domain) -> Vec<NamedTable> {
    let table = |theme: Theme| {
        let mut columns = Columns::new(report);
        for course in courses(report, domain).filter(|course| course.is_whole()) {
            let themed = course.definition().is_some_and(|metric| Theme::of(metric) == theme);
            if themed && at_main_threshold(report, course) {
                columns.add(&name_and_group(course), course);
            }
        }
        columns.table()
    };
    vec![
        named(
            format!("results-{index}"),
            format!("Loss and accuracy: {}", domain.name),
            "",
            table(Theme::Results),
        ),
        named(
            format!("pathways-{index}"),
            format!("Pathways: {}", domain.name),
            labelled(report, &pairs_note(report, domain)),
            table(Theme::Pathways),
        ),
        named(
            format!("routing-{index}"),
            format!("Routing: {}", domain.name),
            labelled(report, ""),
            table(Theme::Routing),
        ),
    ]
}

/// How the pathways were compared: threshold, unit, seed and pairs of each group.
fn pairs_note(report: &Report, domain: &Domain) -> String {
    let groups: Vec<String> = [Group::All, Group::Memorized]
        .into_iter()
        .filter_map(|group| {
            let course = report.course(&domain.name, "distance", group)?;
            let (n, pairs) = (course.n?, course.pairs?);
            let all = report::derive::all_pairs(n);
            Some(format!(
                "{}: {}, {} ({} of {})",
                chart::group_name(group),
                chart::counted(n, "sample"),
                chart::counted(pairs, "pair"),
                if pairs >= all { "all" } else { "a random sample" },
                number::count(all),
            ))
        })
        .collect();
    format!(
        "{}; edit distance in {}; seed {}. {}.",
        chart::tau(report.settings.tau),
        report.unit_name(),
        report.settings.seed,
        groups.join("; "),
    )
}

/// Courses at every threshold of the sweep.
pub(super) fn thresholds(report: &Report, index: usize, domain: &Domain) -> NamedTable {
    let mut columns = Columns::new(report);
    let swept = |course: &&Course| course.is_whole() && course.tau.is_some();
    for course in courses(report, domain).filter(swept) {
        let others = |other: &&Course| other.is(&domain.name, &course.metric, course.group) && swept(other);
        if let Some(tau) = course.tau
            && report.courses.iter().filter(others).nth(1).is_some()
        {
            columns.add(&format!("{}, {}", name_and_group(course), chart::tau(tau)), course);
        }
    }
    let title = format!("Threshold sweep: {}", domain.name);
    let note = labelled(report, "The trend of a metric should not depend on a single threshold.");
    named(format!("sweep-{index}"), title, note, columns.table())
}

/// Courses of the samples of each memorization step.
pub(super) fn memorization_steps(report: &Report, index: usize, domain: &Domain) -> NamedTable {
    let mut columns = Columns::new(report);
    for course in courses(report, domain) {
        let Some(t_star) = course.t_star else { continue };
        let step = report.checkpoints.get(t_star).map_or_else(|| "?".to_owned(), |at| number::count(at.step));
        let samples = course.n.map_or_else(String::new, |n| format!(", {}", chart::counted(n, "sample")));
        let symbol = report.settings.onset_rule.of_samples();
        columns.add(&format!("{}, {symbol} {step}{samples}", metric_name(&course.metric)), course);
    }
    let title = format!("By memorization step: {}", domain.name);
    let note = labelled(report, "Only samples with this memorization step; a distance needs at least two.");
    named(format!("t-star-{index}"), title, note, columns.table())
}

/// Courses between domains (paper, appendix E.4).
pub(super) fn between_domains(report: &Report) -> NamedTable {
    let mut columns = Columns::new(report);
    for course in &report.courses {
        let Some(other) = &course.other_domain else { continue };
        let pair = format!("{} × {}", course.domain, other);
        columns.add(&format!("{pair}, {}", chart::group_name(course.group)), course);
    }
    let note = labelled(
        report,
        "Pairs with one sample from each of two domains: a baseline for the distances within a domain.",
    );
    named("between-domains", "Pathway distance between domains", note, columns.table())
}

/// Every course of the whole run over all layers, then one table per metric that has figures of
/// single layers.
pub(super) fn whole_run(report: &Report) -> Vec<NamedTable> {
    let mut columns = Columns::new(report);
    let of_run = |course: &&Course| course.definition().is_some_and(|metric| metric.scope.whole_run);
    for course in report.courses.iter().filter(of_run).filter(|course| course.is_whole()) {
        columns.add(&metric_name(&course.metric), course);
    }
    let note = "Figures of all domains together; p is one-sided and of a single checkpoint.";
    let all = named("whole-run", "Routing: whole run", labelled(report, note), columns.table());
    let layered = layer_measures(true).filter_map(|measure| layered(report, measure, WHOLE_RUN, "run"));
    std::iter::once(all).chain(layered).collect()
}

/// One table per metric of a domain that has figures of single layers, and group.
pub(super) fn layers(report: &Report, index: usize, domain: &Domain) -> Vec<NamedTable> {
    let index = index.to_string();
    layer_measures(false).filter_map(|measure| layered(report, measure, &domain.name, &index)).collect()
}

/// Metrics that have figures of single layers, of the whole run or of domains.
fn layer_measures(whole_run: bool) -> impl Iterator<Item = LayerMeasure> {
    let of_scope = move |measure: &LayerMeasure| measure.metric.scope.whole_run == whole_run;
    LayerMeasure::all().filter(|measure| !measure.change).filter(of_scope)
}

/// The table of a measure by layer.
fn layered(report: &Report, measure: LayerMeasure, domain: &str, suffix: &str) -> Option<NamedTable> {
    let group = Group::Memorized;
    let table = layer_table(report, domain, measure, group)?;
    let mut title = format!("{} by layer", measure.name());
    if measure.metric.scope.groups {
        title = format!("{title}, {}", chart::group_name(group));
    }
    let note = format!("{}.", measure.definition());
    let of_gates = chart::is_of_gates(measure.metric);
    let of = if measure.metric.scope.whole_run { WHOLE_RUN_NAME } else { domain };
    Some(named(
        format!("layers-{}-{suffix}", measure.id()),
        format!("{title}: {of}"),
        if of_gates { labelled(report, &note) } else { note },
        table,
    ))
}
