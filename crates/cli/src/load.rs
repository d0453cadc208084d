//! Opens the files and folders given on the command line.

use std::{
    fs,
    path::{Path, PathBuf},
    rc::Rc,
};

use report::Part;
use trace::{CachedRepositories, FileKind, FileSource, IdsSettings, Mapping, Opened, Source, Unpacked};

use crate::{checkpoint_files, error::Error, hub_cache::step_of_branch, text::read};

/// Mapping for tensors with other names.
#[derive(Clone, Debug)]
pub enum Map {
    /// Use the proposed mapping.
    Auto,
    /// Use this mapping.
    Given(Mapping),
}

impl Map {
    /// Reads the argument of `--map`: `auto`, or a file.
    pub fn read_from(path: &Path) -> Result<Self, Error> {
        if path == Path::new("auto") {
            return Ok(Self::Auto);
        }
        Ok(Self::Given(Mapping::parse(&path.display().to_string(), &read(path)?)?))
    }
}

/// Information from the user that is missing in files.
#[derive(Clone, Debug, Default)]
pub struct FileOptions {
    /// Mapping for tensors with other names.
    pub map: Option<Map>,
    /// Numbers for files of expert ids.
    pub ids: IdsSettings,
}

/// Opens every file under the paths, with folders sorted by name, and every file in archives.
/// Unreadable files are reported and left out.
pub async fn open_all(paths: &[PathBuf], file_options: &FileOptions) -> Result<Vec<Part>, Error> {
    let mut files = Vec::new();
    for path in paths {
        collect(path, &mut files)?;
    }
    let names: Vec<String> = files.iter().map(|path| path.display().to_string()).collect();
    let cache = CachedRepositories::of(names.iter().map(String::as_str));
    let mut names = names.iter();
    files.retain(|_| names.next().is_none_or(|name| cache.file(name).is_none()));
    for folder in checkpoint_files::take_out(&mut files) {
        eprintln!("left out: {}", checkpoint_files::sentence(&folder));
    }
    let mut parts = Vec::new();
    for path in files {
        let unpacked = match FileSource::open(&path) {
            Ok(source) => trace::unpack(Rc::new(source)).await,
            Err(error) => Err(error),
        };
        let Unpacked { files, notes, .. } = match unpacked {
            Ok(unpacked) => unpacked,
            Err(error) => {
                eprintln!("left out: {error}");
                continue;
            }
        };
        for note in notes {
            eprintln!("left out: {note}");
        }
        for file in files {
            let name = file.name().to_owned();
            match open(file, file_options).await {
                Ok(mut opened) => {
                    for warning in opened.warnings {
                        eprintln!("note: {warning}");
                    }
                    if let FileKind::Trace(trace) = &mut opened.what
                        && trace.info.step.is_none()
                        && let Some(step) = step_of_branch(&path)
                    {
                        trace.set_step(step);
                    }
                    parts.push(Part { id: parts.len(), path: name, what: opened.what });
                }
                Err(error) => eprintln!("left out: {error}"),
            }
        }
    }
    Ok(parts)
}

async fn open(file: Source, FileOptions { map, ids }: &FileOptions) -> Result<Opened, trace::Error> {
    if let Some(Map::Given(mapping)) = map {
        match trace::open_mapped(Rc::clone(&file), mapping).await {
            // The mapping does not apply; it may be another file of the run.
            Err(trace::Error::Mapping { .. } | trace::Error::Format { .. } | trace::Error::Empty { .. }) => {}
            opened => return opened,
        }
    }
    let opened = trace::open_with(Rc::clone(&file), *ids).await?;
    match (map, &opened.what) {
        (Some(Map::Auto), FileKind::Mappable(proposal)) => {
            for reason in &proposal.reasons {
                eprintln!("note: {}: {reason}", proposal.name);
            }
            eprintln!("note: {}: read with the mapping {}", proposal.name, proposal.mapping.json());
            trace::open_mapped(file, &proposal.mapping).await
        }
        _ => Ok(opened),
    }
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Error> {
    let failed = |source| Error::File { path: path.into(), source };
    if !fs::metadata(path).map_err(failed)?.is_dir() {
        files.push(path.into());
        return Ok(());
    }
    let entries = fs::read_dir(path).map_err(failed)?;
    let mut inside = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    inside.sort();
    inside
        .retain(|path| !path.file_name().is_some_and(|name| trace::is_system_file(&name.to_string_lossy())));
    for path in inside {
        collect(&path, files)?;
    }
    Ok(())
}
