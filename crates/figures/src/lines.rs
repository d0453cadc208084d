//! Line charts over training, one line per domain: the form of most figures.

mod drawing;
mod ends;
mod rows;

pub(crate) use drawing::{UP_TO, domain_scale};
pub(crate) use ends::Room;

use report::{Report, Series};

use crate::{
    axis::{Axis, Scale},
    checkpoints::{checkpoint_cells, checkpoint_columns, checkpoint_span},
    figure::Figure,
    number, series,
    table::{Cell, Column, Table},
    theme::Theme,
};

/// Name of the line of the whole run.
pub(crate) const WHOLE_RUN_NAME: &str = "whole run";

/// The course of one domain or of the whole run, every series `[C]`.
pub(crate) struct Line {
    /// Index in [`Report::domains`]; their number for the whole run.
    pub domain: usize,
    /// The value drawn.
    pub value: Series,
    /// Bounds of the band around it.
    pub band: Option<(Series, Series)>,
    /// A thin reference line.
    pub reference: Option<Series>,
    /// Samples or items behind the values.
    pub n: Option<u64>,
}

/// A figure of courses.
pub(crate) struct Lines<'a> {
    pub report: &'a Report,
    pub axis: Axis,
    /// The part of the axis that is shown.
    pub scale: Scale,
    /// Room for names at the ends of the lines.
    pub room: Room,
    /// Checkpoints of the running mean that is drawn.
    pub smooth: usize,
    /// Whether the vertical axis is logarithmic; all values are then positive.
    pub log: bool,
    pub theme: Theme,
    pub present: bool,
    pub width: Option<u32>,
    pub height: Option<u32>,
    pub id: String,
    pub title: String,
    pub subtitle: String,
    /// Title of the vertical axis.
    pub measure: String,
    /// Unit of the values, for axis and table.
    pub unit: Option<&'static str>,
    /// The vertical range; by default that of the data.
    pub range: Option<(f64, f64)>,
    /// Names of the band's bounds: `95 % low` and `95 % high`.
    pub band_names: (&'static str, &'static str),
    /// Name of the reference line.
    pub reference_name: String,
    pub courses: Vec<Line>,
}

/// Name of the line with that index.
fn name(report: &Report, domain: usize) -> &str {
    report.domains.get(domain).map_or(WHOLE_RUN_NAME, |domain| domain.name.as_str())
}

impl Lines<'_> {
    /// The figure; `None` if no line has a value.
    pub fn figure(mut self) -> Option<Figure> {
        let checkpoints = self.report.checkpoints.len();
        self.courses.retain(|line| (0..checkpoints).any(|at| series::at(&line.value, at).is_some()));
        if self.courses.is_empty() {
            return None;
        }
        let summary = self.summary();
        let table = self.table();
        let spec = self.spec(&summary);
        Some(Figure { id: self.id, title: self.title, spec, table, summary })
    }

    fn name(&self, line: &Line) -> &str {
        name(self.report, line.domain)
    }

    fn table(&self) -> Table {
        let column = |name: String| Column { name, unit: self.unit.map(str::to_owned) };
        let mut columns = checkpoint_columns(self.report);
        for line in &self.courses {
            let name = self.name(line);
            columns.push(column(name.to_owned()));
            if line.band.is_some() {
                columns.push(column(format!("{name}, {}", self.band_names.0)));
                columns.push(column(format!("{name}, {}", self.band_names.1)));
            }
            if line.reference.is_some() {
                columns.push(column(format!("{name}, {}", self.reference_name)));
            }
        }
        let mut table = Table::new(columns);
        for at in 0..self.report.checkpoints.len() {
            let mut row = checkpoint_cells(self.report, at);
            for line in &self.courses {
                row.push(Cell::number(series::at(&line.value, at)));
                if let Some((low, high)) = &line.band {
                    row.push(Cell::number(series::at(low, at)));
                    row.push(Cell::number(series::at(high, at)));
                }
                if let Some(reference) = &line.reference {
                    row.push(Cell::number(series::at(reference, at)));
                }
            }
            table.push(row);
        }
        table
    }

    fn summary(&self) -> String {
        const NAMED: usize = 6;
        let checkpoints = self.report.checkpoints.len();
        let courses: Vec<String> = self
            .courses
            .iter()
            .take(NAMED)
            .filter_map(|line| {
                let defined = series::defined(&line.value, checkpoints);
                let (&(first, start), &(last, end)) = (defined.first()?, defined.last()?);
                let (low, high) = series::extent(defined.iter().map(|&(_, value)| value))?;
                let name = self.name(line);
                if first == last {
                    return Some(format!("{name} is {} at its only checkpoint", number::plain(start)));
                }
                Some(format!(
                    "{name} from {} to {} (lowest {}, highest {})",
                    number::plain(start),
                    number::plain(end),
                    number::plain(low),
                    number::plain(high),
                ))
            })
            .collect();
        let more = self.courses.len().saturating_sub(NAMED);
        let more = if more > 0 { format!("; {more} more in the table") } else { String::new() };
        let unit = self.unit.map(|unit| format!(", {unit}")).unwrap_or_default();
        format!("{}{unit}, {}: {}{more}.", self.title, checkpoint_span(self.report), courses.join("; "))
    }
}
