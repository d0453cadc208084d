//! Opens a file, which is recognized by its content first and then by its name.

use crate::{
    container::container,
    error::Error,
    format::{
        FORMATS,
        kind::{FileKind, Opened},
        mapped::proposal,
        model_config::ModelConfig,
        probe::{Probe, Settings},
        unknown, unsupported,
    },
    io::{source::Source, utf16},
};

/// Opens a file of any format.
///
/// An unknown file is [`FileKind::Unrelated`], not an error; only a few KiB of it are read.
///
/// # Errors
/// When the file's format is known but its content does not follow it, or when it cannot be read.
pub async fn open(source: Source) -> Result<Opened, Error> {
    open_with(source, Settings::default()).await
}

/// Opens a file of any format; `settings` complete what a file of expert ids does not state.
///
/// # Errors
/// As [`open()`].
pub async fn open_with(source: Source, settings: Settings) -> Result<Opened, Error> {
    let mut probe = Probe::new(source, settings).await?;
    if let Some(order) = utf16::order(&probe.head) {
        probe = Probe::new(utf16::decode(&probe.source, order).await?, settings).await?;
    }
    if let Some(reason) = unsupported::by_head(&probe) {
        return Ok(Opened::plain(match ModelConfig::read(&probe.source, &reason).await? {
            Some(config) => FileKind::Config(config),
            None => FileKind::unrelated(reason),
        }));
    }
    probe.tensors = container(&probe.source, &probe.head).await?;
    if let Some(reason) = unsupported::by_content(&probe) {
        return Ok(Opened::plain(FileKind::unrelated(reason)));
    }
    probe.read_first_line().await?;
    let notes = probe.tensors.as_ref().map(|file| file.notes.clone()).unwrap_or_default();
    if let Some(matched) = FORMATS.iter().find_map(|format| (format.probe)(&probe)) {
        let mut opened = matched.await?;
        opened.warnings.splice(0..0, notes);
        return Ok(opened);
    }
    if let Some(file) = &probe.tensors {
        if let Some(proposal) = proposal::of_file(file).await? {
            return Ok(Opened { what: FileKind::Mappable(proposal), warnings: notes });
        }
        if let Some(objects) = file.objects() {
            return Err(objects);
        }
    }
    Ok(Opened::plain(unknown(&probe)))
}
