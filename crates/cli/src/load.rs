//! Files and folders of the command line become parts of a run.

use std::{
    fs,
    path::{Path, PathBuf},
    rc::Rc,
};

use report::Part;
use trace::{FileKind, FileSource, IdsSettings, Mapping, Opened, Source, Unpacked};

use crate::{error::Error, text::read};

/// What to do with tensors under other people's names.
#[derive(Clone, Debug)]
pub enum Map {
    /// Take what is proposed.
    Auto,
    /// Take this.
    Given(Mapping),
}

impl Map {
    /// What `--map` says: `auto`, or a file.
    pub fn read_from(path: &Path) -> Result<Self, Error> {
        if path == Path::new("auto") {
            return Ok(Self::Auto);
        }
        Ok(Self::Given(Mapping::parse(&path.display().to_string(), &read(path)?)?))
    }
}

/// What the user knows of files that do not say it.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Of tensors under other names.
    pub map: Option<Map>,
    /// Of files of expert ids.
    pub ids: IdsSettings,
}

/// Opens every file under the paths, folders in order of their names, and every file in archives. What cannot be opened is
/// told and left out.
pub async fn open_all(paths: &[PathBuf], known: &Known) -> Result<Vec<Part>, Error> {
    let mut files = Vec::new();
    for path in paths {
        collect(path, &mut files)?;
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
            match open(file, known).await {
                Ok(opened) => {
                    for warning in opened.warnings {
                        eprintln!("note: {warning}");
                    }
                    parts.push(Part { id: parts.len(), path: name, what: opened.what });
                }
                Err(error) => eprintln!("left out: {error}"),
            }
        }
    }
    Ok(parts)
}

async fn open(file: Source, Known { map, ids }: &Known) -> Result<Opened, trace::Error> {
    if let Some(Map::Given(mapping)) = map {
        match trace::open_mapped(Rc::clone(&file), mapping).await {
            // Not a file of tensors, or of others: it may be anything else of the run.
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
            eprintln!("note: {}: read by {}", proposal.name, proposal.mapping.json());
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
    for path in inside {
        collect(&path, files)?;
    }
    Ok(())
}
