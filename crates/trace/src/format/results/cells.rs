//! Cells of tables as numbers: `1000.0` is a step, and empty cells and `nan` are absent values.

use crate::{error::Error, text::shorten};

/// Whether a cell holds no value, as pandas, R and spreadsheets write it.
pub fn is_absent(text: &str) -> bool {
    ["", "nan", "null", "none", "na", "n/a", "<na>", "-"]
        .iter()
        .any(|absent| text.eq_ignore_ascii_case(absent))
}

/// A whole number from 0, also where it is written as `1000.0` or `1e3`.
pub fn whole(text: &str) -> Option<u64> {
    if let Ok(value) = text.parse() {
        return Some(value);
    }
    let value: f64 = text.parse().ok()?;
    // Up to 2^53 every whole f64 is the number that was meant.
    let is_whole = (0.0..=9_007_199_254_740_992.0).contains(&value) && (value - value.trunc()).abs() <= 0.0;
    is_whole.then_some(value as u64)
}

/// A place in a table, for reading the cell there.
#[derive(Clone, Copy, Debug)]
pub struct Cell<'a> {
    /// The file.
    pub name: &'a str,
    /// Line of the cell, counted from 1.
    pub line: u64,
    /// The column's name in the header.
    pub column: &'a str,
    /// Content of the cell, without spaces around it.
    pub text: &'a str,
}

impl Cell<'_> {
    /// Line and column.
    pub fn place(&self) -> String {
        format!("line {}, column `{}`", self.line, shorten(self.column))
    }

    /// The error for a cell that is not as expected.
    pub fn wrong(&self, expected: &str) -> Error {
        Error::Text {
            name: self.name.to_owned(),
            place: self.place(),
            found: format!("\"{}\"", shorten(self.text)),
            expected: expected.to_owned(),
            advice: "Correct the table there.",
        }
    }

    /// A training step.
    ///
    /// # Errors
    /// [`Error::Text`] where it is none.
    pub fn step(&self) -> Result<u64, Error> {
        whole(self.text).ok_or_else(|| self.wrong("a training step (a whole number from 0)"))
    }

    /// A figure; `None` where it is absent or not finite.
    ///
    /// # Errors
    /// [`Error::Text`] where it is neither.
    pub fn figure(&self) -> Result<Option<f64>, Error> {
        if is_absent(self.text) {
            return Ok(None);
        }
        match self.text.parse::<f64>() {
            Ok(value) => Ok(Some(value).filter(|value| value.is_finite())),
            Err(_) => Err(self.wrong("a number, or nothing")),
        }
    }

    /// Whether an item was answered rightly; `None` where that is absent.
    ///
    /// # Errors
    /// [`Error::Text`] for any other content.
    pub fn correct(&self) -> Result<Option<bool>, Error> {
        match self.text.to_ascii_lowercase().as_str() {
            "1" | "1.0" | "true" => Ok(Some(true)),
            "0" | "0.0" | "false" => Ok(Some(false)),
            text if is_absent(text) => Ok(None),
            _ => Err(self.wrong("0, 1, true, false, or nothing")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(text: &str) -> Cell<'_> {
        Cell { name: "t.csv", line: 3, column: "Global Step", text }
    }

    #[test]
    fn steps_are_whole_however_they_are_written() {
        for (text, expected) in [("1000", 1000), ("1000.0", 1000), ("1e3", 1000), ("0", 0), ("0.0", 0)] {
            assert_eq!(cell(text).step(), Ok(expected), "{text}");
        }
        for text in ["1000.5", "-1", "1k", "", "nan", "inf", "1e300", "1,000"] {
            let said = cell(text).step().unwrap_err().to_string();
            assert!(said.contains("line 3, column `Global Step`"), "{said}");
        }
    }

    #[test]
    fn absent_values_are_no_errors() {
        for text in ["", "nan", "NaN", "inf", "-Infinity", "None", "N/A"] {
            assert_eq!(cell(text).figure(), Ok(None), "{text}");
        }
        assert_eq!(cell("0.25").figure(), Ok(Some(0.25)));
        assert!(cell("half").figure().is_err());
        assert_eq!(cell("NaN").correct(), Ok(None));
        assert_eq!(cell("True").correct(), Ok(Some(true)));
        assert!(cell("yes").correct().is_err());
    }
}
