//! What the rows of a file are of, by its columns: layer, sample, token, step, domain.

use std::{collections::BTreeMap, rc::Rc};

use crate::{
    container::parquet::{Column, Page, ParquetFile, Values},
    error::Error,
    format::flame_moe::columns::{Columns, Ids},
    text::{shorten, step_name::step_from_name},
};

/// More layers than any model has.
const MOST_LAYERS: i64 = 4096;

/// Positions of a sample are numbered below this.
const MOST_TOKENS: i64 = 1 << 24;

/// Checkpoints that one file may have.
const MOST_STEPS: usize = 4096;

/// Rows per byte of a file beyond which its columns are not read. Ids of real routing take more than that.
const ROWS_PER_BYTE: u64 = 16;

/// One value of a column.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cell {
    Number(i64),
    Text(Rc<str>),
}

impl Cell {
    fn text(&self) -> Rc<str> {
        match self {
            Self::Number(number) => number.to_string().into(),
            Self::Text(text) => Rc::clone(text),
        }
    }

    /// For messages.
    fn shown(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => format!("\"{}\"", shorten(text)),
        }
    }
}

/// Layer, sample, token and step of each row.
#[derive(Debug, Default)]
pub struct Keys {
    /// Layer of each row.
    pub layers: Option<Vec<u16>>,
    /// Sample of each row, by its index in `names`.
    pub samples: Option<Vec<u32>>,
    /// Names of the samples, in the order in which they occur.
    pub names: Rc<[Rc<str>]>,
    /// Position of each row in its sample.
    pub tokens: Option<Vec<u32>>,
    /// Place of each row among the experts of its token.
    pub slots: Option<Vec<u32>>,
    /// Domain of each sample, `[S]`; empty if no column states it.
    pub domains: Rc<[Rc<str>]>,
    /// Training step, if all rows have the same.
    pub step: Option<u64>,
    /// Training steps in the order in which they occur, and the index of each row's; empty if all
    /// rows have the same.
    pub steps: (Vec<u64>, Vec<u16>),
}

/// A file whose columns are read.
pub struct Table<'a> {
    pub name: &'a str,
    /// Bytes of the file.
    pub len: u64,
    pub file: &'a ParquetFile,
}

fn path(column: &Column) -> String {
    column.path.first().cloned().unwrap_or_default()
}

impl Table<'_> {
    /// The error that a column is not as it should be.
    pub fn wrong(
        &self,
        column: &str,
        found: String,
        expected: impl Into<String>,
        advice: &'static str,
    ) -> Error {
        Error::Format {
            name: self.name.to_owned(),
            part: format!("column `{}`", shorten(column)),
            found,
            expected: expected.into(),
            advice,
        }
    }

    /// Passes the values of a column, one per row, to `take` with the number of their row.
    pub async fn cells(
        &self,
        column: &Column,
        mut take: impl FnMut(usize, Cell) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let advice = "Write one value for every row, as a whole number or a text.";
        if column.max_repetition > 0 {
            return Err(self.wrong(&path(column), "lists".to_owned(), "one value per row", advice));
        }
        if self.file.rows > self.len.saturating_mul(ROWS_PER_BYTE) {
            return Err(Error::Format {
                name: self.name.to_owned(),
                part: "footer".to_owned(),
                found: format!("{} rows in {} bytes", self.file.rows, self.len),
                expected: format!("at most {ROWS_PER_BYTE} rows per byte"),
                advice: "Check what the file was made from.",
            });
        }
        let values: u64 = column.chunks.iter().fold(0, |sum, chunk| sum.saturating_add(chunk.values));
        if values != self.file.rows {
            return Err(self.wrong(
                &path(column),
                format!("{values} values"),
                format!("{}, one per row", self.file.rows),
                "Check that the file is complete, or write it again with pyarrow.",
            ));
        }
        let mut row = 0;
        self.file
            .read(column, |Page { values, .. }| {
                let mut next = |cell| {
                    row += 1;
                    take(row - 1, cell)
                };
                match values {
                    Values::Ints(values) => values.into_iter().map(Cell::Number).try_for_each(&mut next),
                    Values::Texts(texts) => texts.into_iter().map(Cell::Text).try_for_each(&mut next),
                    Values::Floats(values) => values.into_iter().try_for_each(|value| {
                        // Doubles were rounded, so that only smaller ones are known exactly.
                        if value.fract() != 0.0 || value.abs() >= 16_777_216.0 || value.is_nan() {
                            return Err(self.wrong(
                                &path(column),
                                format!("the float {value}"),
                                "whole numbers or texts",
                                "Write the column as int64 or string.",
                            ));
                        }
                        next(Cell::Number(value as i64))
                    }),
                }
            })
            .await
    }

    /// Whole numbers from 0 to below `most`, one per row.
    pub async fn numbers<T: TryFrom<i64>>(&self, column: &Column, most: i64) -> Result<Vec<T>, Error> {
        let mut numbers = Vec::new();
        self.cells(column, |row, cell| {
            let number = match &cell {
                Cell::Number(number) => Some(*number),
                Cell::Text(text) => text.parse().ok(),
            };
            let number = number.filter(|number| (0..most).contains(number));
            numbers.push(number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
                self.wrong(
                    &path(column),
                    format!("{} in row {row}", cell.shown()),
                    format!("a whole number from 0 to {}", most - 1),
                    "Correct the column, or leave it out if it says something else.",
                )
            })?);
            Ok(())
        })
        .await?;
        Ok(numbers)
    }
}

