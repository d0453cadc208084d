//! `grokscope trace`: checkpoints and samples become traces, and items become benchmark results.

use std::{
    cell::Cell,
    fs,
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    rc::Rc,
    time::Instant,
};

use olmoe::{Checkpoint, Inputs, Pending, Processor, Score, Stage, Watch};
use serde::Serialize;
use trace::{FileSource, GateDtype, Source};

use crate::{
    commands::{read, write},
    error::Error,
};

/// What `run.json` holds: the form that the analysis reads (benchmark results with steps and items).
#[derive(Serialize)]
struct Results<'a> {
    model: &'static str,
    steps: Vec<u64>,
    items: Vec<Item<'a>>,
}

#[derive(Serialize)]
struct Item<'a> {
    id: &'a str,
    domain: &'a str,
    correct: Vec<Option<bool>>,
}

/// Runs every checkpoint under the paths. One that fails is told and left out.
pub async fn trace_all(
    paths: &[PathBuf],
    samples: &Path,
    items: Option<&Path>,
    output: &Path,
) -> Result<(), Error> {
    let mut inputs = Inputs::default();
    for path in std::iter::once(samples).chain(items) {
        inputs.read(&path.display().to_string(), &read(path)?)?;
    }
    let mut folders = Vec::new();
    for path in paths {
        let before = folders.len();
        find(path, &mut folders)?;
        if folders.len() == before {
            return Err(Error::NoCheckpoint { path: path.clone() });
        }
    }
    fs::create_dir_all(output).map_err(|source| Error::File { path: output.into(), source })?;
    let mut scored: Vec<(u64, Vec<Score>)> = Vec::new();
    for (number, folder) in folders.iter().enumerate() {
        match trace_one(folder, number, &inputs, output).await {
            Ok(done) => scored.extend(done),
            Err(Error::Checkpoint(error)) => eprintln!("left out: {error}"),
            Err(error) => return Err(error),
        }
    }
    if scored.is_empty() {
        return Err(Error::NoTrace { count: folders.len() });
    }
    if inputs.items.is_empty() {
        return Ok(());
    }
    scored.sort_by_key(|(step, _)| *step);
    let items = inputs.items.iter().enumerate().map(|(at, item)| Item {
        id: &item.id,
        domain: &item.domain,
        correct: scored.iter().map(|(_, scores)| scores.get(at).and_then(|score| score.correct())).collect(),
    });
    let results = Results {
        model: "olmoe",
        steps: scored.iter().map(|(step, _)| *step).collect(),
        items: items.collect(),
    };
    let text = serde_json::to_string(&results).map_err(|source| Error::Results { source })?;
    write(&output.join("run.json"), &text)
}

/// Folders with a `config.json`, in order of their steps and names.
fn find(path: &Path, folders: &mut Vec<PathBuf>) -> Result<(), Error> {
    if path.join("config.json").is_file() {
        folders.push(path.into());
        return Ok(());
    }
    let failed = |source| Error::File { path: path.into(), source };
    let entries = fs::read_dir(path).map_err(failed)?;
    let inside = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>();
    let mut inside = inside.map_err(failed)?;
    inside.retain(|path| path.is_dir());
    inside.sort_by_key(|path| {
        (trace::step_from_name(&path.display().to_string()).map(|named| named.step), path.clone())
    });
    for path in inside {
        find(&path, folders)?;
    }
    Ok(())
}

/// Its step and scores. A checkpoint without a step has its number for one.
async fn trace_one(
    folder: &Path,
    number: usize,
    inputs: &Inputs,
    output: &Path,
) -> Result<Option<(u64, Vec<Score>)>, Error> {
    let start = Instant::now();
    let failed = |source| Error::File { path: folder.into(), source };
    let mut files: Vec<Source> = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_file() {
            files.push(Rc::new(FileSource::open(&path)?));
        }
    }
    let name = folder.display().to_string();
    let mut checkpoint = Checkpoint::open(&name, &files).await?;
    if checkpoint.step.is_none() {
        eprintln!(
            "note: {name}: neither the folder's name nor trainer_state.json tells a step; it is called step {number}"
        );
    }
    let step = *checkpoint.step.get_or_insert(number as u64);
    let watch = Terminal { name: &name, last: Cell::new(usize::MAX) };
    let traced = olmoe::run(&checkpoint, inputs, &Processor::cpu(), &watch).await?;
    let path = output.join(format!("step-{step:05}.safetensors"));
    let bytes = trace::write_trace(&traced.trace, GateDtype::F32)?;
    fs::write(&path, bytes).map_err(|source| Error::File { path: path.clone(), source })?;
    let tokens: usize = inputs.samples.iter().map(|sample| sample.tokens.len()).sum();
    let seconds = start.elapsed().as_secs_f64();
    eprintln!("{}: {tokens} tokens of samples in {seconds:.1} s", path.display());
    Ok(Some((step, traced.scores)))
}

/// Says on a terminal how far a checkpoint is.
struct Terminal<'a> {
    name: &'a str,
    last: Cell<usize>,
}

impl Watch for Terminal<'_> {
    fn breathe(&self) -> Pending<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn stage(&self, Stage { pass, passes, done, layers, tokens }: Stage) {
        let at = pass * layers + done;
        if self.last.replace(at) != at && std::io::stderr().is_terminal() {
            let end = if done == layers { "\r" } else { "" };
            let of = if passes > 1 { format!(", pass {} of {passes}", pass + 1) } else { String::new() };
            eprint!("\r{}: {done} of {layers} layers, {tokens} tokens{of}   {end}", self.name);
            std::io::stderr().flush().ok();
        }
    }
}
