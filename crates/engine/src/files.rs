//! What rides beside a job: files of the user's disk, and addresses.

use std::{cell::Cell, rc::Rc};

use js_sys::Array;
use trace::{BlobSource, Counted, HttpSource, Source};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::Blob;

/// Sources for a job's files; every byte read of them is added to `read`.
///
/// # Errors
/// An address that does not answer, in whole sentences.
pub async fn sources(paths: Vec<String>, files: &Array, read: &Rc<Cell<u64>>) -> Result<Vec<Source>, String> {
    let mut sources: Vec<Source> = Vec::new();
    for (path, file) in paths.into_iter().zip(files.iter()) {
        let source = source(path, file).await?;
        sources.push(Rc::new(Counted::new(source, Rc::clone(read))));
    }
    Ok(sources)
}

async fn source(path: String, file: JsValue) -> Result<Source, String> {
    if let Some(address) = file.as_string() {
        let source = HttpSource::open(&address).await.map_err(|error| error.to_string())?;
        return Ok(Rc::new(source));
    }
    match file.dyn_into::<Blob>() {
        Ok(blob) => Ok(Rc::new(BlobSource::new(path, blob))),
        Err(_) => Err(format!("{path}: neither a file nor an address came with its name. Drop it again.")),
    }
}
