//! Runs the jobs of the analyst one after the other and posts their results.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use futures::{StreamExt as _, channel::mpsc};
use js_sys::Array;
use olmoe::{Checkpoint, Error, GateInputs, InputRecords, Inputs, Processor, Score, Tokenizer, gates_only};
use protocol::{
    child::listen,
    engine::{Backend, EngineEvent, EngineJob, InputsInfo, MadeInfo, Scored},
    scope::{now, property},
};
use trace::{GateDtype, Source};
use wasm_bindgen::JsCast as _;
use wasm_bindgen_futures::spawn_local;
use web_sys::MessagePort;

use crate::{
    choose::{Processors, info},
    files::sources,
    post::{connect, post, send},
    progress::ProgressReporter,
};

/// Largest file of samples or items in bytes. Text and tokens of a larger one would not fit into
/// memory with a model.
const MAX_INPUT: u64 = 1 << 29;

/// Starts to receive jobs at the port.
pub fn start(port: MessagePort) {
    let (jobs, mut waiting) = mpsc::unbounded::<(EngineJob, Array)>();
    listen(&port, move |message| {
        let data = message.data();
        match serde_wasm_bindgen::from_value::<EngineJob>(property(&data, "job")) {
            Ok(job) => {
                let files = property(&data, "files").dyn_into::<Array>().unwrap_or_default();
                // The loop below lives as long as the worker.
                jobs.unbounded_send((job, files)).ok();
            }
            Err(error) => post(&EngineEvent::Failed {
                message: format!("The engine received an invalid job ({error}). Reload the page."),
                device: false,
            }),
        }
    });
    spawn_local(async move {
        let engine = Engine {
            records: RefCell::default(),
            tokenized: RefCell::default(),
            processors: Processors::new(),
        };
        while let Some((job, files)) = waiting.next().await {
            engine.run_job(job, &files).await;
        }
    });
    connect(port);
    post(&EngineEvent::Ready);
}

/// State of the engine between jobs.
struct Engine {
    records: RefCell<InputRecords>,
    /// The tokenized records, with the bytes of the `tokenizer.json` that was used.
    tokenized: RefCell<Option<(Vec<u8>, Rc<Inputs>)>>,
    processors: Processors,
}

/// Reason why a checkpoint gives no trace.
enum Failure {
    /// An error of the checkpoint or its inputs; the message.
    Checkpoint(String),
    /// An error of the device; the message.
    Device(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Device { .. } => Self::Device(error.to_string()),
            error => Self::Checkpoint(error.to_string()),
        }
    }
}

impl Engine {
    async fn run_job(&self, job: EngineJob, files: &Array) {
        match job {
            EngineJob::Inputs { paths } => {
                let outcome = self.read_inputs(paths, files).await;
                post(&EngineEvent::Inputs { outcome });
            }
            EngineJob::Run { folder, paths, backend } => {
                post_failure(self.run(&folder, paths, files, backend).await);
            }
            EngineJob::Gates { folder, paths } => post_failure(gates(&folder, paths, files).await),
        }
    }

    async fn read_inputs(&self, paths: Vec<String>, files: &Array) -> Result<InputsInfo, String> {
        let mut records = InputRecords::default();
        for source in sources(paths, files, &Rc::default()).await? {
            let name = source.name().to_owned();
            if source.len() > MAX_INPUT {
                return Err(format!(
                    "{name}: {} bytes; expected at most {MAX_INPUT} per file of samples or items. Split the file.",
                    source.len()
                ));
            }
            let bytes = source.read(0, source.len() as usize).await.map_err(|error| error.to_string())?;
            records.read(&name, &String::from_utf8_lossy(&bytes)).map_err(|error| error.to_string())?;
        }
        let items = records.items().map(|(id, domain)| (id.to_owned(), domain.to_owned())).collect();
        let info = InputsInfo { samples: records.samples(), items };
        *self.records.borrow_mut() = records;
        self.tokenized.take();
        Ok(info)
    }

    async fn run(
        &self,
        folder: &str,
        paths: Vec<String>,
        files: &Array,
        backend: Backend,
    ) -> Result<(), Failure> {
        let start = now();
        let read = Rc::new(Cell::new(0));
        let sources = sources(paths, files, &read).await.map_err(Failure::Checkpoint)?;
        let checkpoint = Checkpoint::open(folder, &sources).await?;
        let inputs = self.tokenized(folder, &sources).await?;
        self.trace(&checkpoint, &inputs, backend, &read, start).await
    }

