//! A file on disk; not available in browsers, which have no paths.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread,
};

use futures::channel::oneshot;

use crate::{
    error::Error,
    io::source::{ByteSource, Pending, check_range},
};

/// A file on disk, read by ranges.
#[derive(Debug)]
pub struct FileSource {
    name: String,
    len: u64,
    file: Arc<Mutex<File>>,
}

/// Longer reads, in bytes, run in a thread, so that the caller can compute meanwhile.
const LONG: usize = 1 << 18;

impl FileSource {
    /// Opens the file; its path is its name.
    ///
    /// # Errors
    /// [`Error::Unreadable`] with the system's message.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let name = path.display().to_string();
        let unreadable = |reason: &std::io::Error| Error::Unreadable {
            name: name.clone(),
            offset: 0,
            len: 0,
            reason: format!("{reason}. Check the path and its permissions."),
        };
        let file = File::open(path).map_err(|e| unreadable(&e))?;
        let about = file.metadata().map_err(|e| unreadable(&e))?;
        if about.is_dir() {
            return Err(Error::Address {
                url: name,
                reason: "this is a folder. Give the files in it.".to_owned(),
            });
        }
        Ok(Self { name, len: about.len(), file: Arc::new(Mutex::new(file)) })
    }
}

impl ByteSource for FileSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, offset: u64, len: usize) -> Pending<'_, Result<Vec<u8>, Error>> {
        if let Err(error) = check_range(&self.name, self.len, offset, len) {
            return Box::pin(std::future::ready(Err(error)));
        }
        let unreadable = move |reason: String| Error::Unreadable {
            name: self.name.clone(),
            offset,
            len: len as u64,
            reason: format!("{reason}. The file may have changed or moved; open it again."),
        };
        if len < LONG {
            return Box::pin(std::future::ready(read(&self.file, offset, len).map_err(unreadable)));
        }
        let (send, receive) = oneshot::channel();
        let file = Arc::clone(&self.file);
        let reader = thread::Builder::new().spawn(move || {
            // The receiver may have been dropped.
            send.send(read(&file, offset, len)).ok();
        });
        Box::pin(async move {
            if reader.is_err() {
                return read(&self.file, offset, len).map_err(unreadable);
            }
            let answer = receive.await.unwrap_or_else(|_| Err("the reading thread ended early".to_owned()));
            answer.map_err(unreadable)
        })
    }

    fn place(&self) -> Pending<'_, Result<Option<u64>, Error>> {
        Box::pin(std::future::ready(Ok(Some(0))))
    }
}

/// Reads exactly these bytes.
fn read(file: &Mutex<File>, offset: u64, len: usize) -> Result<Vec<u8>, String> {
    // A thread that panicked leaves only the file position, which is set below.
    let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
    file.seek(SeekFrom::Start(offset)).map_err(|error| error.to_string())?;
    // `take` and `read_to_end` fill new memory without zeroing it first.
    let mut bytes = Vec::with_capacity(len);
    (&mut *file).take(len as u64).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() == len { Ok(bytes) } else { Err(format!("only {} bytes were read", bytes.len())) }
}
