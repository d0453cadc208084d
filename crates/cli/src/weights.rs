//! `grokscope weights`: computes the router geometry of checkpoints, without samples.

use std::{
    cell::Cell,
    ffi::OsStr,
    io::Write as _,
    path::{Path, PathBuf},
    rc::Rc,
    time::Instant,
};

use report::{LastRouters, NoProgress, geometry_csv, geometry_json, last_in_training, training_order};
use trace::{CheckpointFiles, CheckpointRouters, Counted, Source, read_routers};

use crate::{
    checkpoints::{find_all, open_files},
    error::Error,
    hub_cache::step_of_branch,
    text::write,
};

/// Measures the routers of every checkpoint under the paths. Failed checkpoints are reported and
/// left out.
pub async fn measure_all(paths: &[PathBuf], output: Option<&Path>) -> Result<(), Error> {
    let start = Instant::now();
    let read = Rc::new(Cell::new(0));
    // Steps are read first, so that the last checkpoint, the reference of drift, is read once and
    // only one other checkpoint is in memory.
    let mut folders = Vec::new();
    for found in find_all(paths)? {
        let folder = Folder::open(&found.folder, &read).await?;
        folders.push(folder);
    }
    let last = loop {
        let steps: Vec<Option<u64>> = folders.iter().map(|folder| folder.step).collect();
        let Some(at) = last_in_training(&steps) else { return Err(Error::NoRouters) };
        let folder = folders.remove(at);
        match folder.routers().await {
            Ok(routers) => break routers,
            Err(error) => eprintln!("left out: {error}"),
        }
    };
    folders.sort_by_key(|folder| training_order(folder.step));
    let mut measured = LastRouters::new(&last, &NoProgress).await?;
    for folder in &folders {
        let done = match folder.routers().await {
            Ok(routers) => measured.measure(&routers, &NoProgress).await,
            Err(error) => Err(error.into()),
        };
        match done {
            Err(error @ (report::Error::OtherRouters { .. } | report::Error::Trace(_))) => {
                eprintln!("left out: {error}");
            }
            done => done?,
        }
    }
    measured.measure(&last, &NoProgress).await?;
    let geometry = measured.finish();
    let json = output.and_then(Path::extension) == Some(OsStr::new("json"));
    let text = if json { geometry_json(&geometry) } else { geometry_csv(&geometry) };
    match output {
        Some(path) => write(path, &text)?,
        None => std::io::stdout()
            .write_all(text.as_bytes())
            .map_err(|source| Error::File { path: "standard output".into(), source })?,
    }
    let (count, bytes, seconds) = (geometry.checkpoints.len(), read.get(), start.elapsed().as_secs_f64());
    eprintln!("{count} checkpoints: {bytes} bytes read in {seconds:.1} s");
    Ok(())
}

/// Open files of a checkpoint.
struct Folder {
    name: String,
    files: Vec<Source>,
    step: Option<u64>,
}

impl Folder {
    async fn open(folder: &Path, read: &Rc<Cell<u64>>) -> Result<Self, Error> {
        let name = folder.display().to_string();
        let counted = |file| Rc::new(Counted::new(file, Rc::clone(read))) as Source;
        let files: Vec<Source> = open_files(folder)?.into_iter().map(counted).collect();
        let here = CheckpointFiles::new(&name, &files);
        if let Some(note) = here.note() {
            eprintln!("note: {note}");
        }
        let (step, _) = here.step().await?;
        Ok(Self { name, files, step: step.or_else(|| step_of_branch(folder)) })
    }

    async fn routers(&self) -> Result<CheckpointRouters, trace::Error> {
        let routers = read_routers(&self.name, &self.files).await?;
        Ok(CheckpointRouters { step: self.step, ..routers })
    }
}
