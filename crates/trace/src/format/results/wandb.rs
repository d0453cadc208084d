//! CSV of Weights & Biases. A panel's export has the step and columns `RUN - METRIC`, each with `__MIN` and `__MAX`
//! beside it; a run's history has the step and columns `METRIC`.

use std::collections::BTreeSet;

use crate::{
    error::Error,
    format::{
        kind::{FileKind, Format, Match, Opened},
        probe::Probe,
        results::{
            cells::Cell,
            columns::{Role, find},
            csv::{Header, for_each_record, header},
            json::MAX_JSON,
            listed,
            metric_name::{self, Metric},
            metrics::Metrics,
            read_text,
        },
    },
    io::source::ByteSource as _,
};

/// Separator between the run's name and the metric's.
const BETWEEN: &str = " - ";

/// Other axes than the step.
const AXES: [&str; 4] = ["Relative Time (Process)", "Relative Time (Wall)", "Wall Time", "_timestamp"];

/// Exports of Weights & Biases.
pub const FORMAT: Format = Format {
    endings: &["csv"],
    in_tensors: false,
    content: "a CSV export of Weights & Biases with accuracies",
    entry: None,
    probe,
};

/// Matches a step, or another axis, beside columns of runs or of accuracies.
fn probe(probe: &Probe) -> Option<Match<'_>> {
    let header = header(&probe.head)?;
    let names = &header.names;
    let axis = names.first().filter(|name| AXES.contains(&name.as_str()));
    if axis.is_none() && find(names, Role::Step).is_none()
        || find(names, Role::Domain).is_some()
        || find(names, Role::Item).is_some()
    {
        return None;
    }
    let of_run = names.iter().any(|name| name.contains(BETWEEN));
    let of_metric = names.iter().any(|name| metric_name::accuracy(name).is_some());
    if !of_run && (axis.is_some() || !of_metric) {
        return None;
    }
    Some(Box::pin(async move {
        let mut warnings = Vec::new();
        let what = open(probe, &mut warnings).await?;
        Ok(Opened { what, warnings })
    }))
}

/// A column with a metric.
struct Column {
    at: usize,
    run: Option<String>,
    metric: String,
}

/// The columns of metrics.
fn columns(header: &Header, step: usize) -> Vec<Column> {
    let names = header.names.iter().enumerate().filter(|&(at, name)| at != step && !name.is_empty());
    let columns = names.filter(|(_, name)| !name.ends_with("__MIN") && !name.ends_with("__MAX"));
    let column = |(at, name): (usize, &String)| match name.rsplit_once(BETWEEN) {
        Some((run, metric)) => Column { at, run: Some(run.to_owned()), metric: metric.to_owned() },
        None => Column { at, run: None, metric: name.clone() },
    };
    // `_step`, `_runtime` and `_timestamp` are part of every export.
    columns.map(column).filter(|column| !column.metric.starts_with('_')).collect()
}

/// Reads it.
///
/// # Errors
/// [`Error::Text`] for several runs, for another axis than the step, and with the line for whatever is not as described.
async fn open(probe: &Probe, warnings: &mut Vec<String>) -> Result<FileKind, Error> {
    let source = &probe.source;
    let name = source.name();
    let wrong = |found: String, expected: &str, advice| Error::Text {
        name: name.to_owned(),
        place: "the header line".to_owned(),
        found,
        expected: expected.to_owned(),
        advice,
    };
    let text = read_text(source, MAX_JSON, "Export the accuracies alone.").await?;
    // The header may be longer than what formats are recognized by.
    let header = header(&text).ok_or_else(|| {
        wrong("text that is not UTF-8".to_owned(), "the names of columns", "Export the panel again.")
    })?;
    let Some(step) = find(&header.names, Role::Step) else {
        let axis = header.names.first().map_or("", String::as_str);
        return Err(wrong(
            listed([axis]),
            "`Step` as the first column",
            "Export the panel with the step on its x axis.",
        ));
    };
    let columns = columns(&header, step);
    let runs: BTreeSet<&str> = columns.iter().filter_map(|column| column.run.as_deref()).collect();
    if runs.len() > 1 {
        return Err(wrong(
            format!("{} runs: {}", runs.len(), listed(runs)),
            "one run",
            "Show one run in the panel and export it again.",
        ));
    }
    let mut metrics = Metrics::default();
    let mut accuracies = Vec::new();
    for column in &columns {
        match metric_name::accuracy(&column.metric) {
            Some(Metric { task, rank }) => accuracies.push((column, task, rank)),
            None => metrics.pass_over(&column.metric),
        }
    }
    if accuracies.is_empty() {
        let metrics = columns.iter().map(|column| column.metric.as_str());
        return Err(wrong(
            format!("no accuracy, but {}", listed(metrics)),
            "columns named `TASK_acc`, `TASK/acc` or `TASK_accuracy`",
            "Export a panel of accuracies, or write domain, step and accuracy.",
        ));
    }
    for_each_record(name, &text, header.delimiter, |line, record| {
        let cell = |at: usize| Cell {
            name,
            line,
            column: header.names.get(at).map_or("", String::as_str),
            text: record.get(at).unwrap_or("").trim(),
        };
        let step = cell(step).step()?;
        for &(Column { at, metric, .. }, task, rank) in &accuracies {
            if let Some(value) = cell(*at).figure()? {
                metrics.add_of(name, (task, rank), metric, step, value)?;
            }
        }
        Ok(())
    })?;
    if metrics.is_empty() {
        return Err(Error::Text {
            name: name.to_owned(),
            place: "after the header line".to_owned(),
            found: "no accuracies".to_owned(),
            expected: "one row per step".to_owned(),
            advice: "Export the panel again.",
        });
    }
    Ok(FileKind::Results(metrics.finish(name, warnings)))
}