impl Keys {
    /// Reads the columns that state layer, sample, token and step of each row.
    ///
    /// # Errors
    /// [`Error::Format`] for values that are impossible there, and for columns that differ between the rows of a sample
    /// and are not understood.
    pub async fn read(table: &Table<'_>, columns: &Columns<'_>) -> Result<Self, Error> {
        let mut keys = Self::default();
        if let Some(column) = columns.layer {
            keys.layers = Some(table.numbers(column, MOST_LAYERS).await?);
        }
        if let Some(column) = columns.token {
            keys.tokens = Some(table.numbers(column, MOST_TOKENS).await?);
        }
        if let Some(column) = columns.slot {
            keys.slots = Some(table.numbers(column, MOST_LAYERS).await?);
        }
        if let Some(column) = columns.sample {
            keys.read_samples(table, column).await?;
        }
        if let Some(column) = columns.step {
            keys.read_step(table, column).await?;
        }
        if let Some(column) = columns.domain {
            let advice = "Write one domain for all rows of a sample, and a column sample_id.";
            let domains = keys.of_samples(table, column, "one domain per sample", advice).await?;
            if keys.samples.is_some() {
                keys.domains = domains.iter().map(Cell::text).collect();
            }
        }
        for column in &columns.others {
            keys.of_samples(
                table,
                column,
                "one value in all rows of a sample, as this column is not read",
                "If it says which sample a row is of, name it sample_id. Otherwise write one file for each of its values, and \
                 rows of the same token once.",
            )
            .await?;
        }
        Ok(keys)
    }

    /// Whether no column states layer, sample or token of a row.
    pub fn is_empty(&self) -> bool {
        self.layers.is_none() && self.samples.is_none() && self.tokens.is_none()
    }

    async fn read_samples(&mut self, table: &Table<'_>, column: &Column) -> Result<(), Error> {
        let mut places: BTreeMap<Cell, u32> = BTreeMap::new();
        let (mut samples, mut names): (Vec<u32>, Vec<Rc<str>>) = (Vec::new(), Vec::new());
        let mut last: Option<Cell> = None;
        table
            .cells(column, |_, cell| {
                // Rows of a sample mostly follow each other.
                let sample = match (&last, samples.last()) {
                    (Some(last), Some(&sample)) if *last == cell => sample,
                    _ => {
                        let next = names.len() as u32;
                        let sample = *places.entry(cell.clone()).or_insert(next);
                        if sample == next {
                            names.push(cell.text());
                        }
                        last = Some(cell);
                        sample
                    }
                };
                samples.push(sample);
                Ok(())
            })
            .await?;
        (self.samples, self.names) = (Some(samples), names.into());
        Ok(())
    }

    async fn read_step(&mut self, table: &Table<'_>, column: &Column) -> Result<(), Error> {
        let mut places: BTreeMap<Cell, u16> = BTreeMap::new();
        let (mut steps, mut rows) = (Vec::new(), Vec::new());
        let mut last: Option<(Cell, u16)> = None;
        table
            .cells(column, |row, cell| {
                let wrong = |expected, advice| {
                    table.wrong(&path(column), format!("{} in row {row}", cell.shown()), expected, advice)
                };
                let at = match (&last, places.get(&cell)) {
                    (Some((last, at)), _) if *last == cell => *at,
                    (_, Some(&at)) => at,
                    _ => {
                        let step = match &cell {
                            Cell::Number(number) => u64::try_from(*number).ok(),
                            Cell::Text(text) => {
                                text.parse().ok().or_else(|| Some(step_from_name(text)?.step))
                            }
                        };
                        let at = steps.len() as u16;
                        steps.push(step.ok_or_else(|| {
                            wrong(
                                "a training step, like 1000 or step-1000",
                                "Correct the column, or leave it out and name the file by its step.",
                            )
                        })?);
                        if steps.len() > MOST_STEPS {
                            return Err(wrong(
                                "at most 4096 checkpoints",
                                "Write one file for each checkpoint, named by its step (step-1000.parquet).",
                            ));
                        }
                        places.insert(cell.clone(), at);
                        at
                    }
                };
                last = Some((cell, at));
                rows.push(at);
                Ok(())
            })
            .await?;
        match steps.as_slice() {
            [step] => self.step = Some(*step),
            _ => self.steps = (steps, rows),
        }
        Ok(())
    }

