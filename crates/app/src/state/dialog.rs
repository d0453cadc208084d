//! The page's dialogs.

/// The page's dialogs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dialog {
    /// Settings of the analysis.
    Settings,
    /// The link and its content.
    Share,
    /// Exports.
    Export,
    /// Keyboard shortcuts and terms.
    Help,
    /// What to do with files while a report is shown.
    SecondRun,
    /// Confirmation before an unsaved run is closed.
    Close,
    /// URLs to load.
    Address,
    /// Confirmation before a link's source is fetched, or followed with these seconds between two looks.
    Source(String, Option<u32>),
    /// The link as a QR code.
    Code,
    /// The kept runs as a table.
    Runs,
    /// The text on the example run.
    About,
    /// The definition of a metric, by its id.
    Definition(String),
    /// The mapping of a file's tensors.
    Mapping,
    /// The shape of a file's expert ids, with the file's id; without one, the number of experts of
    /// all files.
    Shape(Option<usize>),
}
