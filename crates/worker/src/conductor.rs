//! Checkpoints become traces, one after the other: the engine runs them, is replaced when its device is lost, and what
//! it makes goes into the run like any file.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
};

use futures::future::{AbortHandle, abortable};
use protocol::{
    Event, FileState, Progress, WorkUnit,
    engine::{Backend, EngineProgress, InputsInfo, MadeInfo, ProcessorInfo, Scored},
    scope::{object, scope, to_js},
};
use report::Part;
use trace::{FileKind, Item, Results};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::spawn_local;

use crate::{
    analyst::Analyst,
    engine::{Engine, Gone},
    files::{Door, Entry, Made},
    handles::Files,
    opening::open_made,
    post::post,
};

/// Losses of one device in a row after which the processor takes over; the first may be an accident.
const LOSSES: u32 = 2;

/// Runs the checkpoints of an analyst.
#[derive(Default)]
pub struct Conductor {
    /// Kept from one checkpoint to the next: its shaders are compiled, its samples read.
    engine: RefCell<Option<Engine>>,
    backend: Cell<Backend>,
    /// What the work under way is for.
    wanted: RefCell<Feed>,
    /// Those that the engine has read.
    loaded: RefCell<Vec<usize>>,
    info: RefCell<InputsInfo>,
    work: RefCell<Option<AbortHandle>>,
    /// The checkpoint under way.
    current: Cell<Option<usize>>,
    /// Engines lost one after the other.
    losses: Cell<u32>,
    processor: RefCell<Option<ProcessorInfo>>,
}

/// A checkpoint to run.
struct Task {
    id: usize,
    folder: String,
    files: Files,
    bytes: u64,
    /// The files that it is run on.
    inputs: Vec<usize>,
    /// What enters its routers, where only its gating layers are computed.
    gates: Option<(String, JsValue)>,
}

impl Conductor {
    /// Whether checkpoints are being run.
    pub fn is_running(&self) -> bool {
        self.work.borrow().is_some()
    }

    /// The checkpoint under way.
    pub fn current(&self) -> Option<usize> {
        self.current.get()
    }

    /// Stops at once: the engine ends, with whatever it was doing.
    pub fn stop(&self) {
        if let Some(work) = self.work.take() {
            work.abort();
        }
        self.current.set(None);
        self.let_go();
    }

    fn let_go(&self) {
        self.engine.take();
        self.loaded.borrow_mut().clear();
    }

    /// Changes what is computed on; whether work has to be started again for it.
    pub fn use_backend(&self, backend: Backend) -> bool {
        if self.backend.replace(backend) == backend {
            return false;
        }
        self.losses.set(0);
        let running = self.is_running();
        self.stop();
        running
    }

    /// Starts the checkpoints that have still to be run, where there is something to run them on.
    pub fn conduct(self: &Rc<Self>, analyst: &Rc<Analyst>) {
        let feed = Feed::of(&analyst.files.borrow());
        if self.is_running() && *self.wanted.borrow() != feed {
            self.stop();
        }
        for file in analyst.files.borrow_mut().iter_mut() {
            let inputs = feed.inputs(file);
            if file.made.as_ref().is_some_and(|made| Some(&made.inputs) != inputs.as_ref()) {
                file.unmake();
            }
        }
        spare(&mut analyst.files.borrow_mut(), &feed);
        if self.is_running() || next(&analyst.files.borrow(), &feed).is_none() {
            return;
        }
        self.wanted.borrow_mut().clone_from(&feed);
        let (me, them) = (Rc::clone(self), Rc::clone(analyst));
        let (work, handle) = abortable(async move {
            me.run_all(&them, &feed).await;
            me.work.take();
            me.current.set(None);
            them.take_in(true);
        });
        *self.work.borrow_mut() = Some(handle);
        spawn_local(async move {
            work.await.ok();
        });
    }

