//! Lists of one length per row, as `indices` and `scores` have them.

use crate::{
    container::parquet::{self, Page, ParquetFile, Values},
    error::Error,
};

/// Counts rows and checks that all have the same number of values.
pub struct Rows<'a> {
    name: &'a str,
    column: &'a str,
    k: Option<usize>,
    rows: u64,
    /// Values of the current row so far.
    inside: usize,
}

impl<'a> Rows<'a> {
    pub fn new(name: &'a str, column: &'a str) -> Self {
        Self { name, column, k: None, rows: 0, inside: 0 }
    }

    pub fn wrong(&self, found: String, expected: &str, advice: &'static str) -> Error {
        Error::Format {
            name: self.name.to_owned(),
            part: format!("column `{}`", self.column),
            found,
            expected: expected.to_owned(),
            advice,
        }
    }

    /// The row of a value; 0 while the length of rows is unknown.
    pub fn row_of(&self, at: usize) -> usize {
        at.checked_div(self.k.unwrap_or(0)).unwrap_or(0)
    }

    pub fn take(&mut self, begins: &[bool]) -> Result<(), Error> {
        for &begin in begins {
            if begin {
                self.end_row()?;
                self.rows += 1;
                self.inside = 1;
            } else {
                self.inside += 1;
            }
        }
        Ok(())
    }

    fn end_row(&mut self) -> Result<(), Error> {
        if self.rows == 0 && self.inside == 0 {
            return Ok(());
        }
        match self.k {
            None => self.k = Some(self.inside),
            Some(k) if k == self.inside => {}
            Some(k) => {
                return Err(self.wrong(
                    format!("{} values in row {}", self.inside, self.rows.saturating_sub(1)),
                    &format!("{k}, as in the rows before"),
                    "Write the same number of experts for every token.",
                ));
            }
        }
        Ok(())
    }

    /// The length of all rows.
    pub fn finish(&mut self, rows: u64) -> Result<usize, Error> {
        self.end_row()?;
        if self.rows != rows {
            return Err(self.wrong(
                format!("{} rows", self.rows),
                &format!("{rows}, as the footer declares"),
                "The file is damaged; copy or download it again, or write it again with pyarrow.",
            ));
        }
        match self.k {
            // A list without a first value has empty rows.
            Some(k) if k > 0 => Ok(k),
            _ => Err(self.wrong("no rows".to_owned(), "one per token", "Check what the file was made from.")),
        }
    }
}

/// Whether every token's scores descend. They are probabilities of the selected experts, so their
/// sum is at most 1.
pub async fn scores_fall(
    name: &str,
    file: &ParquetFile,
    column: &parquet::Column,
    k: usize,
) -> Result<bool, Error> {
    let mut rows = Rows::new(name, "scores");
    let mut fall = true;
    let (mut before, mut sum, mut at) = (f32::INFINITY, 0.0_f64, 0_usize);
    file.read(column, |page| {
        let Page { begins, values: Values::Floats(values) } = page else {
            return Err(rows.wrong(
                "whole numbers".to_owned(),
                "probabilities",
                "Write the scores as floats.",
            ));
        };
        rows.take(&begins)?;
        for score in values {
            if at % k == 0 {
                (before, sum) = (f32::INFINITY, 0.0);
            }
            sum += f64::from(score);
            if !(0.0..=1.0).contains(&score) || sum > 1.01 {
                return Err(rows.wrong(
                    format!("{score} in row {}, where the scores sum to {sum:.4} so far", at / k),
                    "probabilities, which sum to at most 1",
                    "Write the softmax over all experts, of the selected ones.",
                ));
            }
            fall &= score <= before;
            before = score;
            at += 1;
        }
        Ok(())
    })
    .await?;
    let width = rows.finish(file.rows)?;
    if width == k {
        Ok(fall)
    } else {
        Err(rows.wrong(
            format!("{width} values per row"),
            &format!("{k}, one for each of `indices`"),
            "Write both columns from the same tokens.",
        ))
    }
}
