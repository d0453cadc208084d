//! The part of a file that formats inspect to recognize it.

use std::fmt;

use crate::{
    container::tensors::TensorFile,
    error::Error,
    io::source::{ByteSource as _, HEAD, Source},
    text::{file_name, has_ending},
};

/// Bytes of a long first line that are read to recognize its format.
const FIRST_LINE: u64 = 4 << 20;

/// Settings for files of expert ids that do not state their shape.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Experts per layer, `E`, of which ids only give a lower bound.
    pub experts: Option<usize>,
    /// Layers per token, including dense ones if the file has rows for them.
    pub layers: Option<usize>,
    /// Experts per token, `k`.
    pub top_k: Option<usize>,
}

/// A file before its format is known: name, first bytes, and directory of tensors if it has one.
pub struct Probe {
    /// The file.
    pub source: Source,
    /// Its first bytes, at most 4096.
    pub head: Vec<u8>,
    /// Its tensors, if it is a container of tensors.
    pub tensors: Option<TensorFile>,
    /// Settings for files of expert ids.
    pub settings: Settings,
    /// Start of its first line, where a line of JSON is longer than `head`.
    line: Vec<u8>,
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe").field("name", &self.source.name()).finish_non_exhaustive()
    }
}

impl Probe {
    /// Reads the first bytes of a file.
    ///
    /// # Errors
    /// [`Error::Empty`], and what the source returns.
    pub async fn new(source: Source, settings: Settings) -> Result<Self, Error> {
        if source.is_empty() {
            return Err(Error::Empty { name: source.name().to_owned() });
        }
        let head = source.read(0, source.len().min(HEAD) as usize).await?;
        Ok(Self { source, head, tensors: None, settings, line: Vec::new() })
    }

    /// The file's name in lower case, without folders and without a URL's query.
    #[must_use]
    pub fn file_name(&self) -> String {
        file_name(self.source.name())
    }

    /// Whether the file's name has this ending.
    #[must_use]
    pub fn has_ending(&self, ending: &str) -> bool {
        has_ending(self.source.name(), ending)
    }

    /// The first bytes as text; `None` when they are binary.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        text_of(&self.head)
    }

    /// The start of the first line, where a line of JSON is longer than `head`.
    #[must_use]
    pub fn first_line(&self) -> Option<&str> {
        Some(text_of(&self.line)?).filter(|line| !line.is_empty())
    }

    /// Reads more of the first line where a line of JSON is longer than `head`: its fields may come
    /// in any order.
    ///
    /// # Errors
    /// What the source returns.
    pub async fn read_first_line(&mut self) -> Result<(), Error> {
        let named = ["jsonl", "ndjson", "json"].iter().any(|ending| self.has_ending(ending));
        let long =
            self.text().is_some_and(|text| text.trim_start().starts_with(['{', '[']) && !text.contains('\n'));
        if named && long && self.source.len() > HEAD {
            self.line = self.source.read(0, self.source.len().min(FIRST_LINE) as usize).await?;
        }
        Ok(())
    }
}

/// Bytes as text; `None` when they are binary.
fn text_of(bytes: &[u8]) -> Option<&str> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => Some(text).filter(|text| !text.contains('\0')),
        // The last character may be incomplete.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(bytes.get(..error.valid_up_to())?).ok().filter(|text| !text.contains('\0'))
        }
        Err(_) => None,
    }
}
