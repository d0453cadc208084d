//! Files and folders of the command line become parts of a run.

use std::{
    fs,
    path::{Path, PathBuf},
    rc::Rc,
};

use report::Part;
use trace::{FileSource, IdsSettings};

use crate::error::Error;

/// Opens every file under the paths, folders in order of their names. What cannot be opened is told and left out. `ids`
/// is what files of expert ids do not say of themselves.
pub async fn open_all(paths: &[PathBuf], ids: IdsSettings) -> Result<Vec<Part>, Error> {
    let mut files = Vec::new();
    for path in paths {
        collect(path, &mut files)?;
    }
    let mut parts = Vec::new();
    for (id, path) in files.into_iter().enumerate() {
        let opened = match FileSource::open(&path) {
            Ok(source) => trace::open_with(Rc::new(source), ids).await,
            Err(error) => Err(error),
        };
        match opened {
            Ok(opened) => {
                for warning in opened.warnings {
                    eprintln!("note: {warning}");
                }
                parts.push(Part { id, path: path.display().to_string(), what: opened.what });
            }
            Err(error) => eprintln!("left out: {error}"),
        }
    }
    Ok(parts)
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
