//! What the command line tool can fail with.

use std::path::PathBuf;

use thiserror::Error;

/// Everything that a command can fail with.
#[derive(Debug, Error)]
pub enum Error {
    /// A file or folder could not be read or written.
    #[error("{}: {source}. Check the path and its permissions.", path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },

    /// A settings file is not one.
    #[error("{}: not a settings file: {source}. Write JSON like {{\"tau\": 0.7, \"delta\": 0.05}}.", path.display())]
    Settings {
        /// Where.
        path: PathBuf,
        /// What is wrong in it.
        source: serde_json::Error,
    },

    /// The analysis failed.
    #[error(transparent)]
    Report(#[from] report::Error),
}
