//! Opens a file: by its content first, then by its name.

use crate::{
    container::container,
    error::Error,
    format::{
        kind::{FileKind, Opened},
        mapped::proposal,
        model_config::ModelConfig,
        probe::{Probe, Settings},
        table::{FORMATS, unknown},
        unsupported,
    },
    io::source::Source,
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

/// Opens a file of any format; `settings` say what a file of expert ids does not.
///
/// # Errors
/// As [`open()`].
pub async fn open_with(source: Source, settings: Settings) -> Result<Opened, Error> {
    let mut probe = Probe::new(source, settings).await?;
    if let Some(reason) = unsupported::by_head(&probe) {
        return Ok(Opened::plain(match ModelConfig::read(&probe.source, &reason).await? {
            Some(config) => FileKind::Config(config),
            None => FileKind::Unrelated { reason },
        }));
    }
    probe.tensors = container(&probe.source, &probe.head).await?;
    if let Some(reason) = unsupported::by_content(&probe) {
        return Ok(Opened::plain(FileKind::Unrelated { reason }));
    }
    probe.read_first_line().await?;
    if let Some(matched) = FORMATS.iter().find_map(|format| (format.probe)(&probe)) {
        return matched.await;
    }
    if let Some(file) = &probe.tensors
        && let Some(proposal) = proposal::of_file(file).await?
    {
        return Ok(Opened::plain(FileKind::Mappable(proposal)));
    }
    Ok(Opened::plain(FileKind::Unrelated { reason: unknown(&probe) }))
}
