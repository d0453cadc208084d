//! Parquet, as far as router traces need it: columns of numbers, of lists of numbers and of texts, plain, with a
//! dictionary or as differences, packed with snappy, gzip, zstd or not at all. Only the footer and the requested columns are read.
//!
//! This crate has its own reader because the `parquet` crate panics on some malformed files, which
//! would end the worker in a browser, and because little of the format is needed.

mod delta;
mod file;
mod footer;
mod hybrid;
mod pages;
mod texts;
mod thrift;

pub use self::{
    file::ParquetFile,
    footer::Column,
    pages::{Page, Values},
};

/// Whether the first bytes are those of a Parquet file.
#[must_use]
pub fn looks_like(head: &[u8]) -> bool {
    head.starts_with(b"PAR1")
}
