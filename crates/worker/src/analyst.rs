//! The analyst: it owns the files and the run, and answers the page's jobs.
//!
//! Every job that changes something stops the work under way and starts it again; what was computed is remembered, so
//! only what is new is done.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use futures::{
    StreamExt as _,
    future::{AbortHandle, abortable},
    stream,
};
use js_sys::Array;
use protocol::{
    Event, FileRow, FileState, Job, Progress, WorkUnit,
    addresses::{self, Address},
    scope::{listen, now, property},
};
use report::{Analysis, Report, Settings, TraceRun};
use trace::{IdsSettings, listing::Listed};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::DedicatedWorkerGlobalScope;

use crate::{
    conductor::Conductor,
    files::{Door, Entry, Inside},
    folders,
    map::Map,
    opening::{Content, Members, open},
    pool::Pool,
    post::{post, post_report},
    survey::Survey,
    watcher::{TICK, Watcher},
    write::write,
    yielding::turn,
};

/// Milliseconds that an analysis is given before a further checkpoint starts it again.
const PATIENCE: f64 = 4_000.0;

/// Files opened at once: what a browser asks of one server at the same time.
const OPENED_AT_ONCE: usize = 6;

/// Starts to answer.
pub fn start(scope: &DedicatedWorkerGlobalScope) {
    let analyst = Rc::new(Analyst::new());
    let me = Rc::clone(&analyst);
    listen(scope, move |message| {
        let data = message.data();
        match serde_wasm_bindgen::from_value::<Job>(property(&data, "job")) {
            Ok(job) => {
                let files = property(&data, "files").dyn_into::<Array>().unwrap_or_default();
                me.take(job, &files);
            }
            Err(error) => post(&Event::Failed {
                message: format!("The page asked for something unknown ({error}). Reload the page."),
            }),
        }
    });
    analyst.pool.post_status();
}

/// How one try to analyse the good files ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// With a report, or with a message why there is none.
    Ended,
    /// One more file turned out bad; the others can be tried without it.
    LeftOneOut,
}

/// Owns the files and the run.
pub struct Analyst {
    /// Computes distances.
    pub pool: Pool,
    /// The files, in the order in which they came.
    pub files: RefCell<Vec<Entry>>,
    /// Runs checkpoints.
    pub conductor: Rc<Conductor>,
    survey: Survey,
    /// The map of all pairwise distances.
    pub map: Map,
    next_file: Cell<usize>,
    /// How many experts a layer has, where the user said it.
    pub experts: Cell<Option<usize>>,
    /// All settings.
    pub settings: RefCell<Settings>,
    title: RefCell<String>,
    /// The good files, put together.
    pub run: RefCell<Option<Rc<TraceRun>>>,
    /// Remembers what was computed.
    pub analysis: Rc<Analysis>,
    work: RefCell<Option<AbortHandle>>,
    /// When the analysis under way was started; none where there is none.
    since: Cell<Option<f64>>,
    /// Whether a checkpoint has come through since then.
    stale: Cell<bool>,
}

impl Analyst {
    fn new() -> Self {
        Self {
            pool: Pool::new(),
            files: RefCell::default(),
            next_file: Cell::new(0),
            experts: Cell::new(None),
            settings: RefCell::default(),
            title: RefCell::default(),
            run: RefCell::default(),
            analysis: Rc::default(),
            work: RefCell::default(),
            since: Cell::new(None),
            stale: Cell::new(false),
            conductor: Rc::default(),
            survey: Survey::default(),
            map: Map::default(),
        }
    }

