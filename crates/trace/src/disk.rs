//! A file on disk. Not in the browser, which has no paths.

use std::{
    cell::RefCell,
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    path::Path,
};

use crate::{
    error::Error,
    source::{ByteSource, Pending, check_range},
};

/// A file on disk, read by ranges.
#[derive(Debug)]
pub struct FileSource {
    name: String,
    len: u64,
    file: RefCell<File>,
}

impl FileSource {
    /// Opens the file; its path is its name.
    ///
    /// # Errors
    /// [`Error::Unreadable`] with what the system says.
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
                reason: "this is a folder. Name the files in it.".to_owned(),
            });
        }
        Ok(Self { name, len: about.len(), file: RefCell::new(file) })
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
        Box::pin(std::future::ready(self.read_now(offset, len)))
    }
}

impl FileSource {
    fn read_now(&self, offset: u64, len: usize) -> Result<Vec<u8>, Error> {
        check_range(&self.name, self.len, offset, len)?;
        let unreadable = |reason: String| Error::Unreadable {
            name: self.name.clone(),
            offset,
            len: len as u64,
            reason: format!("{reason}. The file may have changed or moved; name it again."),
        };
        let mut file = self.file.borrow_mut();
        file.seek(SeekFrom::Start(offset)).map_err(|e| unreadable(e.to_string()))?;
        // `take` and `read_to_end` fill fresh memory without clearing it first.
        let mut bytes = Vec::with_capacity(len);
        (&mut *file).take(len as u64).read_to_end(&mut bytes).map_err(|e| unreadable(e.to_string()))?;
        if bytes.len() == len { Ok(bytes) } else { Err(unreadable(format!("only {} came", bytes.len()))) }
    }
}
