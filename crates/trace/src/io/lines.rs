//! Reads a text file of any size line by line. In memory is one chunk of some MiB, or one line if
//! it is longer.

use crate::{
    error::Error,
    io::source::{ByteSource as _, Source},
};

/// Bytes read at once.
const CHUNK: usize = 4 << 20;

/// The longest line that is read.
#[derive(Clone, Copy, Debug)]
pub struct Limit {
    /// Largest length in bytes.
    pub bytes: u64,
    /// What to do about a longer line, for the error.
    pub advice: &'static str,
}

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
    limit: Limit,
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
    pub fn new(source: Source, limit: Limit) -> Self {
        Self { source, chunk: Vec::new(), from: 0, end: 0, number: 0, limit, whole: false }
    }

    /// Takes the whole file for one line.
    pub fn whole(source: Source, limit: Limit) -> Self {
        Self { whole: true, ..Self::new(source, limit) }
    }

    /// The next line; `None` after the last.
    ///
    /// # Errors
    /// [`Error::TooLarge`] for a line beyond the limit, and errors of the source.
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
            return self.long(len, len);
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
        while at < total && len <= self.limit.bytes {
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
        if len <= self.limit.bytes {
            return Ok(Next::Long { len, step });
        }
        Err(Error::TooLarge {
            name: self.source.name().to_owned(),
            what: format!("line {} (at least)", self.number + 1),
            bytes: len,
            limit: self.limit.bytes,
            advice: self.limit.advice,
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

#[cfg(all(test, not(target_arch = "wasm32")))]
mod tests {
    use std::rc::Rc;

    use futures::executor::block_on;

    use super::*;
    use crate::io::source::MemorySource;

    const MOST: u64 = 64 << 20;

    /// All lines, after checking the number and location of each.
    fn lines(bytes: &[u8], most: u64) -> Result<Vec<Vec<u8>>, Error> {
        let source: Source = Rc::new(MemorySource::new("x.jsonl", bytes.to_vec()));
        let mut lines = Lines::new(Rc::clone(&source), Limit { bytes: most, advice: "Shorten it." });
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
        assert_eq!(lines(b"a\n\nbc", MOST).expect("lines"), [&b"a"[..], b"", b"bc"]);
        assert_eq!(lines(b"a\n", MOST).expect("lines"), [b"a"]);
        assert_eq!(lines(b"\n", MOST).expect("lines"), [b""]);
    }

    #[test]
    fn lines_around_the_edges_of_chunks() {
        for long in [CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5] {
            let mut bytes = b"first\n".to_vec();
            bytes.resize(bytes.len() + long, b'x');
            bytes.extend(b"\nlast");
            let seen = lines(&bytes, MOST).expect("lines");
            assert_eq!(seen.iter().map(Vec::len).collect::<Vec<_>>(), [5, long, 4], "{long}");
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_rejected_before_it_is_in_memory() {
        let mut bytes = b"first\n".to_vec();
        bytes.resize(3 * CHUNK, b'x');
        let error = lines(&bytes, 2 * CHUNK as u64).expect_err("too long").to_string();
        assert!(
            error.contains("line 2") && error.contains("8388608") && error.contains("Shorten it."),
            "{error}"
        );
    }
}
