//! Files that hold named tensors (safetensors, npz, npy) or columns (Parquet).

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

/// Opens a file of named tensors, safetensors or npz, whatever the tensors are.
///
/// # Errors
/// [`Error::Format`] for what is no such file, and what the container's reader answers.
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

/// The file's tensors, when it is a container of them. A file that calls itself one and is none is an error.
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
                expected: "an archive of arrays, as numpy.savez writes".to_owned(),
                advice: "The file is damaged or has another's name; write it again.",
            });
        }
        let members = zip::members(&source).await?;
        if members.iter().any(zip::Member::is_array) {
            return npz::from_members(source, members).await.map(Some);
        }
    }
    Ok(None)
}