    async fn run_all(&self, analyst: &Rc<Analyst>, feed: &Feed) {
        loop {
            let Some(task) = next(&analyst.files.borrow(), feed) else { return };
            self.current.set(Some(task.id));
            analyst.change(task.id, |file| file.row.state = FileState::Reading);
            analyst.post_files();
            match self.run_one(analyst, &task).await {
                Ok((info, blob)) => {
                    self.losses.set(0);
                    let note = told(&info);
                    match open_made(format!("{}.safetensors", task.folder), blob.clone()).await {
                        Ok(trace) => {
                            let made = Made { info, blob, inputs: task.inputs.clone() };
                            analyst.change(task.id, |file| file.make(made, trace, note));
                        }
                        Err(message) => {
                            analyst.change(task.id, |file| file.fail(message));
                        }
                    }
                    analyst.take_in(false);
                }
                Err(Gone::Refused(message)) => {
                    analyst.change(task.id, |file| file.fail(message));
                    analyst.post_files();
                }
                Err(Gone::Device(reason)) => {
                    self.let_go();
                    self.lost(analyst, &task, &reason);
                }
            }
        }
    }

    /// A device or worker is gone. The first time a fresh one goes on, then the processor does; where that fails too, it
    /// is the checkpoint that does not go.
    fn lost(&self, analyst: &Rc<Analyst>, task: &Task, reason: &str) {
        let losses = self.losses.get() + 1;
        self.losses.set(losses);
        let folder = &task.folder;
        if losses <= LOSSES {
            let then = if losses < LOSSES { "It is started again." } else { "The processor goes on." };
            analyst.change(task.id, |file| file.row.state = FileState::Waiting);
            let message = format!("The engine stopped while it ran {folder}: {reason}. {then}");
            post(&Event::Failed { message });
            return;
        }
        let message = format!(
            "{folder}: the engine stopped on the processor too: {reason}. The checkpoint may need more memory than a page can have; run it with the command line."
        );
        analyst.change(task.id, |file| file.fail(message));
        analyst.post_files();
    }

    async fn run_one(&self, analyst: &Rc<Analyst>, task: &Task) -> Result<(MadeInfo, web_sys::Blob), Gone> {
        // Out of its place while it works: dropping this future ends the engine.
        let known = self.engine.take();
        let mut engine = match known {
            Some(engine) => engine,
            None => {
                self.loaded.borrow_mut().clear();
                Engine::start().await?
            }
        };
        let mut progress = |at: EngineProgress| self.progress(analyst, task, at);
        let made = if let Some(gates) = &task.gates {
            let files = [std::slice::from_ref(gates), &task.files].concat();
            engine.gates(&task.folder, &files, &mut progress).await?
        } else {
            if *self.loaded.borrow() != task.inputs {
                let files: Vec<_> = {
                    let files = analyst.files.borrow();
                    let wanted = files.iter().filter(|file| task.inputs.contains(&file.row.id));
                    wanted.filter_map(Entry::handle).collect()
                };
                *self.info.borrow_mut() = engine.inputs(&files).await?;
                self.loaded.borrow_mut().clone_from(&task.inputs);
            }
            let backend = if self.losses.get() >= LOSSES { Backend::Cpu } else { self.backend.get() };
            engine.run(&task.folder, &task.files, backend, &mut progress).await?
        };
        *self.engine.borrow_mut() = Some(engine);
        self.tell_processor(&made.0.processor);
        Ok(made)
    }

    fn tell_processor(&self, processor: &ProcessorInfo) {
        if self.processor.borrow().as_ref() != Some(processor) {
            *self.processor.borrow_mut() = Some(processor.clone());
            post(&Event::Processor(processor.clone()));
        }
    }

    fn progress(&self, analyst: &Rc<Analyst>, task: &Task, at: EngineProgress) {
        self.tell_processor(&at.processor);
        analyst.change(task.id, |file| file.row.bytes_read = at.read);
        let (mut number, mut count, mut before, mut total) = (0, 0, 0, 0);
        for file in analyst.files.borrow().iter().filter(|file| file.row.checkpoint) {
            count += 1;
            total += file.row.bytes;
            if file.row.id != task.id && (file.made.is_some() || file.row.state == FileState::Failed) {
                number += 1;
                before += file.row.bytes;
            }
        }
        // Experts that no token chose are not read, so that layers tell better than bytes how far it is.
        let share = at.done as f64 / at.layers.max(1) as f64;
        let done = before + (share * task.bytes as f64) as u64;
        let EngineProgress { done: layer, layers, tokens, .. } = at;
        let stage = format!(
            "running checkpoint {} of {count}: {}, layer {} of {layers}, {tokens} tokens",
            number + 1,
            last_part(&task.folder),
            (layer + 1).min(layers),
        );
        post(&Event::Progress(Progress { stage, done, total, unit: WorkUnit::Bytes }));
        analyst.post_files();
    }

