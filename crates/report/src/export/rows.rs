//! Table writer.

use crate::{Checkpoint, GateKind, Group, Report};

/// A table with a header and rows, written as CSV.
pub(crate) struct Table {
    name: &'static str,
    writer: csv::Writer<Vec<u8>>,
    /// Last cell of every row, if any.
    tag: Option<&'static str>,
}

impl Table {
    pub(crate) fn new(name: &'static str, head: &[&str]) -> Self {
        let writer = csv::WriterBuilder::new().flexible(true).from_writer(Vec::new());
        let mut table = Self { name, writer, tag: None };
        table.row(head);
        table
    }

    /// A table of figures from gates. Unless these are means of softmax, a last column names the rule
    /// in every row (docs/metrics.md#mean-gates).
    pub(crate) fn of_gates(report: &Report, name: &'static str, head: &[&str]) -> Self {
        let tag = match report.run.gate_kind {
            GateKind::SoftmaxMean => return Self::new(name, head),
            GateKind::SigmoidNormalizedMean => "normalized sigmoid",
            GateKind::SelectionFrequency => "selection frequency",
        };
        let head: Vec<&str> = head.iter().copied().chain(["gates"]).collect();
        Self { tag: Some(tag), ..Self::new(name, &head) }
    }

    pub(crate) fn row<I: AsRef<[u8]>>(&mut self, cells: impl IntoIterator<Item = I>) {
        let cells = cells.into_iter().map(|cell| cell.as_ref().to_vec());
        let written = self.writer.write_record(cells.chain(self.tag.map(|tag| tag.as_bytes().to_vec())));
        // Writing to a vector cannot fail, and a flexible writer accepts rows of any length.
        debug_assert!(written.is_ok(), "a row could not be written to memory");
    }

    /// Returns file name and text.
    pub(crate) fn finish(self) -> (String, String) {
        let bytes = self.writer.into_inner().unwrap_or_default();
        (self.name.to_owned(), String::from_utf8_lossy(&bytes).into_owned())
    }
}

/// A figure with its shortest exact digits; empty if it is undefined.
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

/// Name of a group.
pub(super) fn group_name(group: Group) -> &'static str {
    match group {
        Group::All => "all",
        Group::Memorized => "memorized",
    }
}
