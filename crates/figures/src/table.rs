//! Tables as data, and their three written forms.

mod write;

use serde::Serialize;

use crate::number;

/// A column's heading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Name of the values.
    pub name: String,
    /// Unit of the values, if any.
    pub unit: Option<String>,
}

impl Column {
    /// A column without a unit.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), unit: None }
    }

    /// A column with a unit.
    pub fn with_unit(name: impl Into<String>, unit: impl Into<String>) -> Self {
        Self { name: name.into(), unit: Some(unit.into()) }
    }

    /// Name and unit: `Distance (symbols)`.
    #[must_use]
    pub fn heading(&self) -> String {
        match &self.unit {
            Some(unit) => format!("{} ({unit})", self.name),
            None => self.name.clone(),
        }
    }
}

/// One value of a table.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Cell {
    /// Words, or a name that a user gave.
    Text(String),
    /// A measured number and the digits after its point that are shown; exports keep all of them.
    Number(f64, usize),
    /// A whole number.
    Integer(i64),
    /// Undefined here, which is not zero.
    Missing,
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A number with about four significant digits; [`Cell::Missing`] where there is none.
    #[must_use]
    pub fn number(value: Option<f64>) -> Self {
        match value {
            Some(value) if value.is_finite() => Self::Number(value, number::digits_for(value)),
            _ => Self::Missing,
        }
    }

    /// A number with so many digits after the point; [`Cell::Missing`] where there is none.
    #[must_use]
    pub fn fixed(value: Option<f64>, digits: usize) -> Self {
        match value {
            Some(value) if value.is_finite() => Self::Number(value, digits),
            _ => Self::Missing,
        }
    }

    /// A count; beyond what an integer cell holds it stays at that bound.
    #[must_use]
    pub fn count(value: u64) -> Self {
        Self::Integer(i64::try_from(value).unwrap_or(i64::MAX))
    }

    /// As it is shown on the page.
    #[must_use]
    pub fn display(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(value, digits) => number::fixed(*value, *digits),
            Self::Integer(value) if *value < 0 => number::signed(*value),
            Self::Integer(value) => number::count(value.unsigned_abs()),
            Self::Missing => number::MISSING.into(),
        }
    }

    /// Whether it belongs to the right edge of its column.
    #[must_use]
    pub fn is_number(&self) -> bool {
        !matches!(self, Self::Text(_))
    }
}

/// Headings and rows; every row has one cell per column.
#[derive(Clone, Debug, PartialEq, Default, Serialize)]
pub struct Table {
    /// The headings.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// A table with these headings and no rows yet.
    #[must_use]
    pub fn new(columns: Vec<Column>) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Adds a row; a short one is filled with [`Cell::Missing`], a long one is cut.
    pub fn push(&mut self, mut row: Vec<Cell>) {
        row.resize(self.columns.len(), Cell::Missing);
        self.rows.push(row);
    }

    /// Whether a column's cells belong to its right edge: all are numbers or missing, and one is a number.
    #[must_use]
    pub fn is_numeric(&self, column: usize) -> bool {
        let mut cells = self.rows.iter().filter_map(|row| row.get(column)).peekable();
        cells.peek().is_some() && cells.all(Cell::is_number)
    }
}

/// A table with its place in a report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NamedTable {
    /// Stable identifier, letters, figures and dashes: `correlations`, `series-0` (the first domain's).
    pub id: String,
    /// Title.
    pub title: String,
    /// Note under the title; may be empty.
    pub note: String,
    /// The numbers.
    pub table: Table,
}
