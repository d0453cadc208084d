//! Sources of bytes. Readers request ranges and never whole files, so that the same code works for
//! files on disk, a browser's `File` and HTTP.

use std::{
    cell::Cell,
    future::{Future, ready},
    pin::Pin,
    rc::Rc,
};

use crate::error::Error;

/// A future on the same thread.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// A shared source.
pub type Source = Rc<dyn ByteSource>;

/// The most bytes per read. Larger tensors are read in pieces.
pub const MAX_READ: u64 = 1 << 30;

/// Bytes of a file that are read to recognize its format.
pub const HEAD: u64 = 4096;

/// The preferred length of reads that are converted to numbers. On disk it is small, so that the
/// bytes are still in cache when they are widened and their memory is reused. In browsers, where
/// each read has a high latency, it is larger.
pub(crate) const PIECE: usize = if cfg!(target_arch = "wasm32") { 4 << 20 } else { 128 << 10 };

/// A file or other object that is read by ranges.
pub trait ByteSource {
    /// Its name in messages: a path inside the dropped folder or archive, or a URL.
    fn name(&self) -> &str;

    /// Its length in bytes.
    fn len(&self) -> u64;

    /// Whether its length is 0.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Exactly the `len` bytes from `offset` on.
    ///
    /// # Errors
    /// [`Error::Truncated`] for a range beyond the end, [`Error::Unreadable`] when reading fails.
    fn read(&self, offset: u64, len: usize) -> Pending<'_, Result<Vec<u8>, Error>>;

    /// The offset of these bytes in a file on the user's disk: 0 for the file itself, `None` for
    /// unpacked bytes and other origins.
    ///
    /// # Errors
    /// As [`ByteSource::read`], if a header has to be read.
    fn place(&self) -> Pending<'_, Result<Option<u64>, Error>> {
        Box::pin(ready(Ok(None)))
    }
}

impl<T: ByteSource + ?Sized> ByteSource for Rc<T> {
    fn name(&self) -> &str {
        (**self).name()
    }

    fn len(&self) -> u64 {
        (**self).len()
    }

    fn read(&self, offset: u64, len: usize) -> Pending<'_, Result<Vec<u8>, Error>> {
        (**self).read(offset, len)
    }

    fn place(&self) -> Pending<'_, Result<Option<u64>, Error>> {
        (**self).place()
    }
}

/// Checks that a range is inside a source.
pub(crate) fn check_range(name: &str, total: u64, offset: u64, len: usize) -> Result<(), Error> {
    match offset.checked_add(len as u64) {
        Some(end) if end <= total => Ok(()),
        end => Err(Error::Truncated {
            name: name.to_owned(),
            part: format!("the requested range ({len} bytes from byte {offset})"),
            needed: end.unwrap_or(u64::MAX),
            len: total,
        }),
    }
}

/// Bytes in memory.
#[derive(Clone, Debug)]
pub struct MemorySource {
    name: String,
    bytes: Rc<[u8]>,
}

impl MemorySource {
    /// A source of these bytes with a name for messages.
    pub fn new(name: impl Into<String>, bytes: impl Into<Rc<[u8]>>) -> Self {
        Self { name: name.into(), bytes: bytes.into() }
    }
}

impl ByteSource for MemorySource {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read(&self, offset: u64, len: usize) -> Pending<'_, Result<Vec<u8>, Error>> {
        let range = check_range(&self.name, self.len(), offset, len).map(|()| {
            // The range has been checked, so it fits `usize`.
            let start = offset as usize;
            self.bytes.get(start..start + len).unwrap_or_default().to_vec()
        });
        Box::pin(ready(range))
    }
}

/// Counts the bytes read from a source, for displaying progress.
#[derive(Clone, Debug)]
pub struct Counted<S> {
    inner: S,
    bytes: Rc<Cell<u64>>,
}

impl<S> Counted<S> {
    /// Adds the length of each read to `bytes`.
    pub fn new(inner: S, bytes: Rc<Cell<u64>>) -> Self {
        Self { inner, bytes }
    }
}

impl<S: ByteSource> ByteSource for Counted<S> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn len(&self) -> u64 {
        self.inner.len()
    }

    fn read(&self, offset: u64, len: usize) -> Pending<'_, Result<Vec<u8>, Error>> {
        let reading = self.inner.read(offset, len);
        Box::pin(async move {
            let read = reading.await?;
            self.bytes.set(self.bytes.get() + read.len() as u64);
            Ok(read)
        })
    }

    fn place(&self) -> Pending<'_, Result<Option<u64>, Error>> {
        self.inner.place()
    }
}
