//! Tables as data, and their export formats.

mod write;

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::number;

/// A column's heading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Cell {
    /// Text, or a name given by a user.
    Text(String),
    /// A number and its displayed decimals; exports keep all digits.
    Number(f64, usize),
    /// A whole number.
    Integer(i64),
    /// Undefined, which is not zero.
    Missing,
}

impl Cell {
    /// Words.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// A number with about four significant digits, or [`Cell::Missing`].
    #[must_use]
    pub fn number(value: Option<f64>) -> Self {
        match value {
            Some(value) if value.is_finite() => Self::Number(value, number::digits_for(value)),
            _ => Self::Missing,
        }
    }

    /// A number with a fixed number of decimals, or [`Cell::Missing`].
    #[must_use]
    pub fn fixed(value: Option<f64>, digits: usize) -> Self {
        match value {
            Some(value) if value.is_finite() => Self::Number(value, digits),
            _ => Self::Missing,
        }
    }

    /// A count, clamped to the range of an integer cell.
    #[must_use]
    pub fn count(value: u64) -> Self {
        Self::Integer(i64::try_from(value).unwrap_or(i64::MAX))
    }

    /// The displayed text.
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

    /// Numbers by value, then texts by their letters, then missing values.
    fn compare(&self, other: &Self) -> Ordering {
        let rank = |cell: &Self| match cell {
            Self::Number(..) | Self::Integer(_) => 0,
            Self::Text(_) => 1,
            Self::Missing => 2,
        };
        let value = |cell: &Self| match cell {
            Self::Number(value, _) => *value,
            Self::Integer(value) => *value as f64,
            Self::Text(_) | Self::Missing => 0.0,
        };
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            _ => rank(self).cmp(&rank(other)).then_with(|| value(self).total_cmp(&value(other))),
        }
    }

    /// Whether the cell is right-aligned.
    #[must_use]
    pub fn is_number(&self) -> bool {
        !matches!(self, Self::Text(_))
    }
}

/// Headings and rows; every row has one cell per column.
#[derive(Clone, Debug, PartialEq, Default, Serialize, Deserialize)]
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

    /// Adds a row, filled with [`Cell::Missing`] or truncated to the number of columns.
    pub fn push(&mut self, mut row: Vec<Cell>) {
        row.resize(self.columns.len(), Cell::Missing);
        self.rows.push(row);
    }

    /// The rows in the order of a column's values; missing values are last in both directions. Equal values
    /// keep the order of the table.
    #[must_use]
    pub fn order(&self, column: usize, descending: bool) -> Vec<usize> {
        let cell =
            |row: usize| self.rows.get(row).and_then(|cells| cells.get(column)).unwrap_or(&Cell::Missing);
        let mut rows: Vec<usize> = (0..self.rows.len()).collect();
        rows.sort_by(|&a, &b| {
            let (a, b) = (cell(a), cell(b));
            let order = a.compare(b);
            let missing = matches!(a, Cell::Missing) || matches!(b, Cell::Missing);
            if descending && !missing { order.reverse() } else { order }
        });
        rows
    }

    /// Whether a column is right-aligned: all cells are numbers or missing, and at least one is a number.
    #[must_use]
    pub fn is_numeric(&self, column: usize) -> bool {
        let mut cells = self.rows.iter().filter_map(|row| row.get(column)).peekable();
        cells.peek().is_some() && cells.all(Cell::is_number)
    }
}

/// A table with its place in a report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

#[cfg(test)]
mod tests {
    use super::{Cell, Column, Table};

    #[test]
    fn rows_are_ordered_by_a_column() {
        let mut table = Table::new(vec![Column::new("Name"), Column::new("Value")]);
        for (name, value) in [("b", Some(10.0)), ("a", None), ("d", Some(-2.5)), ("c", Some(10.0))] {
            table.push(vec![Cell::text(name), Cell::number(value)]);
        }
        assert_eq!(table.order(0, false), [1, 0, 3, 2]);
        assert_eq!(table.order(1, false), [2, 0, 3, 1]);
        assert_eq!(table.order(1, true), [0, 3, 2, 1]);
        assert_eq!(table.order(7, false), [0, 1, 2, 3]);
    }
}