    /// The parts of a run that the files are, with what checkpoints made of them: their traces, and the results of the
    /// items in place of the items.
    pub fn parts(&self, files: &[Entry]) -> Vec<Part> {
        let made = files.iter().any(|file| file.made.is_some());
        let mut results = if made { self.results(files) } else { None };
        let mut parts = Vec::new();
        let inputs = samples_and_items(files);
        let fed =
            |id| files.iter().any(|file| file.made.as_ref().is_some_and(|made| made.inputs.contains(&id)));
        for file in files {
            let Some(part) = file.part() else { continue };
            let asked = inputs.contains(&file.row.id);
            let what = match part.what {
                FileKind::Items if made && asked => match results.take() {
                    Some(results) => FileKind::Results(results),
                    // A further file of items: its results are with the first one's.
                    None => FileKind::SampleList(trace::SampleList { samples: Vec::new(), runnable: false }),
                },
                FileKind::GateInputs { .. } if fed(file.row.id) => {
                    FileKind::SampleList(trace::SampleList { samples: Vec::new(), runnable: false })
                }
                FileKind::Text if made && asked => {
                    FileKind::SampleList(trace::SampleList { samples: Vec::new(), runnable: true })
                }
                what => what,
            };
            parts.push(Part { what, ..part });
        }
        parts
    }

    /// Results of the items at the checkpoints that are through.
    fn results(&self, files: &[Entry]) -> Option<Results> {
        let info = self.info.borrow();
        if info.items.is_empty() {
            return None;
        }
        let mut by_step: BTreeMap<u64, &[Scored]> = BTreeMap::new();
        for file in files {
            if let (Some(step), Some(made)) = (file.row.step, &file.made) {
                by_step.entry(step).or_insert(&made.info.scores);
            }
        }
        let items = info.items.iter().enumerate().map(|(at, (id, domain))| {
            let each = |of: fn(&Scored) -> Option<bool>| {
                by_step.values().map(|scores| scores.get(at).and_then(of)).collect::<Vec<_>>()
            };
            Item {
                id: id.clone(),
                domain: domain.clone(),
                correct: each(|score| score.correct),
                acc: each(|score| score.acc),
                acc_norm: each(|score| score.acc_norm),
                embedding: None,
            }
        });
        Some(Results {
            model: Some("olmoe".to_owned()),
            steps: by_step.keys().copied().collect(),
            items: items.collect(),
            ..Results::default()
        })
    }

    /// Hands a trace, or the results, to the page as a file.
    pub fn save(&self, files: &[Entry], id: Option<usize>) {
        let saved = match id {
            Some(id) => files.iter().find(|file| file.row.id == id).and_then(|file| {
                let made = file.made.as_ref()?;
                let name = match file.row.step {
                    Some(step) => format!("step-{step:05}.safetensors"),
                    None => format!("{}.safetensors", last_part(&file.row.path)),
                };
                Some((name, made.blob.clone()))
            }),
            None => self.results(files).and_then(|results| {
                let text = js_sys::Array::of1(&trace::write_results(&results).ok()?.into());
                Some(("run.json".to_owned(), web_sys::Blob::new_with_str_sequence(&text).ok()?))
            }),
        };
        let Some((name, blob)) = saved else {
            let message =
                "Nothing was made here yet that could be saved: no checkpoint is through.".to_owned();
            post(&Event::Failed { message });
            return;
        };
        if let Ok(event) = to_js(&Event::Saved { name }) {
            scope().post_message(&object(&[("event", &event), ("file", &blob)])).ok();
        }
    }
}

/// The files that checkpoints are run on: samples as JSON lines, or else plain text; and items.
fn samples_and_items(files: &[Entry]) -> Vec<usize> {
    let lists = files.iter().any(|file| file.is_samples() && !matches!(file.what(), Some(FileKind::Text)));
    let wanted = |file: &&Entry| match file.what() {
        Some(FileKind::Items) => true,
        Some(FileKind::Text) => !lists,
        _ => file.is_samples(),
    };
    files.iter().filter(wanted).map(|file| file.row.id).collect()
}