    fn take(self: &Rc<Self>, job: Job, files: &Array) {
        match job {
            Job::AddFiles { paths } => {
                self.add_sorted(&paths, &|at| Some(files.get(at as u32)), None);
                self.restart();
            }
            Job::AddUrls { urls } => {
                for url in urls {
                    match addresses::read(&url) {
                        Address::File(url) => {
                            let path = url.rsplit('/').next().unwrap_or(&url).to_string();
                            self.add(path, Door::Address(url), None);
                        }
                        Address::Folder(url) => {
                            self.add(addresses::folder_name(&url), Door::Folder(url), None);
                        }
                        Address::Index(url) => {
                            self.add(url.clone(), Door::Index(url), None);
                        }
                    }
                }
                self.restart();
            }
            Job::Clear => {
                self.stop();
                self.conductor.stop();
                for file in self.files.take() {
                    self.analysis.forget(file.row.id);
                }
                self.survey.clear();
                self.map.forget();
                self.experts.set(None);
                self.run.take();
                self.post_files();
            }
            Job::RemoveFile { id } => {
                if self.conductor.current() == Some(id) {
                    self.conductor.stop();
                }
                // An archive or a list takes its files along.
                let gone = |file: &Entry| file.row.id == id || file.within == Some(id);
                let left: Vec<Entry> = self.files.borrow_mut().extract_if(.., |file| gone(file)).collect();
                for file in left {
                    self.analysis.forget(file.row.id);
                    self.survey.forget(file.row.id);
                }
                self.restart();
            }
            Job::SetStep { id, step } => {
                for file in self.files.borrow_mut().iter_mut().filter(|file| file.row.id == id) {
                    file.step = Some(step);
                    file.row.step = Some(step);
                }
                self.restart();
            }
            Job::Propose { id } => self.propose(id),
            Job::UseMapping { id, choices, experts, step } => {
                let me = Rc::clone(self);
                spawn_local(async move { me.use_mapping(id, &choices, experts, step).await });
            }
            Job::UseShape { id, layers, top_k, experts } => {
                let ids = IdsSettings { experts, layers: Some(layers), top_k: Some(top_k) };
                let me = Rc::clone(self);
                spawn_local(async move { me.use_shape(id, ids).await });
            }
            Job::UseExperts { experts } => {
                let me = Rc::clone(self);
                spawn_local(async move { me.use_experts(experts).await });
            }
            Job::Configure { settings } => match settings.check() {
                Ok(()) => {
                    *self.settings.borrow_mut() = settings;
                    self.restart();
                }
                Err(error) => post(&Event::Failed { message: error.to_string() }),
            },
            Job::Rename { title } => {
                *self.title.borrow_mut() = title;
            }
            Job::UseBackend { backend } => {
                self.pool.use_backend(backend);
                if self.conductor.use_backend(backend) {
                    self.restart();
                }
            }
            Job::Save { id } => self.conductor.save(&self.files.borrow(), id),
            Job::Cancel => {
                self.stop();
                self.conductor.stop();
                for file in
                    self.files.borrow_mut().iter_mut().filter(|file| file.row.state == FileState::Reading)
                {
                    file.row.state = FileState::Waiting;
                }
                post(&Event::Cancelled);
                self.post_files();
            }
            Job::Map(ask) => self.map.show(self, ask),
            Job::MapPair { places, checkpoint, open } => self.map.pair(self, places, checkpoint, open),
            Job::MapPart { rows, columns, checkpoint } => self.map.part(self, rows, columns, checkpoint),
            Job::MapSave { checkpoint } => self.map.save(self, checkpoint),
            Job::Write { request_id, report, title, form } => {
                let outcome = write(&report, title, form);
                post(&Event::Written { request_id, outcome });
            }
            Job::FindSamples { query, limit } => self.find_samples(&query, limit),
            Job::ChoosePair { choice, checkpoint } => {
                let me = Rc::clone(self);
                spawn_local(async move { me.choose_pair(choice, checkpoint).await });
            }
        }
    }

    /// Adds a file, which may be within one that is there already.
    fn add(&self, path: String, door: Door, within: Option<usize>) -> usize {
        let id = self.next_file.get();
        self.next_file.set(id + 1);
        self.files.borrow_mut().push(Entry::new(id, path, door, within));
        id
    }

