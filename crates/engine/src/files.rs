//! Files and URLs that accompany a job.

use std::{cell::Cell, rc::Rc};

use js_sys::Array;
use trace::{BlobSource, Counted, HttpSource, Source};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::Blob;

/// Opens the files of a job. `read` counts the bytes read from all of them.
///
/// # Errors
/// A message for a URL that cannot be opened, or for an entry that is neither a file nor a URL.
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
        Err(_) => Err(format!("{path}: it arrived as neither a file nor a URL. Drop it again.")),
    }
}