/// What checkpoints are run on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Feed {
    /// The files of samples and items; none where there are no samples.
    samples: Vec<usize>,
    /// Files of what enters routers, and the steps that they are of. They count where there are no samples.
    gates: Vec<(usize, Option<u64>)>,
    /// Whether a single checkpoint and a single such file belong together whatever their steps.
    pair: bool,
}

impl Feed {
    fn of(files: &[Entry]) -> Self {
        let mut samples = samples_and_items(files);
        if !files.iter().any(|file| file.is_samples() && samples.contains(&file.row.id)) {
            samples.clear();
        }
        let gates: Vec<_> = files
            .iter()
            .filter(|file| samples.is_empty() && file.is_gate_inputs())
            .map(|file| (file.row.id, file.row.step))
            .collect();
        let pair = gates.len() == 1 && files.iter().filter(|file| file.row.checkpoint).count() == 1;
        Self { samples, gates, pair }
    }

    /// The files that a checkpoint is run on; none while it waits for some.
    fn inputs(&self, checkpoint: &Entry) -> Option<Vec<usize>> {
        if !self.samples.is_empty() {
            return Some(self.samples.clone());
        }
        let step = checkpoint.step.or(checkpoint.row.step);
        let fits = |of: Option<u64>| self.pair || (of.is_some() && of == step);
        self.gates.iter().find(|(_, of)| fits(*of)).map(|(id, _)| vec![*id])
    }
}

/// Marks checkpoints that need not be run, and says what the others wait for.
fn spare(files: &mut [Entry], feed: &Feed) {
    let is_file = |file: &&Entry| {
        !file.row.checkpoint && matches!(file.what(), Some(FileKind::Trace(_) | FileKind::Layer(_)))
    };
    let known: Vec<u64> = files.iter().filter(is_file).filter_map(|file| file.row.step).collect();
    for file in files.iter_mut().filter(|file| file.row.checkpoint && file.made.is_none()) {
        if matches!(file.row.state, FileState::Failed | FileState::Reading) {
            continue;
        }
        let step = file.step.or(file.row.step);
        if let Some(step) = step.filter(|step| known.contains(step)) {
            file.row.state = FileState::Skipped;
            file.row.messages = vec![format!(
                "A trace of step {step} is among the files already, so that the checkpoint is not run. Forget that trace to run it."
            )];
        } else {
            file.row.state = FileState::Waiting;
            let waits = if feed.inputs(file).is_some() {
                None
            } else if feed.gates.is_empty() {
                Some(
                    "It waits for samples to be run on: drop JSON lines with `id`, `domain` and `input_ids` or `text`, or plain text with a sample a line.",
                )
            } else {
                Some(
                    "It waits for what enters its routers: no file of such inputs is of its step. Steps are in the files' metadata (`step`) or names.",
                )
            };
            file.row.messages = waits.map(str::to_owned).into_iter().collect();
        }
    }
}

/// The next checkpoint to run, in the order of steps.
fn next(files: &[Entry], feed: &Feed) -> Option<Task> {
    let waiting = files.iter().filter(|file| file.row.checkpoint && file.row.state == FileState::Waiting);
    let fed = waiting.filter_map(|file| Some((file, feed.inputs(file)?)));
    let (first, inputs) = fed.min_by_key(|(file, _)| (file.row.step, file.row.id))?;
    let Door::Checkpoint(own) = &first.door else { return None };
    let gates = if feed.samples.is_empty() {
        files.iter().find(|file| inputs.contains(&file.row.id)).and_then(Entry::handle)
    } else {
        None
    };
    Some(Task {
        id: first.row.id,
        folder: first.row.path.clone(),
        files: own.clone(),
        bytes: first.row.bytes,
        inputs,
        gates,
    })
}

/// How a trace was made, for the file table.
fn told(info: &MadeInfo) -> String {
    let MadeInfo { tokens, passes, seconds, processor, .. } = info;
    let on = if processor.gpu { "on the GPU" } else { "on the CPU" };
    let passes = if *passes > 1 { format!(", in {passes} passes") } else { String::new() };
    format!("{tokens} tokens in {seconds:.1} s {on}{passes}.")
}

fn last_part(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}
