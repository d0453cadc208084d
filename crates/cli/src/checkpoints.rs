//! `grokscope trace`: checkpoints and samples become traces, and items become benchmark results.

use std::{
    cell::Cell,
    fs,
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    rc::Rc,
    time::Instant,
};

use olmoe::{Checkpoint, InputRecords, Inputs, LocalFuture, Observer, Processor, Progress, Score, Tokenizer};
use trace::{FileSource, GateDtype, Item, Results, Source};

use crate::{
    error::Error,
    text::{read, write},
};

/// A folder of a checkpoint, and where it was found.
pub struct Found {
    /// The folder.
    pub folder: PathBuf,
    /// The path that was given; the tokenizer is looked for no higher.
    under: PathBuf,
}

/// Inputs as one tokenizer makes them, kept because a run's checkpoints mostly share theirs.
struct Tokenized {
    tokenizer: Option<PathBuf>,
    inputs: Inputs,
}

/// What checkpoints are computed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Backend {
    /// The processor, on all of its cores.
    Cpu,
    /// The graphics processor that the system offers first.
    Gpu,
}

/// The processor that was asked for.
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

/// Runs every checkpoint under the paths. One that fails is told and left out.
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
    for (number, found) in folders.iter().enumerate() {
        match trace_one(found, number, &records, &mut tokenized, &processor, output).await {
            Ok(done) => scored.extend(done),
            Err(Error::Checkpoint(error)) => eprintln!("left out: {error}"),
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

/// The checkpoints' folders under the paths, those of each path in order of their steps and names.
pub fn find_all(paths: &[PathBuf]) -> Result<Vec<Found>, Error> {
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

/// Folders with a configuration or with weights.
fn find(path: &Path, under: &Path, folders: &mut Vec<Found>) -> Result<(), Error> {
    let signs = ["config.json", "model.safetensors", "model.safetensors.index.json"];
    if signs.iter().any(|name| path.join(name).is_file()) {
        folders.push(Found { folder: path.into(), under: under.into() });
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

/// The files of a checkpoint's folder, opened and not read.
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

/// The tokenizer.json that serves a checkpoint: its own, else that of the nearest folder above. Where the path that was
/// given is the checkpoint itself, the folder above it counts too: a run's checkpoints often share a tokenizer there.
fn tokenizer_of(Found { folder, under }: &Found) -> Option<PathBuf> {
    let top = if folder == under { under.parent().unwrap_or(under) } else { under };
    let folders = folder.ancestors().take_while(|above| above.starts_with(top));
    folders.map(|folder| folder.join("tokenizer.json")).find(|path| path.is_file())
}

/// Keeps in `tokenized` the inputs as this checkpoint takes them.
async fn tokenize<'a>(
    found: &Found,
    records: &InputRecords,
    tokenized: &'a mut Option<Tokenized>,
) -> Result<&'a Inputs, Error> {
    let path =
        if records.needs_tokenizer() || records.gains_by_tokenizer() { tokenizer_of(found) } else { None };
    // Taken out and put back: what is kept must be this checkpoint's.
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
                    eprintln!("note: choices are not normalised by their texts: {error}");
                    None
                }
            }
        }
    };
    let inputs = records.tokenize(&found.folder.display().to_string(), tokenizer.as_ref())?;
    Ok(&tokenized.insert(Tokenized { tokenizer: path, inputs }).inputs)
}

/// Its step and scores. A checkpoint without a step has its number for one.
async fn trace_one(
    found: &Found,
    number: usize,
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
    if checkpoint.step.is_none() {
        eprintln!(
            "note: {name}: neither the folder's name nor trainer_state.json tells a step; it is called step {number}"
        );
    }
    let inputs = tokenize(found, records, tokenized).await?;
    let step = *checkpoint.step.get_or_insert(number as u64);
    let observer = Terminal { name: &name, last: Cell::new(usize::MAX) };
    let model_output = olmoe::run(&checkpoint, inputs, processor, &observer).await?;
    let path = output.join(format!("step-{step:05}.safetensors"));
    let bytes = trace::write_trace(&model_output.trace, GateDtype::F32)?;
    fs::write(&path, bytes).map_err(|source| Error::File { path: path.clone(), source })?;
    let tokens: usize = inputs.samples.iter().map(|sample| sample.tokens.len()).sum();
    let seconds = start.elapsed().as_secs_f64();
    eprintln!("{}: {tokens} tokens of samples in {seconds:.1} s", path.display());
    Ok(Some((step, model_output.scores)))
}

/// Says on a terminal how far a checkpoint is.
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
