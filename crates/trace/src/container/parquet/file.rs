//! A Parquet file: its footer, and the pages of a column.

use crate::{
    archive::codecs,
    container::parquet::{
        footer::{self, Column, Footer},
        pages::{Fault, Page, Pages},
    },
    error::Error,
    io::source::{MAX_READ, Source},
    text::shorten,
};

/// The longest footer that is read, in bytes.
const MAX_FOOTER: u64 = 16 << 20;

/// Values that a column may have.
const MAX_COLUMN: u64 = 1 << 28;

/// A file whose footer has been read.
pub struct ParquetFile {
    source: Source,
    /// Total number of rows.
    pub rows: u64,
    columns: Vec<Column>,
}

/// The error that the file does not follow the format, or uses a part of it that is not read here.
fn malformed(name: &str, part: &str, found: String, expected: &str) -> Error {
    Error::Format {
        name: name.to_owned(),
        part: part.to_owned(),
        found,
        expected: expected.to_owned(),
        advice: "Check that the file is complete, or write it again with pyarrow (compression snappy, gzip or zstd).",
    }
}

/// The error that a checksum or a declared length does not match.
fn damaged(name: &str, part: &str, found: String, expected: &str) -> Error {
    Error::Format {
        name: name.to_owned(),
        part: part.to_owned(),
        found,
        expected: expected.to_owned(),
        advice: "The file is damaged or cut off; copy or download it again, or write it again with pyarrow.",
    }
}

impl ParquetFile {
    /// Reads the footer.
    ///
    /// # Errors
    /// [`Error::Format`] when there is none, or it does not follow the format.
    pub async fn open(source: Source) -> Result<Self, Error> {
        let len = source.len();
        let name = source.name();
        let no_end =
            || malformed(name, "end of the file", "no Parquet footer".to_owned(), "its length and `PAR1`");
        if len < 12 {
            return Err(no_end());
        }
        let tail = source.read(len - 8, 8).await?;
        let (Some(size), Some(b"PAR1")) = (tail.first_chunk(), tail.get(4..)) else { return Err(no_end()) };
        let size = u64::from(u32::from_le_bytes(*size));
        if size > len - 12 {
            return Err(damaged(
                name,
                "end of the file",
                format!("a footer of {size} bytes in a file of {len}"),
                "one inside the file",
            ));
        }
        if size > MAX_FOOTER {
            return Err(malformed(
                name,
                "end of the file",
                format!("a footer of {size} bytes"),
                "at most 16 MiB",
            ));
        }
        let bytes = source.read(len - 8 - size, size as usize).await?;
        let Footer { rows, columns } = footer::parse(&bytes).ok_or_else(|| {
            malformed(name, "footer", "no readable file metadata".to_owned(), "rows, schema and row groups")
        })?;
        Ok(Self { source, rows, columns })
    }

