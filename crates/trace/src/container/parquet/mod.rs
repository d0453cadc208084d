//! Parquet, as far as routing traces are stored in it: columns of numbers, and of lists of numbers, plain or with a
//! dictionary, packed with snappy, gzip, zstd or not at all. Only the footer and the columns that are wanted are read.
//!
//! This is written here because the `parquet` crate panics at some damaged files, which in a browser would end the
//! worker, and because what is needed of it is small.

mod footer;
mod hybrid;
mod pages;
mod thrift;

use crate::{
    archive::codecs,
    error::Error,
    io::source::{MAX_READ, Source},
};

pub use crate::container::parquet::{
    footer::Column,
    pages::{Page, Values},
};

/// A footer beyond this is none of a trace.
const MAX_FOOTER: u64 = 16 << 20;

/// Values that a column may have.
const MAX_COLUMN: u64 = 1 << 28;

/// A file whose footer is read.
pub struct ParquetFile {
    source: Source,
    /// Rows in all.
    pub rows: u64,
    columns: Vec<Column>,
}

/// Whether the first bytes are those of a Parquet file.
#[must_use]
pub fn looks_like(head: &[u8]) -> bool {
    head.starts_with(b"PAR1")
}

fn damaged(name: &str, part: &str, found: String, expected: &str) -> Error {
    Error::Format {
        name: name.to_owned(),
        part: part.to_owned(),
        found,
        expected: expected.to_owned(),
        advice: "Copy or download it again, or write it with pyarrow (compression snappy, gzip or zstd).",
    }
}

impl ParquetFile {
    /// Reads the footer.
    ///
    /// # Errors
    /// [`Error::Format`] when there is none, or it is damaged.
    pub async fn open(source: Source) -> Result<Self, Error> {
        let len = source.len();
        let name = source.name();
        let no_end =
            || damaged(name, "end of the file", "no Parquet footer".to_owned(), "its length and `PAR1`");
        if len < 12 {
            return Err(no_end());
        }
        let tail = source.read(len - 8, 8).await?;
        let (Some(size), Some(b"PAR1")) = (tail.first_chunk(), tail.get(4..)) else { return Err(no_end()) };
        let size = u64::from(u32::from_le_bytes(*size));
        if size > MAX_FOOTER || size > len - 12 {
            return Err(damaged(
                name,
                "end of the file",
                format!("a footer of {size} bytes"),
                "one inside the file, of at most 16 MiB",
            ));
        }
        let bytes = source.read(len - 8 - size, size as usize).await?;
        let footer::Footer { rows, columns } = footer::parse(&bytes).ok_or_else(|| {
            damaged(name, "footer", "no file metadata".to_owned(), "rows, schema and row groups")
        })?;
        Ok(Self { source, rows, columns })
    }

    /// The column, or list column, whose path begins with this name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.path.first().is_some_and(|first| first == name))
    }

    /// The names at the top of the columns' paths.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().filter_map(|column| column.path.first().map(String::as_str))
    }

    /// Gives every page of a column to `take`, in order. Sizes are checked against the file's before anything is read.
    ///
    /// # Errors
    /// [`Error::Format`] for whatever is damaged or not supported, what `take` says, and what the source answers.
    pub async fn read(
        &self,
        column: &Column,
        mut take: impl FnMut(Page) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let name = self.source.name();
        let part = |group: usize| {
            format!("column `{}`, row group {group}", crate::text::shorten(&column.path.join(".")))
        };
        if column.max_repetition > 1 {
            return Err(damaged(
                name,
                &part(0),
                "lists inside lists".to_owned(),
                "a number or one list a row",
            ));
        }
        let total = column.chunks.iter().try_fold(0_u64, |sum, chunk| sum.checked_add(chunk.values));
        // Pages pack no better than their limit says, and a value takes at least a bit of what they unpack to.
        let most = codecs::limit(self.source.len()).saturating_mul(8).min(MAX_COLUMN);
        if total.is_none_or(|total| total > most) {
            return Err(damaged(
                name,
                &part(0),
                format!("{} values in a file of {} bytes", total.unwrap_or(u64::MAX), self.source.len()),
                "a number that can be true, at most 268435456",
            ));
        }
        let bytes = column.chunks.iter().try_fold(0_u64, |sum, chunk| sum.checked_add(chunk.len));
        if bytes.is_none_or(|bytes| bytes > self.source.len()) {
            return Err(damaged(
                name,
                &part(0),
                format!("{} bytes in all", bytes.unwrap_or(u64::MAX)),
                "no more than the file has",
            ));
        }
        for (group, chunk) in column.chunks.iter().enumerate().filter(|(_, chunk)| chunk.values > 0) {
            let end = chunk.start.checked_add(chunk.len).filter(|&end| end <= self.source.len());
            if end.is_none() || chunk.len > MAX_READ {
                return Err(damaged(
                    name,
                    &part(group),
                    format!("{} bytes from byte {} on", chunk.len, chunk.start),
                    "bytes inside the file, at most 1 GiB",
                ));
            }
            let bytes = self.source.read(chunk.start, chunk.len as usize).await?;
            let mut pages = pages::Pages::new(column, chunk.codec, chunk.values, &bytes);
            let say = |pages::Wrong { found, expected }| damaged(name, &part(group), found, expected);
            while let Some(page) = pages.next_page().map_err(say)? {
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
    use crate::io::disk::FileSource;

    fn fixture(path: &str) -> Source {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/fixtures/traces").join(path);
        Rc::new(FileSource::open(path).expect("the fixture is there"))
    }

    fn column(file: &ParquetFile, name: &str) -> (Vec<i64>, Vec<f32>) {
        let (mut ints, mut floats) = (Vec::new(), Vec::new());
        let take = |page: Page| {
            assert!(page.begins.chunks(2).all(|row| row == [true, false]), "two values a row");
            match page.values {
                Values::Ints(values) => ints.extend(values),
                Values::Floats(values) => floats.extend(values),
            }
            Ok(())
        };
        block_on(file.read(file.column(name).expect("the column"), take)).expect("values");
        (ints, floats)
    }

    /// Snappy, snappy, zstd and not packed, as pyarrow writes them.
    #[test]
    fn values_are_those_that_were_written() {
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