    /// Adds files that came together, each a `File` or an address: a checkpoint's folder is one entry, every other file is
    /// one itself.
    fn add_sorted(&self, paths: &[String], handle: &dyn Fn(usize) -> Option<JsValue>, within: Option<usize>) {
        let sorted = folders::sort(paths);
        for folders::Folder { path, files } in sorted.folders {
            let files = files.into_iter().filter_map(|at| Some((paths.get(at)?.clone(), handle(at)?)));
            let path = if path.is_empty() { "checkpoint".to_owned() } else { path };
            self.add(path, Door::Checkpoint(files.collect()), within);
        }
        for at in sorted.others {
            let (Some(path), Some(file)) = (paths.get(at), handle(at)) else { continue };
            let door = match (file.as_string(), file.dyn_into::<web_sys::File>()) {
                (Some(url), _) => Door::Address(url),
                (None, Ok(file)) => Door::Disk(file),
                (None, Err(_)) => continue,
            };
            let id = self.add(path.clone(), door, within);
            if sorted.tokenizers.contains(&at) {
                self.change(id, |entry| entry.serve("tokenizer"));
            }
        }
    }

    /// Adds what a list names.
    fn add_listed(&self, listed: Vec<Listed>, list: usize) {
        let (folders, files): (Vec<_>, Vec<_>) = listed.into_iter().partition(|one| one.url.ends_with('/'));
        for Listed { url, .. } in folders {
            self.add(addresses::folder_name(&url), Door::Folder(url), Some(list));
        }
        let (paths, urls): (Vec<_>, Vec<_>) =
            files.into_iter().map(|Listed { path, url }| (path, url)).unzip();
        let address = |at: usize| urls.get(at).map(|url: &String| JsValue::from_str(url));
        self.add_sorted(&paths, &address, Some(list));
    }

    fn stop(&self) {
        if let Some(work) = self.work.take() {
            work.abort();
        }
        self.map.stop();
        self.since.set(None);
        self.pool.clear();
    }

    /// Whether neither an analysis nor a checkpoint is under way.
    pub fn is_idle(&self) -> bool {
        self.since.get().is_none() && !self.conductor.is_running()
    }

    /// A checkpoint has come through, or none is left. An analysis that is under way is given some time first.
    pub fn take_in(self: &Rc<Self>, last: bool) {
        let young = self.since.get().is_some_and(|since| now() - since < PATIENCE);
        if last || !young {
            self.restart();
        } else {
            self.stale.set(true);
        }
    }

    /// Does all work anew; what was computed is remembered.
    pub fn restart(self: &Rc<Self>) {
        self.stop();
        self.since.set(Some(now()));
        self.stale.set(false);
        let me = Rc::clone(self);
        let (work, handle) = abortable(async move {
            me.work().await;
            me.since.set(None);
            if me.stale.get() {
                me.restart();
            }
        });
        *self.work.borrow_mut() = Some(handle);
        spawn_local(async move {
            work.await.ok();
        });
    }

    async fn work(self: &Rc<Self>) {
        // The files in archives are known when these are opened.
        while self.files.borrow().iter().any(Entry::is_waiting) {
            self.open_files().await;
        }
        self.apply_experts().await;
        self.ask();
        let reports = self.take_reports();
        self.conductor.conduct(self);
        let (traces, anything) = {
            let files = self.files.borrow();
            let is_trace = |file: &Entry| {
                matches!(file.what(), Some(trace::FileKind::Trace(_) | trace::FileKind::Layer(_)))
            };
            (files.iter().any(is_trace), files.iter().any(|file| file.part().is_some()))
        };
        // Checkpoints become traces later, or wait for samples, which their rows say.
        let waiting = self.files.borrow().iter().any(|file| file.row.checkpoint) && !traces;
        if waiting || !anything {
            self.post_files();
            if let Some(report) = reports {
                post_report(&report, true);
            }
            if !self.conductor.is_running() {
                self.survey.look(self, &Watcher::new(self)).await;
            }
        } else {
            while self.analyse().await == Outcome::LeftOneOut {}
            self.post_files();
        }
        if !self.conductor.is_running() {
            post(&Event::Idle);
        }
    }