    /// The rows of each of several steps, ascending by step, with their own keys.
    pub fn split(&self) -> Vec<(Vec<u32>, Self)> {
        let (steps, of_rows) = &self.steps;
        let mut rows: Vec<Vec<u32>> = vec![Vec::new(); steps.len()];
        for (row, &step) in of_rows.iter().enumerate() {
            if let Some(rows) = rows.get_mut(usize::from(step)) {
                rows.push(row as u32);
            }
        }
        let mut parts: Vec<_> = steps.iter().zip(rows).map(|(&step, rows)| (step, rows)).collect();
        parts.sort_by_key(|&(step, _)| step);
        let part = |(step, rows): (u64, Vec<u32>)| {
            let keys = Self {
                layers: pick(self.layers.as_ref(), &rows),
                samples: pick(self.samples.as_ref(), &rows),
                names: Rc::clone(&self.names),
                tokens: pick(self.tokens.as_ref(), &rows),
                slots: pick(self.slots.as_ref(), &rows),
                domains: Rc::clone(&self.domains),
                step: Some(step),
                steps: (Vec::new(), Vec::new()),
            };
            (rows, keys)
        };
        parts.into_iter().map(part).collect()
    }

    /// The value of a column for each sample, or for all rows where no column names samples.
    async fn of_samples(
        &self,
        table: &Table<'_>,
        column: &Column,
        expected: &str,
        advice: &'static str,
    ) -> Result<Vec<Cell>, Error> {
        let mut values: Vec<Option<Cell>> = vec![None; self.names.len().max(1)];
        table
            .cells(column, |row, cell| {
                let sample = self.samples.as_ref().and_then(|samples| samples.get(row)).copied().unwrap_or(0);
                match values.get_mut(sample as usize) {
                    Some(Some(first)) if *first != cell => Err(table.wrong(
                        &path(column),
                        format!("{}, and {} in row {row}", first.shown(), cell.shown()),
                        expected,
                        advice,
                    )),
                    Some(value @ None) => {
                        *value = Some(cell);
                        Ok(())
                    }
                    _ => Ok(()),
                }
            })
            .await?;
        Ok(values.into_iter().flatten().collect())
    }
}

/// The values of these rows.
fn pick<T: Copy>(values: Option<&Vec<T>>, rows: &[u32]) -> Option<Vec<T>> {
    values.map(|values| rows.iter().filter_map(|&row| values.get(row as usize).copied()).collect())
}

/// Reads the ids of columns that hold one expert per row each, `[rows, columns]`.
pub async fn scalar_ids(table: &Table<'_>, ids: &Ids<'_>) -> Result<(Vec<u16>, usize), Error> {
    let columns: Vec<&Column> = match ids {
        Ids::Rows(column) | Ids::Lists(column) => vec![column],
        Ids::Columns(columns) => columns.clone(),
    };
    let mut all: Vec<Vec<u16>> = Vec::with_capacity(columns.len());
    for column in &columns {
        all.push(table.numbers(column, 1 << 16).await?);
    }
    let rows = all.first().map_or(0, Vec::len);
    if rows == 0 {
        let name = columns.first().map(|column| path(column)).unwrap_or_default();
        return Err(table.wrong(
            &name,
            "no rows".to_owned(),
            "one per token",
            "Check what the file was made from.",
        ));
    }
    if all.len() == 1 {
        return Ok((all.pop().unwrap_or_default(), 1));
    }
    let k = all.len();
    let mut ids = vec![0; rows.saturating_mul(k)];
    for (slot, column) in all.iter().enumerate() {
        for (place, &id) in ids.iter_mut().skip(slot).step_by(k).zip(column) {
            *place = id;
        }
    }
    Ok((ids, k))
}
