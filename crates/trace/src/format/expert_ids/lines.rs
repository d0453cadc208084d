//! Reads a text file of any size line by line. In memory is one chunk of some MiB, or one line if
//! it is longer.

use std::rc::Rc;

use crate::{
    error::Error,
    format::{expert_ids::scan::Scan, probe::Probe},
    io::source::{ByteSource as _, Source},
};

/// The content of all formats of JSON lines with ids, for messages.
pub const CONTENT: &str = "JSON lines with expert ids (`routed_experts` of vLLM or SGLang, `exp_ids` of the OLMoE scripts, \
     `top_indices` of Megatron's tracer with its `logits_rank0.bin`)";

/// The start of a file of JSON lines.
pub fn beginning(probe: &Probe) -> Option<&str> {
    let text = probe.first_line().or_else(|| probe.text())?;
    let list = text.trim_start().strip_prefix('[').unwrap_or(text);
    list.trim_start().starts_with('{').then_some(text)
}

/// Bytes read at once.
const CHUNK: usize = 4 << 20;

/// The longest line that is read, in bytes. It holds many times 10,000 tokens of 64 layers, and
/// fits twice into a browser's memory.
pub const MAX_LINE: u64 = 256 << 20;

/// The location of a line in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its number, counted from 1.
    pub number: usize,
    /// Its first byte.
    pub offset: u64,
    /// Length in bytes without the line feed.
    pub len: usize,
}

/// A line and its location.
#[derive(Debug)]
pub struct Line<'a> {
    /// Its location.
    pub span: Span,
    /// Its bytes without the line feed.
    pub bytes: &'a [u8],
}

/// Reads a source line by line.
pub struct Lines {
    source: Source,
    /// Bytes that have been read but not returned are `chunk[from..]`.
    chunk: Vec<u8>,
    from: usize,
    /// Offset in the file of the end of `chunk`.
    end: u64,
    number: usize,
    most: u64,
    /// The next line is the whole file.
    whole: bool,
}

/// The location of the next line.
enum Next {
    Here { len: usize, step: usize },
    Long { len: u64, step: u64 },
    None,
}

impl Lines {
    /// Starts at the first line.
    pub fn new(source: Source) -> Self {
        Self { source, chunk: Vec::new(), from: 0, end: 0, number: 0, most: MAX_LINE, whole: false }
    }

    /// Begins at the start of a file of JSON records. Where the first line is no whole value, as in a list or an object over
    /// several lines, the whole file is taken for one line.
    ///
    /// # Errors
    /// What the source returns, and as [`Lines::next`] for a file that is too large.
    pub async fn of_records(source: Source) -> Result<Self, Error> {
        let mut lines = Self::new(Rc::clone(&source));
        let whole = loop {
            match lines.next().await? {
                None => break false,
                Some(line) if line.bytes.trim_ascii().is_empty() => {}
                Some(line) => {
                    let bytes = line.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line.bytes);
                    break Scan::new(bytes).value().is_err();
                }
            }
        };
        let mut lines = Self::new(source);
        lines.whole = whole && lines.source.len() <= lines.most;
        Ok(lines)
    }

    /// The next line; `None` after the last.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for a line of more than [`MAX_LINE`] bytes, and errors of the source.
    pub async fn next(&mut self) -> Result<Option<Line<'_>>, Error> {
        let next = self.find().await?;
        let offset = self.end - (self.chunk.len() - self.from) as u64;
        match next {
            Next::None => Ok(None),
            Next::Here { len, step } => {
                self.number += 1;
                let bytes = self.chunk.get(self.from..self.from + len).unwrap_or_default();
                self.from += step;
                Ok(Some(Line { span: Span { number: self.number, offset, len }, bytes }))
            }
            Next::Long { len, step } => {
                self.number += 1;
                let span = Span { number: self.number, offset, len: len as usize };
                // Frees the chunk before the line is read.
                self.chunk = Vec::new();
                self.chunk = read(&self.source, span).await?;
                self.from = self.chunk.len();
                self.end = offset + step;
                Ok(Some(Line { span, bytes: &self.chunk }))
            }
        }
    }

    /// Finds the end of the next line, reading more chunks if necessary.
    async fn find(&mut self) -> Result<Next, Error> {
        if std::mem::take(&mut self.whole) {
            let len = self.source.len();
            return Ok(Next::Long { len, step: len });
        }
        let mut searched = 0;
        loop {
            let rest = self.chunk.get(self.from..).unwrap_or_default();
            if let Some(at) = memchr::memchr(b'\n', rest.get(searched..).unwrap_or_default()) {
                let len = searched + at;
                return Ok(Next::Here { len, step: len + 1 });
            }
            searched = rest.len();
            let left = self.source.len() - self.end;
            if left == 0 {
                return Ok(match searched {
                    0 => Next::None,
                    len => Next::Here { len, step: len },
                });
            }
            if searched >= CHUNK {
                return self.find_distant_end(searched as u64).await;
            }
            let more = self.source.read(self.end, left.min(CHUNK as u64) as usize).await?;
            self.end += more.len() as u64;
            if searched == 0 {
                self.chunk = more;
            } else {
                self.chunk.drain(..self.from);
                self.chunk.extend_from_slice(&more);
            }
            self.from = 0;
        }
    }

    /// Finds the end of a line that is longer than a chunk without keeping its bytes, so that the
    /// line can be read into memory of its own size.
    async fn find_distant_end(&self, searched: u64) -> Result<Next, Error> {
        let total = self.source.len();
        let (mut at, mut len) = (self.end, searched);
        while at < total && len <= self.most {
            let chunk = self.source.read(at, (total - at).min(CHUNK as u64) as usize).await?;
            if let Some(found) = memchr::memchr(b'\n', &chunk) {
                len += found as u64;
                return self.long(len, len + 1);
            }
            at += chunk.len() as u64;
            len += chunk.len() as u64;
        }
        self.long(len, len)
    }

    fn long(&self, len: u64, step: u64) -> Result<Next, Error> {
        if len <= self.most {
            return Ok(Next::Long { len, step });
        }
        Err(Error::TooLarge {
            name: self.source.name().to_owned(),
            what: format!("line {} (at least)", self.number + 1),
            bytes: len,
            limit: self.most,
            advice: "Write one record per line, and samples of a few thousand tokens.",
        })
    }
}