    /// Analyses the good files. A trace that turns out bad while it is read is marked, and the rest goes on.
    async fn analyse(&self) -> Outcome {
        let parts = self.conductor.parts(&self.files.borrow());
        let run = match report::assemble(&parts) {
            Ok(run) => Rc::new(run),
            Err(error) => {
                self.run.take();
                post(&Event::Failed { message: error.to_string() });
                return Outcome::Ended;
            }
        };
        self.judge(&run);
        *self.run.borrow_mut() = Some(Rc::clone(&run));
        let settings = self.settings.borrow().clone();
        let watcher = Watcher::new(self);
        let title = self.title.borrow().clone();
        match self.analysis.analyse(&run, &settings, &title, &self.pool, &watcher).await {
            Ok(report) => {
                post_report(&self.titled(report), !self.conductor.is_running());
                Outcome::Ended
            }
            Err(report::Error::Checkpoint { file, source }) => {
                for entry in self.files.borrow_mut().iter_mut().filter(|entry| entry.row.id == file) {
                    entry.fail(source.to_string());
                }
                Outcome::LeftOneOut
            }
            Err(error) => {
                post(&Event::Failed { message: error.to_string() });
                Outcome::Ended
            }
        }
    }

    /// The report under its title, which may have changed while the work was under way.
    pub fn titled(&self, report: Report) -> Report {
        Report { title: self.title.borrow().clone(), ..report }
    }

    async fn open_files(&self) {
        let waiting: Vec<usize> =
            self.files.borrow().iter().filter(|file| file.is_waiting()).map(|file| file.row.id).collect();
        let last_tick = Cell::new(0.0);
        stream::iter(waiting)
            .for_each_concurrent(OPENED_AT_ONCE, |id| {
                let last_tick = &last_tick;
                async move {
                    let Some(ticket) = self.change(id, Entry::ticket).flatten() else { return };
                    if now() - last_tick.get() > TICK {
                        last_tick.set(now());
                        self.post_files();
                        self.post_opening();
                        turn().await;
                    }
                    let opened = open(ticket).await;
                    match self.change(id, |file| file.settle(opened)) {
                        Some(Inside::Members(Members { checkpoints, others })) => {
                            for (path, files) in checkpoints {
                                self.add(path, Door::Checkpoint(files), Some(id));
                            }
                            for (file, serves) in others {
                                let member = self.add(file.name().to_owned(), Door::Member(file), Some(id));
                                if serves {
                                    self.change(member, |entry| entry.serve("tokenizer"));
                                }
                            }
                        }
                        Some(Inside::Addresses(files)) => self.add_listed(files, id),
                        Some(Inside::Nothing) | None => {}
                    }
                }
            })
            .await;
        self.post_files();
    }

    /// Changes a file's entry; `None` where the file is gone.
    pub fn change<T>(&self, id: usize, change: impl FnOnce(&mut Entry) -> T) -> Option<T> {
        self.files.borrow_mut().iter_mut().find(|file| file.row.id == id).map(change)
    }

    fn post_opening(&self) {
        let files = self.files.borrow();
        let total = files.iter().map(|file| file.row.bytes).sum();
        let done = files.iter().filter(|file| !file.is_waiting()).map(|file| file.row.bytes).sum();
        post(&Event::Progress(Progress {
            stage: "opening files".into(),
            done,
            total,
            unit: WorkUnit::Bytes,
        }));
    }

    /// A dropped report is shown as it is.
    fn take_reports(&self) -> Option<Report> {
        let mut files = self.files.borrow_mut();
        let mut last = None;
        for file in files.iter_mut() {
            if let Some(Content::Report(report)) = &file.content {
                last = Some((**report).clone());
                file.judge(true, None);
            }
        }
        last
    }

    fn judge(&self, run: &TraceRun) {
        for file in self.files.borrow_mut().iter_mut() {
            if file.serves {
                file.judge(true, None);
            } else if let Some(verdict) = run.verdicts.iter().rev().find(|verdict| verdict.id == file.row.id)
            {
                file.judge(verdict.used, verdict.text.clone());
            }
        }
        self.post_files();
    }

    /// Posts the file table.
    pub fn post_files(&self) {
        let rows: Vec<FileRow> = self.files.borrow().iter().map(Entry::row).collect();
        post(&Event::Files { rows });
    }
}
