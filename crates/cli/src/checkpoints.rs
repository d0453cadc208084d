//! `grokscope trace`: computes traces from checkpoints and samples, and benchmark results from
//! items.

use std::{
    cell::Cell,
    collections::BTreeMap,
    fs,
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    rc::Rc,
    time::Instant,
};

use olmoe::{Checkpoint, InputRecords, Inputs, LocalFuture, Observer, Processor, Progress, Score, Tokenizer};
use trace::{CheckpointFiles, FileSource, GateDtype, Item, Results, Source};

use crate::{
    error::Error,
    hub_cache::step_of_branch,
    text::{read, write},
};

/// A checkpoint folder and the path under which it was found.
pub struct CheckpointFolder {
    /// Folder of the checkpoint.
    pub folder: PathBuf,
    /// The given path; the search for a tokenizer ends there.
    under: PathBuf,
}

/// Inputs tokenized with one tokenizer, cached because the checkpoints of a run usually share it.
struct Tokenized {
    tokenizer: Option<PathBuf>,
    inputs: Inputs,
}

/// Backend for checkpoints and distances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Backend {
    /// All cores of the CPU.
    Cpu,
    /// The default GPU of the system.
    Gpu,
}

/// Opens the processor of a backend.
pub async fn processor(backend: Backend) -> Result<Processor, Error> {
    match backend {
        Backend::Cpu => Ok(Processor::cpu()),
        #[cfg(feature = "gpu")]
        Backend::Gpu => {
            let processor = Processor::gpu().await?;
            eprintln!("computing on {}", processor.name);
            Ok(processor)
        }
        #[cfg(not(feature = "gpu"))]
        Backend::Gpu => Err(Error::NoGpu),
    }
}

/// Runs every checkpoint under the paths. Failed checkpoints are reported and left out.
pub async fn trace_all(
    paths: &[PathBuf],
    samples: &Path,
    items: Option<&Path>,
    backend: Backend,
    output: &Path,
) -> Result<(), Error> {
    let processor = processor(backend).await?;
    let mut records = InputRecords::default();
    for path in std::iter::once(samples).chain(items) {
        records.read(&path.display().to_string(), &read(path)?)?;
    }
    let folders = find_all(paths)?;
    fs::create_dir_all(output).map_err(|source| Error::File { path: output.into(), source })?;
    let mut scored: Vec<(u64, Vec<Score>)> = Vec::new();
    let mut tokenized: Option<Tokenized> = None;
    let mut written = BTreeMap::new();
    let numbered = !any_has_step(folders.iter().map(|found| found.folder.as_path())).await?;
    for (number, found) in folders.iter().enumerate() {
        let number = numbered.then_some(number as u64);
        match trace_one(found, number, &mut written, &records, &mut tokenized, &processor, output).await {
            Ok(done) => scored.extend(done),
            Err(error @ (Error::Checkpoint(_) | Error::NoStep { .. } | Error::SameStep { .. })) => {
                eprintln!("left out: {error}");
            }
            Err(error) => return Err(error),
        }
    }
    if scored.is_empty() {
        return Err(Error::NoTrace { count: folders.len() });
    }
    if records.items().len() == 0 {
        return Ok(());
    }
    scored.sort_by_key(|(step, _)| *step);
    let items = records.items().enumerate().map(|(at, (id, domain))| {
        let each = |of: fn(&Score) -> Option<bool>| {
            scored.iter().map(|(_, scores)| scores.get(at).and_then(of)).collect::<Vec<_>>()
        };
        Item {
            id: id.to_owned(),
            domain: domain.to_owned(),
            correct: each(|score| score.correct()),
            acc: each(|score| score.choice),
            acc_norm: each(|score| score.choice_norm),
            embedding: None,
        }
    });
    let results = Results {
        model: Some("olmoe".to_owned()),
        steps: scored.iter().map(|(step, _)| *step).collect(),
        items: items.collect(),
        ..Results::default()
    };
    let text = trace::write_results(&results).map_err(|source| Error::Results { source })?;
    write(&output.join("run.json"), &text)
}