    /// Inputs tokenized by the checkpoint's tokenizer. Cached, since the checkpoints of a run
    /// usually share a tokenizer.
    async fn tokenized(&self, folder: &str, sources: &[Source]) -> Result<Rc<Inputs>, Failure> {
        let named = sources.iter().find(|source| source.name().rsplit('/').next() == Some("tokenizer.json"));
        let json = match named {
            Some(source) if source.len() <= MAX_INPUT => {
                source.read(0, source.len() as usize).await.map_err(Error::from)?
            }
            _ => Vec::new(),
        };
        if let Some((known, inputs)) = &*self.tokenized.borrow()
            && *known == json
        {
            return Ok(Rc::clone(inputs));
        }
        let tokenizer = match named {
            None => None,
            Some(source) => match Tokenizer::parse(source.name(), &json) {
                Ok(tokenizer) => Some(tokenizer),
                // Ids need no tokenizer.
                Err(_) if !self.records.borrow().needs_tokenizer() => None,
                Err(error) => return Err(error.into()),
            },
        };
        let inputs = Rc::new(self.records.borrow().tokenize(folder, tokenizer.as_ref())?);
        *self.tokenized.borrow_mut() = Some((json, Rc::clone(&inputs)));
        Ok(inputs)
    }

    async fn trace(
        &self,
        checkpoint: &Checkpoint,
        inputs: &Inputs,
        backend: Backend,
        read: &Rc<Cell<u64>>,
        start: f64,
    ) -> Result<(), Failure> {
        let tokens = inputs.tokens();
        let chosen = self.processors.choose(backend, &checkpoint.config, tokens).await?;
        let progress = ProgressReporter::new(Rc::clone(read), chosen.info());
        let traced = olmoe::run(checkpoint, inputs, &chosen.processor, &progress).await?;
        let bytes = trace::write_trace(&traced.trace, GateDtype::F32)
            .map_err(|error| Failure::Checkpoint(error.to_string()))?;
        let made = MadeInfo {
            scores: traced.scores.iter().copied().map(scored).collect(),
            read: read.get(),
            tokens,
            passes: traced.passes,
            seconds: (now() - start) / 1000.0,
            processor: chosen.info(),
        };
        post_trace(made, &bytes)
    }
}

/// Computes only the gating layers of a checkpoint. On the CPU, where they take less time than
/// opening a GPU.
async fn gates(folder: &str, paths: Vec<String>, files: &Array) -> Result<(), Failure> {
    let start = now();
    let read = Rc::new(Cell::new(0));
    let mut sources = sources(paths, files, &read).await.map_err(Failure::Checkpoint)?.into_iter();
    let gate_inputs = sources.next().ok_or_else(|| {
        Failure::Checkpoint(format!("{folder}: no file of router inputs arrived. Drop it again."))
    })?;
    let inputs = GateInputs::open(gate_inputs).await?;
    let processor = Processor::cpu();
    let sources: Vec<Source> = sources.collect();
    let traced = gates_only(folder, &sources, &inputs, &processor).await?;
    let bytes = trace::write_trace(&traced, GateDtype::F32)
        .map_err(|error| Failure::Checkpoint(error.to_string()))?;
    let note = "Only the gating layers are computed, on recorded router inputs.".to_owned();
    let made = MadeInfo {
        scores: Vec::new(),
        read: read.get(),
        tokens: inputs.tokens(),
        passes: 1,
        seconds: (now() - start) / 1000.0,
        processor: info(&processor, Some(note)),
    };
    post_trace(made, &bytes)
}

/// Posts a failure to the analyst.
fn post_failure(outcome: Result<(), Failure>) {
    let Err(failure) = outcome else { return };
    let (message, device) = match failure {
        Failure::Checkpoint(message) => (message, false),
        Failure::Device(message) => (message, true),
    };
    post(&EngineEvent::Failed { message, device });
}

fn post_trace(made: MadeInfo, trace: &[u8]) -> Result<(), Failure> {
    send(&EngineEvent::Traced(Box::new(made)), trace)
        .map_err(|error| Failure::Device(format!("The trace could not be posted ({error:?}).")))
}

fn scored(score: Score) -> Scored {
    Scored { correct: score.correct(), acc: score.choice, acc_norm: score.choice_norm }
}
