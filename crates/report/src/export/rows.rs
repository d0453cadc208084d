//! Rows of a table in the making.

use crate::{Checkpoint, Group};

/// A table: a head and rows, written as CSV.
pub(crate) struct Table {
    name: &'static str,
    writer: csv::Writer<Vec<u8>>,
}

impl Table {
    pub(crate) fn new(name: &'static str, head: &[&str]) -> Self {
        let mut table =
            Self { name, writer: csv::WriterBuilder::new().flexible(true).from_writer(Vec::new()) };
        table.row(head);
        table
    }

    pub(crate) fn row<I: AsRef<[u8]>>(&mut self, cells: impl IntoIterator<Item = I>) {
        let written = self.writer.write_record(cells);
        // A vector takes every byte, and a flexible writer rows of any length.
        debug_assert!(written.is_ok(), "a row could not be written to memory");
    }

    /// File name and text.
    pub(crate) fn finish(self) -> (String, String) {
        let bytes = self.writer.into_inner().unwrap_or_default();
        (self.name.to_owned(), String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// A figure with its shortest exact digits; empty where it is undefined.
pub(crate) fn figure(figure: Option<f64>) -> String {
    figure.map(|figure| figure.to_string()).unwrap_or_default()
}

/// A count that may be unknown.
pub(crate) fn count<N: ToString>(count: Option<N>) -> String {
    count.map(|count| count.to_string()).unwrap_or_default()
}

/// Step and tokens of a checkpoint.
pub(super) fn when(checkpoint: &Checkpoint) -> [String; 2] {
    [checkpoint.step.to_string(), count(checkpoint.tokens)]
}

/// The word for a group.
pub(super) fn group_name(group: Group) -> &'static str {
    match group {
        Group::All => "all",
        Group::Memorized => "memorized",
    }
}
