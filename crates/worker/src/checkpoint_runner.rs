//! Runs checkpoints one after the other in the engine. The engine is replaced when its device is
//! lost.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use protocol::{
    Event, FileState, Progress, WorkUnit,
    engine::{Backend, EngineProgress, InputsInfo, MadeInfo, ProcessorInfo},
};
use report::Part;
use web_sys::Blob;

use crate::{
    activity::{Activity, Task},
    child::UNLOADED,
    computed::{self, last_part},
    engine::{Engine, EngineExit},
    entry::{ComputedTrace, Entry},
    file_table::FileTable,
    opening::open_computed,
    post::post,
    run_inputs::{CheckpointTask, RunInputs},
};

/// Losses in a row after which checkpoints run on the CPU. The first loss may be an accident.
const MAX_LOSSES: u32 = 2;

/// Runs the checkpoints among the files.
pub struct CheckpointRunner {
    files: Rc<FileTable>,
    activity: Rc<Activity>,
    /// Kept between checkpoints with its compiled shaders and its inputs.
    engine: RefCell<Option<Engine>>,
    backend: Cell<Backend>,
    /// Inputs of the current work.
    wanted: RefCell<RunInputs>,
    /// Rows of the input files that the engine has read.
    loaded: RefCell<Vec<usize>>,
    info: RefCell<InputsInfo>,
    /// Row of the current checkpoint.
    current: Cell<Option<usize>>,
    /// Engines lost in a row.
    losses: Cell<u32>,
    processor: RefCell<Option<ProcessorInfo>>,
}

/// What the runner has finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finished {
    /// One checkpoint; others follow.
    One,
    /// All checkpoints.
    All,
}

impl CheckpointRunner {
    /// A runner without an engine, which is started for the first checkpoint.
    pub fn new(files: Rc<FileTable>, activity: Rc<Activity>) -> Self {
        Self {
            files,
            activity,
            engine: RefCell::default(),
            backend: Cell::default(),
            wanted: RefCell::default(),
            loaded: RefCell::default(),
            info: RefCell::default(),
            current: Cell::default(),
            losses: Cell::default(),
            processor: RefCell::default(),
        }
    }

    /// Whether a checkpoint is being run.
    pub fn is_running(&self) -> bool {
        self.activity.is_running(Task::Checkpoints)
    }

    /// Row of the current checkpoint.
    pub fn current(&self) -> Option<usize> {
        self.current.get()
    }

    /// Stops immediately by ending the engine.
    pub fn stop(&self) {
        self.activity.stop(Task::Checkpoints);
        self.current.set(None);
        self.end_engine();
    }

    fn end_engine(&self) {
        self.engine.take();
        self.loaded.borrow_mut().clear();
    }

    /// Sets the backend for further checkpoints. Returns whether it has stopped a checkpoint.
    pub fn use_backend(&self, backend: Backend) -> bool {
        if self.backend.replace(backend) == backend {
            return false;
        }
        self.losses.set(0);
        let running = self.is_running();
        self.stop();
        running
    }

    /// Starts to run all checkpoints that have inputs and no trace. `on_finished` is called after
    /// each checkpoint and at the end.
    pub fn start(self: &Rc<Self>, on_finished: impl Fn(Finished) + 'static) {
        let inputs = self.files.read(RunInputs::of);
        if self.is_running() && *self.wanted.borrow() != inputs {
            self.stop();
        }
        self.files.change_all(|files| inputs.mark(files));
        if self.is_running() || self.files.read(|files| inputs.next(files)).is_none() {
            return;
        }
        self.wanted.borrow_mut().clone_from(&inputs);
        let (me, on_finished) = (Rc::clone(self), Rc::new(on_finished));
        let (runner, on_one) = (Rc::clone(self), Rc::clone(&on_finished));
        self.activity.start(
            Task::Checkpoints,
            async move { runner.run_all(&inputs, &*on_one).await },
            move |()| {
                me.current.set(None);
                on_finished(Finished::All);
            },
        );
    }

    async fn run_all(&self, inputs: &RunInputs, on_finished: &impl Fn(Finished)) {
        loop {
            let Some(task) = self.files.read(|files| inputs.next(files)) else { return };
            self.current.set(Some(task.id));
            self.files.change(task.id, |file| file.row.state = FileState::Reading);
            self.files.post();
            match self.run(&task).await {
                Ok((info, blob)) => {
                    self.losses.set(0);
                    let note = note(&info);
                    match open_computed(format!("{}.safetensors", task.folder), blob.clone()).await {
                        Ok(trace) => {
                            let computed = ComputedTrace { info, blob, inputs: task.inputs.clone() };
                            self.files.change(task.id, |file| file.apply_trace(computed, trace, note));
                        }
                        Err(message) => {
                            self.files.change(task.id, |file| file.fail(message));
                        }
                    }
                    on_finished(Finished::One);
                }
                Err(EngineExit::Refused(message)) => {
                    self.files.change(task.id, |file| file.fail(message));
                    self.files.post();
                }
                Err(EngineExit::Device(reason)) => {
                    self.end_engine();
                    self.on_loss(&task, &reason);
                }
            }
        }
    }