/// Reads a line again.
///
/// # Errors
/// Errors of the source.
pub async fn read(source: &Source, span: Span) -> Result<Vec<u8>, Error> {
    if span.len <= CHUNK {
        return source.read(span.offset, span.len).await;
    }
    let mut bytes = Vec::with_capacity(span.len);
    while bytes.len() < span.len {
        let len = (span.len - bytes.len()).min(CHUNK);
        bytes.extend(source.read(span.offset + bytes.len() as u64, len).await?);
    }
    Ok(bytes)
}

/// The error for a record that has changed since the file was opened.
pub fn changed(name: &str, line: usize) -> Error {
    Error::Text {
        name: name.to_owned(),
        place: format!("line {line}"),
        found: "another record than before".to_owned(),
        expected: "the file as it was opened".to_owned(),
        advice: "The file has changed since it was opened; open it again.",
    }
}

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use std::rc::Rc;

    use futures::executor::block_on;

    use super::*;
    use crate::io::source::MemorySource;

    /// All lines, after checking the number and location of each.
    fn lines(bytes: &[u8], most: u64) -> Result<Vec<Vec<u8>>, Error> {
        let source: Source = Rc::new(MemorySource::new("x.jsonl", bytes.to_vec()));
        let mut lines = Lines::new(Rc::clone(&source));
        lines.most = most;
        let mut all = Vec::new();
        while let Some(line) = block_on(lines.next())? {
            let (span, seen) = (line.span, line.bytes.to_vec());
            assert_eq!(span.number, all.len() + 1);
            assert_eq!(bytes[span.offset as usize..][..span.len], seen);
            assert_eq!(block_on(read(&source, span))?, seen);
            all.push(seen);
        }
        Ok(all)
    }

    #[test]
    fn short_lines() {
        assert_eq!(lines(b"a\n\nbc", MAX_LINE).expect("lines"), [&b"a"[..], b"", b"bc"]);
        assert_eq!(lines(b"a\n", MAX_LINE).expect("lines"), [b"a"]);
        assert_eq!(lines(b"\n", MAX_LINE).expect("lines"), [b""]);
    }

    #[test]
    fn lines_around_the_edges_of_chunks() {
        for long in [CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5] {
            let mut bytes = b"first\n".to_vec();
            bytes.resize(bytes.len() + long, b'x');
            bytes.extend(b"\nlast");
            let seen = lines(&bytes, MAX_LINE).expect("lines");
            assert_eq!(seen.iter().map(Vec::len).collect::<Vec<_>>(), [5, long, 4], "{long}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_rejected_before_it_is_in_memory() {
        let mut bytes = b"first\n".to_vec();
        bytes.resize(3 * CHUNK, b'x');
        let error = lines(&bytes, 2 * CHUNK as u64).expect_err("too long").to_string();
        assert!(error.contains("line 2") && error.contains("8388608"), "{error}");
    }
}