/// Whether the step of any of these checkpoints is known. Only if no step is known, the order of
/// the checkpoints is used in place of steps.
pub async fn any_has_step(folders: impl Iterator<Item = &Path>) -> Result<bool, Error> {
    for folder in folders {
        let name = folder.display().to_string();
        let (step, _) = CheckpointFiles::new(&name, &open_files(folder)?).step().await?;
        if step.or_else(|| step_of_branch(folder)).is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Finds the checkpoint folders under the paths; those of each path are ordered by step and name.
pub fn find_all(paths: &[PathBuf]) -> Result<Vec<CheckpointFolder>, Error> {
    let mut folders = Vec::new();
    for path in paths {
        let before = folders.len();
        find(path, path, &mut folders)?;
        if folders.len() == before {
            return Err(Error::NoCheckpoint { path: path.clone() });
        }
    }
    Ok(folders)
}

/// Adds the folders with a configuration or weights.
fn find(path: &Path, under: &Path, folders: &mut Vec<CheckpointFolder>) -> Result<(), Error> {
    let signs = ["config.json", "model.safetensors", "model.safetensors.index.json"];
    if signs.iter().any(|name| path.join(name).is_file()) {
        folders.push(CheckpointFolder { folder: path.into(), under: under.into() });
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
        find(&path, under, folders)?;
    }
    Ok(())
}

/// Opens the files of a checkpoint folder.
pub fn open_files(folder: &Path) -> Result<Vec<Source>, Error> {
    let failed = |source| Error::File { path: folder.into(), source };
    let mut files: Vec<Source> = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_file() {
            files.push(Rc::new(FileSource::open(&path)?));
        }
    }
    Ok(files)
}

/// Finds the tokenizer.json of a checkpoint: in its folder, else in the nearest parent folder up to
/// the given path. If the given path is the checkpoint itself, its parent folder is searched too:
/// checkpoints often share a tokenizer there.
fn tokenizer_of(CheckpointFolder { folder, under }: &CheckpointFolder) -> Option<PathBuf> {
    let top = if folder == under { under.parent().unwrap_or(under) } else { under };
    let folders = folder.ancestors().take_while(|above| above.starts_with(top));
    folders.map(|folder| folder.join("tokenizer.json")).find(|path| path.is_file())
}

/// Returns the inputs for this checkpoint, and caches them in `tokenized`.
async fn tokenize<'a>(
    found: &CheckpointFolder,
    records: &InputRecords,
    tokenized: &'a mut Option<Tokenized>,
) -> Result<&'a Inputs, Error> {
    let path =
        if records.needs_tokenizer() || records.gains_by_tokenizer() { tokenizer_of(found) } else { None };
    // Taken out and put back: the cached inputs must be those of this checkpoint.
    if let Some(known) = tokenized.take_if(|known| known.tokenizer == path) {
        return Ok(&tokenized.insert(known).inputs);
    }
    let tokenizer = match &path {
        None => None,
        Some(path) => {
            let source: Source = Rc::new(FileSource::open(path)?);
            match Tokenizer::open(&source).await {
                Ok(tokenizer) => Some(tokenizer),
                Err(error) if records.needs_tokenizer() => return Err(error.into()),
                Err(error) => {
                    eprintln!("note: no `acc_norm`, which needs the texts of choices: {error}");
                    None
                }
            }
        }
    };
    let inputs = records.tokenize(&found.folder.display().to_string(), tokenizer.as_ref())?;
    Ok(&tokenized.insert(Tokenized { tokenizer: path, inputs }).inputs)
}

/// Traces one checkpoint; returns its step and scores. `number` is the step of a checkpoint whose files state none;
/// `written` are the files written so far, each with its checkpoint.
async fn trace_one(
    found: &CheckpointFolder,
    number: Option<u64>,
    written: &mut BTreeMap<PathBuf, String>,
    records: &InputRecords,
    tokenized: &mut Option<Tokenized>,
    processor: &Processor,
    output: &Path,
) -> Result<Option<(u64, Vec<Score>)>, Error> {
    let start = Instant::now();
    let folder = found.folder.as_path();
    let files = open_files(folder)?;
    let name = folder.display().to_string();
    let mut checkpoint = Checkpoint::open(&name, &files).await?;
    if let Some(note) = &checkpoint.note {
        eprintln!("note: {note}");
    }
    checkpoint.step = checkpoint.step.or_else(|| step_of_branch(folder));
    let Some(step) = checkpoint.step.or(number) else {
        return Err(Error::NoStep { folder: folder.into() });
    };
    if checkpoint.step.is_none() {
        eprintln!("note: {name}: no step in the folder name or trainer_state.json; step {step} is used");
    }
    checkpoint.step = Some(step);
    let path = output.join(format!("step-{step:05}.safetensors"));
    if let Some(other) = written.insert(path.clone(), name.clone()) {
        let error = Error::SameStep { step, name, other: other.clone() };
        written.insert(path, other);
        return Err(error);
    }
    let inputs = tokenize(found, records, tokenized).await?;
    let observer = Terminal { name: &name, last: Cell::new(usize::MAX) };
    let model_output = olmoe::run(&checkpoint, inputs, processor, &observer).await?;
    let bytes = trace::write_trace(&model_output.trace, GateDtype::F32)?;
    fs::write(&path, bytes).map_err(|source| Error::File { path: path.clone(), source })?;
    let tokens: usize = inputs.samples.iter().map(|sample| sample.tokens.len()).sum();
    let seconds = start.elapsed().as_secs_f64();
    eprintln!("{}: {tokens} tokens of samples in {seconds:.1} s", path.display());
    Ok(Some((step, model_output.scores)))
}

/// Prints the progress of a checkpoint on a terminal.
struct Terminal<'a> {
    name: &'a str,
    last: Cell<usize>,
}

impl Observer for Terminal<'_> {
    fn yield_now(&self) -> LocalFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }

    fn progress(&self, Progress { pass, passes, done, layers, tokens }: Progress) {
        let at = pass * layers + done;
        if self.last.replace(at) != at && std::io::stderr().is_terminal() {
            let end = if done == layers { "\r" } else { "" };
            let of = if passes > 1 { format!(", pass {} of {passes}", pass + 1) } else { String::new() };
            eprint!("\r{}: {done} of {layers} layers, {tokens} tokens{of}   {end}", self.name);
            std::io::stderr().flush().ok();
        }
    }
}