    /// Handles the loss of a device or worker. A new engine repeats the checkpoint, on the CPU
    /// after [`MAX_LOSSES`]; if that engine is lost too, the checkpoint fails.
    fn on_loss(&self, task: &CheckpointTask, reason: &str) {
        let folder = &task.folder;
        if reason.contains(UNLOADED) {
            let message = format!(
                "{folder}: the engine could not be loaded. You are offline, or the server of this page is, and this browser has not kept the engine. Connect and add the checkpoint again; the help (?) can keep the engine."
            );
            self.files.change(task.id, |file| file.fail(message));
            self.files.post();
            return;
        }
        let losses = self.losses.get() + 1;
        self.losses.set(losses);
        if losses <= MAX_LOSSES {
            let then = if losses < MAX_LOSSES { "It is started again." } else { "The processor goes on." };
            self.files.change(task.id, |file| file.row.state = FileState::Waiting);
            let message = format!("The engine stopped while it ran {folder}: {reason}. {then}");
            post(&Event::Notice { message });
            return;
        }
        let message = format!(
            "{folder}: the engine stopped on the processor too: {reason}. The checkpoint may need more memory than a page can have; run it with the command line."
        );
        self.files.change(task.id, |file| file.fail(message));
        self.files.post();
    }

    async fn run(&self, task: &CheckpointTask) -> Result<(MadeInfo, Blob), EngineExit> {
        // The engine is moved into this future, so that dropping the future ends it.
        let known = self.engine.take();
        let mut engine = match known {
            Some(engine) => engine,
            None => {
                self.loaded.borrow_mut().clear();
                Engine::start().await?
            }
        };
        let mut progress = |progress: EngineProgress| self.post_progress(task, progress);
        let traced = if let Some(gates) = &task.gates {
            let files = [std::slice::from_ref(gates), &task.files].concat();
            engine.gates(&task.folder, &files, &mut progress).await?
        } else {
            if *self.loaded.borrow() != task.inputs {
                let files: Vec<_> = self.files.read(|files| {
                    let wanted = files.iter().filter(|file| task.inputs.contains(&file.row.id));
                    wanted.filter_map(Entry::handle).collect()
                });
                *self.info.borrow_mut() = engine.inputs(&files).await?;
                self.loaded.borrow_mut().clone_from(&task.inputs);
            }
            let backend = if self.losses.get() >= MAX_LOSSES { Backend::Cpu } else { self.backend.get() };
            engine.run(&task.folder, &task.files, backend, &mut progress).await?
        };
        *self.engine.borrow_mut() = Some(engine);
        self.post_processor(&traced.0.processor);
        Ok(traced)
    }

    fn post_processor(&self, processor: &ProcessorInfo) {
        if self.processor.borrow().as_ref() != Some(processor) {
            *self.processor.borrow_mut() = Some(processor.clone());
            post(&Event::Processor(processor.clone()));
        }
    }

    fn post_progress(&self, task: &CheckpointTask, progress: EngineProgress) {
        self.post_processor(&progress.processor);
        self.files.change(task.id, |file| file.row.bytes_read = progress.read);
        let (mut number, mut count, mut before, mut total) = (0, 0, 0, 0);
        self.files.read(|files| {
            for file in files.iter().filter(|file| file.row.checkpoint) {
                count += 1;
                total += file.row.bytes;
                let done = file.computed.is_some() || file.row.state == FileState::Failed;
                if file.row.id != task.id && done {
                    number += 1;
                    before += file.row.bytes;
                }
            }
        });
        // In layers, not in bytes, because experts that no token selects are not read.
        let share = progress.done as f64 / progress.layers.max(1) as f64;
        let done = before + (share * task.bytes as f64) as u64;
        let EngineProgress { done: layer, layers, tokens, .. } = progress;
        let stage = format!(
            "running checkpoint {} of {count}: {}, layer {} of {layers}, {tokens} tokens",
            number + 1,
            last_part(&task.folder),
            (layer + 1).min(layers),
        );
        post(&Event::Progress(Progress { stage, done, total, unit: WorkUnit::Bytes }));
        self.files.post();
    }

    /// The parts of a run, with the computed traces and results.
    pub fn parts(&self) -> Vec<Part> {
        self.files.read(|files| computed::parts(files, &self.info.borrow().items))
    }

    /// Posts a computed trace, or the results, as a file to save.
    pub fn save(&self, id: Option<usize>) {
        self.files.read(|files| computed::save(files, &self.info.borrow().items, id));
    }

    /// Posts all computed traces and the results.
    pub fn post_traces(&self) {
        self.files.read(|files| computed::post_traces(files, &self.info.borrow().items));
    }
}

/// A note for the file table on how a trace was computed.
fn note(info: &MadeInfo) -> String {
    let MadeInfo { tokens, passes, seconds, processor, .. } = info;
    let on = if processor.gpu { "on the GPU" } else { "on the CPU" };
    let passes = if *passes > 1 { format!(", in {passes} passes") } else { String::new() };
    format!("{tokens} tokens in {seconds:.1} s {on}{passes}.")
}
