//! `grokscope trace --gate-inputs`: computes traces from given hidden states with only the router
//! weights.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    rc::Rc,
    time::Instant,
};

use olmoe::{GateInputs, Processor, gates_only};
use trace::{CheckpointFiles, FileSource, GateDtype, has_tensors_ending, step_from_name};

use crate::{
    checkpoints::{Backend, any_has_step, find_all, open_files, processor},
    error::Error,
    hub_cache::step_of_branch,
};

/// Writes a trace of every checkpoint under the paths. Failed checkpoints are reported and left
/// out.
pub async fn trace_all(
    paths: &[PathBuf],
    inputs: &Path,
    backend: Backend,
    output: &Path,
) -> Result<(), Error> {
    let processor = processor(backend).await?;
    let folders = find_all(paths)?;
    if folders.len() > 1 && !inputs.is_dir() {
        return Err(Error::OneGateInputs { path: inputs.into(), count: folders.len() });
    }
    fs::create_dir_all(output).map_err(|source| Error::File { path: output.into(), source })?;
    let mut done = 0;
    let mut written = BTreeMap::new();
    let numbered = !any_has_step(folders.iter().map(|found| found.folder.as_path())).await?;
    for (number, found) in folders.iter().enumerate() {
        let number = numbered.then_some(number as u64);
        match trace_one(&found.folder, number, &mut written, inputs, &processor, output).await {
            Ok(()) => done += 1,
            Err(
                error @ (Error::Checkpoint(_)
                | Error::Trace(_)
                | Error::NoGateInputs { .. }
                | Error::NoStep { .. }
                | Error::SameStep { .. }),
            ) => eprintln!("left out: {error}"),
            Err(error) => return Err(error),
        }
    }
    if done == 0 { Err(Error::NoTrace { count: folders.len() }) } else { Ok(()) }
}

async fn trace_one(
    folder: &Path,
    number: Option<u64>,
    written: &mut BTreeMap<PathBuf, String>,
    inputs: &Path,
    processor: &Processor,
    output: &Path,
) -> Result<(), Error> {
    let start = Instant::now();
    let name = folder.display().to_string();
    let files = open_files(folder)?;
    let (step, _) = CheckpointFiles::new(&name, &files).step().await?;
    let step = step.or_else(|| step_of_branch(folder)).or(number);
    let step = step.ok_or_else(|| Error::NoStep { folder: folder.into() })?;
    let path = output.join(format!("step-{step:05}.safetensors"));
    if let Some(other) = written.get(&path) {
        return Err(Error::SameStep { step, name, other: other.clone() });
    }
    written.insert(path.clone(), name.clone());
    let of_inputs = if inputs.is_dir() { of_step(inputs, step)? } else { inputs.into() };
    let given = GateInputs::open(Rc::new(FileSource::open(&of_inputs)?)).await?;
    let mut trace = gates_only(&name, &files, &given, processor).await?;
    trace.step = Some(step);
    let bytes = trace::write_trace(&trace, GateDtype::F32)?;
    fs::write(&path, bytes).map_err(|source| Error::File { path: path.clone(), source })?;
    let seconds = start.elapsed().as_secs_f64();
    eprintln!("{}: {} tokens of samples in {seconds:.1} s", path.display(), given.tokens());
    Ok(())
}

/// Finds the file of a step in a folder.
fn of_step(folder: &Path, step: u64) -> Result<PathBuf, Error> {
    let failed = |source| Error::File { path: folder.into(), source };
    let inside = fs::read_dir(folder).map_err(failed)?.map(|entry| entry.map(|entry| entry.path()));
    let mut inside = inside.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    inside.sort();
    let fits = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        has_tensors_ending(name) && step_from_name(name).is_some_and(|named| named.step == step)
    };
    inside.into_iter().find(fits).ok_or_else(|| Error::NoGateInputs { folder: folder.into(), step })
}
