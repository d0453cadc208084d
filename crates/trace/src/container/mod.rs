//! Files of named tensors (safetensors, npz, npy) or columns (Parquet).

mod layout;
pub mod npz;
pub mod parquet;
pub mod safetensors;
pub mod tensors;

use std::rc::Rc;

use crate::{
    archive::zip,
    container::tensors::TensorFile,
    error::Error,
    io::source::{HEAD, Source},
    text::has_ending,
};

/// Opens a safetensors, npz or npy file with tensors of any names.
///
/// # Errors
/// [`Error::Format`] for any other file, and errors of the container's reader.
pub async fn open_tensors(source: Source) -> Result<TensorFile, Error> {
    if source.is_empty() {
        return Err(Error::Empty { name: source.name().to_owned() });
    }
    let head = source.read(0, source.len().min(HEAD) as usize).await?;
    container(&source, &head).await?.ok_or_else(|| Error::Format {
        name: source.name().to_owned(),
        part: "first bytes".to_owned(),
        found: "no file of tensors".to_owned(),
        expected: "safetensors or npz".to_owned(),
        advice: "Write the tensors with safetensors' save_file or numpy.savez.",
    })
}

/// Opens the file as a container of tensors; `None` for other files.
///
/// # Errors
/// [`Error::Format`] when the name ends like that of a container and the content is not one.
pub async fn container(source: &Source, head: &[u8]) -> Result<Option<TensorFile>, Error> {
    let source = Rc::clone(source);
    if has_ending(source.name(), "safetensors") || safetensors::looks_like(head, source.len()) {
        return safetensors::open(source).await.map(Some);
    }
    if head.starts_with(b"\x93NUMPY") {
        return npz::single(source).await.map(Some);
    }
    if has_ending(source.name(), "npz") || zip::looks_like(head) {
        if !zip::looks_like(head) {
            return Err(Error::Format {
                name: source.name().to_owned(),
                part: "first bytes".to_owned(),
                found: "no zip archive".to_owned(),
                expected: "a zip archive of arrays, as numpy.savez writes it".to_owned(),
                advice: "Check that the file is an npz file, or write it again with numpy.savez.",
            });
        }
        let members = zip::members(&source).await?;
        if members.iter().any(zip::Member::is_array) {
            return npz::from_members(source, members).await.map(Some);
        }
    }
    Ok(None)
}