    /// The column, or list column, whose path begins with this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.path.first().is_some_and(|first| first == name))
    }

    /// All columns, in the file's order.
    #[must_use]
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The names at the top of the columns' paths.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().filter_map(|column| column.path.first().map(String::as_str))
    }

    /// Passes each page of a column to `take`, in order. Declared sizes are checked against the
    /// file's before reading.
    ///
    /// # Errors
    /// [`Error::Format`] for content that does not follow the format or is not supported, and
    /// errors of `take` and of the source.
    pub async fn read(
        &self,
        column: &Column,
        mut take: impl FnMut(Page) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let name = self.source.name();
        let part = |group: usize| format!("column `{}`, row group {group}", shorten(&column.path.join(".")));
        if column.max_repetition > 1 {
            return Err(malformed(
                name,
                &part(0),
                "lists inside lists".to_owned(),
                "one number or one list per row",
            ));
        }
        if !column.physical.is_read() {
            return Err(Error::Format {
                name: name.to_owned(),
                part: format!("column `{}`", shorten(&column.path.join("."))),
                found: column.physical.words(),
                expected: "whole numbers, floats or texts".to_owned(),
                advice: "Write the column as int64, float32 or string.",
            });
        }
        let total = column.chunks.iter().try_fold(0_u64, |sum, chunk| sum.checked_add(chunk.values));
        // The unpacked size of pages is limited, and a value takes at least one bit of it.
        let most = codecs::limit(self.source.len()).saturating_mul(8).min(MAX_COLUMN);
        if total.is_none_or(|total| total > most) {
            return Err(malformed(
                name,
                &part(0),
                format!("{} values in a file of {} bytes", total.unwrap_or(u64::MAX), self.source.len()),
                "at most 268435456, and no more than the file can hold",
            ));
        }
        let bytes = column.chunks.iter().try_fold(0_u64, |sum, chunk| sum.checked_add(chunk.len));
        if bytes.is_none_or(|bytes| bytes > self.source.len()) {
            return Err(damaged(
                name,
                &part(0),
                format!("{} bytes in total", bytes.unwrap_or(u64::MAX)),
                "no more than the file has",
            ));
        }
        for (group, chunk) in column.chunks.iter().enumerate().filter(|(_, chunk)| chunk.values > 0) {
            let found = format!("{} bytes from byte {} on", chunk.len, chunk.start);
            if chunk.start.checked_add(chunk.len).is_none_or(|end| end > self.source.len()) {
                return Err(damaged(name, &part(group), found, "bytes inside the file"));
            }
            if chunk.len > MAX_READ {
                return Err(malformed(name, &part(group), found, "at most 1 GiB"));
            }
            let bytes = self.source.read(chunk.start, chunk.len as usize).await?;
            let mut pages = Pages::new(column, chunk.codec, chunk.values, &bytes);
            let error = |fault| match fault {
                Fault::Malformed { found, expected } => malformed(name, &part(group), found, expected),
                Fault::Damaged { found, expected } => damaged(name, &part(group), found, expected),
            };
            while let Some(page) = pages.next_page().map_err(error)? {
                take(page)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[cfg(not(target_arch = "wasm32"))]
mod tests {
    use std::{path::PathBuf, rc::Rc};

    use futures::executor::block_on;

    use super::*;
    use crate::{container::parquet::pages::Values, io::disk::FileSource};

    fn fixture(path: &str) -> Source {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/traces").join(path);
        Rc::new(FileSource::open(path).expect("the fixture is there"))
    }

    /// All values of a column of `tests/fixtures/containers`.
    fn values(file: &str, column: &str) -> Result<Values, Error> {
        let file = block_on(ParquetFile::open(fixture(&format!("../containers/{file}"))))?;
        let column = file.column(column).expect("the column");
        let mut all: Option<Values> = None;
        block_on(file.read(column, |page| {
            match (&mut all, page.values) {
                (Some(Values::Ints(all)), Values::Ints(values)) => all.extend(values),
                (Some(Values::Floats(all)), Values::Floats(values)) => all.extend(values),
                (Some(Values::Texts(all)), Values::Texts(values)) => all.extend(values),
                (all, values) => *all = Some(values),
            }
            Ok(())
        }))?;
        Ok(all.expect("pages"))
    }

    /// `tests/reference/containers.py` says which values the columns have.
    #[test]
    fn every_encoding_that_pyarrow_writes() {
        let end = |at: i64, most: i64, least: i64| if at % 2 == 0 { most - at } else { least + at };
        for file in ["encodings-1.parquet", "encodings-2.parquet"] {
            let values = |column: &str| values(file, column).expect(column);
            let ids = (0..300).flat_map(|at| [at, at * at % 97]).collect();
            assert_eq!(values("ids_delta"), Values::Ints(ids));
            let wide = (0..300).map(|at| end(at, i64::MAX, i64::MIN)).collect();
            assert_eq!(values("wide_delta"), Values::Ints(wide));
            for column in ["narrow_delta", "narrow_split"] {
                let narrow = (0..300).map(|at| end(at, i32::MAX.into(), i32::MIN.into())).collect();
                assert_eq!(values(column), Values::Ints(narrow), "{column}");
            }
            for column in ["half_plain", "half_split", "half_dictionary", "single_split"] {
                let floats = (0..300_u16).map(|at| f32::from(at) / 4.0 - 1.0).collect();
                assert_eq!(values(column), Values::Floats(floats), "{column}");
            }
            for column in ["name_plain", "name_dictionary", "name_lengths", "name_prefixes"] {
                let names = (0..300).map(|at| format!("s{}", at / 7).into()).collect();
                assert_eq!(values(column), Values::Texts(names), "{column}");
            }
        }
    }

    #[test]
    fn types_that_are_not_read_are_named() {
        for (column, words) in [
            ("decimal", "decimal numbers (DECIMAL)"),
            ("fixed", "values of 16 bytes without a type of number (FIXED_LEN_BYTE_ARRAY)"),
            ("two", "values of 2 bytes without a type of number (FIXED_LEN_BYTE_ARRAY)"),
            ("truth", "truth values (BOOLEAN)"),
        ] {
            let error = values("types.parquet", column).expect_err("not read").to_string();
            assert!(error.contains(&format!("column `{column}`: {words}; expected")), "{error}");
        }
    }

    fn column(file: &ParquetFile, name: &str) -> (Vec<i64>, Vec<f32>) {
        let (mut ints, mut floats) = (Vec::new(), Vec::new());
        let take = |page: Page| {
            assert!(page.begins.chunks(2).all(|row| row == [true, false]), "two values per row");
            match page.values {
                Values::Ints(values) => ints.extend(values),
                Values::Floats(values) => floats.extend(values),
                Values::Texts(texts) => panic!("{texts:?}"),
            }
            Ok(())
        };
        block_on(file.read(file.column(name).expect("the column"), take)).expect("values");
        (ints, floats)
    }

    /// The layers are packed with snappy, snappy, zstd and not at all, as pyarrow writes them.
    #[test]
    fn columns_have_the_values_that_pyarrow_wrote() {
        let expected =
            block_on(crate::container::safetensors::open(fixture("expected.safetensors"))).expect("golden");
        let (ids, scores) = (expected.get("flame.ids"), expected.get("flame.scores"));
        let (ids, scores) = (ids.expect("ids"), scores.expect("scores"));
        assert_eq!(ids.shape, [122, 4, 2]);
        let ids = block_on(expected.integers(ids, 0..ids.values())).expect("ids");
        let scores = block_on(expected.floats(scores, 0..scores.values())).expect("scores");
        for layer in 0..4 {
            let file = fixture(&format!("flame-moe/layer_0{layer}.parquet"));
            let file = block_on(ParquetFile::open(file)).expect("a file");
            assert_eq!(file.rows, 122);
            let of_layer = |at: usize| at / 2 % 4 == layer;
            let golden_ids: Vec<i64> =
                ids.iter().enumerate().filter(|&(at, _)| of_layer(at)).map(|(_, &id)| id).collect();
            let golden_scores: Vec<u32> =
                scores.iter().enumerate().filter(|&(at, _)| of_layer(at)).map(|(_, s)| s.to_bits()).collect();
            assert_eq!(column(&file, "indices").0, golden_ids);
            let bits: Vec<u32> = column(&file, "scores").1.iter().map(|s| s.to_bits()).collect();
            assert_eq!(bits, golden_scores);
        }
    }
}
