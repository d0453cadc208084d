//! A browser's `File` or `Blob`, which stays on the user's disk and is read by `slice`.

use js_sys::Uint8Array;
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, DomException};

use crate::{
    error::Error,
    io::{
        read_ahead,
        source::{ByteSource, Pending, check_range},
    },
};

/// A file that the user picked or dropped.
#[derive(Clone, Debug)]
pub struct BlobSource {
    name: String,
    len: u64,
    blob: Blob,
}

impl BlobSource {
    /// A source of a blob; `name` is the file's path inside the dropped folder.
    pub fn new(name: impl Into<String>, blob: Blob) -> Self {
        let len = blob.size() as u64;
        Self { name: name.into(), len, blob }
    }

    async fn read_now(&self, offset: u64, len: usize) -> Result<Vec<u8>, Error> {
        check_range(&self.name, self.len, offset, len)?;
        if let Some(bytes) = read_ahead::read(&self.blob, self.len, offset, offset + len as u64).await {
            return Ok(bytes);
        }
        let unreadable = |error: &JsValue| Error::Unreadable {
            name: self.name.clone(),
            offset,
            len: len as u64,
            reason: explain(error),
        };
        // File sizes are far below 2^53 and exact in f64.
        let slice = self
            .blob
            .slice_with_f64_and_f64(offset as f64, (offset + len as u64) as f64)
            .map_err(|error| unreadable(&error))?;
        let buffer = JsFuture::from(slice.array_buffer()).await.map_err(|error| unreadable(&error))?;
        let bytes = Uint8Array::new(&buffer).to_vec();
        if bytes.len() == len {
            return Ok(bytes);
        }
        Err(Error::Unreadable {
            name: self.name.clone(),
            offset,
            len: len as u64,
            reason: format!(
                "only {} bytes were read. The file may have changed or moved; pick it again.",
                bytes.len()
            ),
        })
    }
}

impl ByteSource for BlobSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, offset: u64, len: usize) -> Pending<'_, Result<Vec<u8>, Error>> {
        Box::pin(self.read_now(offset, len))
    }

    fn place(&self) -> Pending<'_, Result<Option<u64>, Error>> {
        Box::pin(std::future::ready(Ok(Some(0))))
    }
}

/// Explains a browser's error.
fn explain(error: &JsValue) -> String {
    let name = error.dyn_ref::<DomException>().map(DomException::name).unwrap_or_default();
    match name.as_str() {
        // The error of browsers for a file whose date or length has changed since it was picked.
        "NotReadableError" | "NotFoundError" => {
            "the browser cannot read the file, which may have changed or moved. Pick it again.".to_owned()
        }
        "SecurityError" => "the browser does not allow reading the file. Pick it again.".to_owned(),
        _ => format!("the browser reports {error:?}. Pick the file again."),
    }
}
