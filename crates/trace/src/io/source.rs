//! Where bytes come from. Readers ask for ranges and never for whole files, so that the same code works on a disk, in
//! a browser's `File` and over HTTP.

use std::{
    cell::Cell,
    future::{Future, ready},
    pin::Pin,
    rc::Rc,
};

use crate::error::Error;

/// An answer that may come later, on the same thread.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// A source that readers share.
pub type Source = Rc<dyn ByteSource>;

/// The most bytes that are asked of a source at once. Larger tensors are read in pieces.
pub const MAX_READ: u64 = 1 << 30;

/// Bytes of a file that are read to recognize its format.
pub const HEAD: u64 = 4096;

/// Bytes that are best read at once where they become numbers: on a disk so few that they are still near when they are
/// widened, and that their memory is used again; in a browser, where every read waits its turn, more.
pub(crate) const PIECE: usize = if cfg!(target_arch = "wasm32") { 4 << 20 } else { 128 << 10 };

/// A file, or something like one, that is read by ranges.
pub trait ByteSource {
    /// What to call it in messages: a path inside what was dropped, or an address.
    fn name(&self) -> &str;

    /// Bytes in all.
    fn len(&self) -> u64;

    /// Whether there are no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Exactly the `len` bytes from `offset` on.
    ///
    /// # Errors
    /// [`Error::Truncated`] for a range beyond the end, [`Error::Unreadable`] when the bytes cannot be had.
    fn read(&self, offset: u64, len: usize) -> Pending<'_, Result<Vec<u8>, Error>>;

    /// The byte of a file on the user's disk from which on these bytes lie as they are: 0 for the file itself, and none for
    /// what comes from elsewhere or was unpacked.
    ///
    /// # Errors
    /// As [`ByteSource::read`], where a header has to be read for it.
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

/// Refuses a range that reaches beyond the end of a source.
pub(crate) fn check_range(name: &str, total: u64, offset: u64, len: usize) -> Result<(), Error> {
    match offset.checked_add(len as u64) {
        Some(end) if end <= total => Ok(()),
        end => Err(Error::Truncated {
            name: name.to_owned(),
            part: format!("what was asked for ({len} bytes from byte {offset})"),
            needed: end.unwrap_or(u64::MAX),
            len: total,
        }),
    }
}

/// Bytes that are in memory already.
#[derive(Clone, Debug)]
pub struct MemorySource {
    name: String,
    bytes: Rc<[u8]>,
}

impl MemorySource {
    /// Calls these bytes `name`.
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
            // Inside the bytes, so inside `usize`.
            let start = offset as usize;
            self.bytes.get(start..start + len).unwrap_or_default().to_vec()
        });
        Box::pin(ready(range))
    }
}

/// Counts the bytes read through it, for showing progress.
#[derive(Clone, Debug)]
pub struct Counted<S> {
    inner: S,
    bytes: Rc<Cell<u64>>,
}

impl<S> Counted<S> {
    /// Adds every byte read to `bytes`.
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
