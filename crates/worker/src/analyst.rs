//! The analyst: it owns the files and the run, and answers the page's jobs.
//!
//! Every job that changes the files or the settings stops the analysis and starts it again. Results
//! are cached, so only what depends on the change is computed.

use std::{cell::Cell, rc::Rc};

use js_sys::Array;
use protocol::{
    Drawing, Drawn, Event, Job,
    scope::{listen, property},
};
use report::{Group, Settings};
use trace::IdsSettings;
use wasm_bindgen::JsCast as _;
use wasm_bindgen_futures::spawn_local;
use web_sys::DedicatedWorkerGlobalScope;

use crate::{
    activity::{Activity, Task},
    analysis_progress::AnalysisProgress,
    answers::Answers,
    checkpoint_runner::{CheckpointRunner, Finished},
    child,
    drawings::Drawings,
    file_table::FileTable,
    flows::Flows,
    map::Map,
    pathways,
    pool::Pool,
    post::{post, post_report},
    router_survey::RouterSurvey,
    run_state::RunState,
    tokens::Tokens,
    write::write,
};

/// Minimum milliseconds of an analysis before a further checkpoint starts it again.
const MIN_ANALYSIS: f64 = 4_000.0;

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
    analyst.state.pool().post_status();
}

/// The outcome of one attempt to analyse the readable files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// A report or an error was posted.
    Ended,
    /// A file or some samples turned out to be unusable. The others can be analysed without them.
    Incomplete,
}

/// Passes the page's jobs to the actors that own the files, the run and the work.
struct Analyst {
    files: Rc<FileTable>,
    state: Rc<RunState>,
    activity: Rc<Activity>,
    answers: Rc<Answers>,
    runner: Rc<CheckpointRunner>,
    survey: RouterSurvey,
    map: Map,
    drawings: Drawings,
    flows: Rc<Flows>,
    tokens: Rc<Tokens>,
    /// Whether a checkpoint was finished since the analysis was started.
    outdated: Cell<bool>,
}

impl Analyst {
    fn new() -> Self {
        let files = Rc::new(FileTable::default());
        let activity = Rc::new(Activity::default());
        let state = Rc::new(RunState::new(Pool::new()));
        Self {
            answers: Rc::new(Answers::new(Rc::clone(&files))),
            runner: Rc::new(CheckpointRunner::new(Rc::clone(&files), Rc::clone(&activity))),
            survey: RouterSurvey::new(Rc::clone(&files)),
            map: Map::new(Rc::clone(&state), Rc::clone(&activity)),
            drawings: Drawings::default(),
            flows: Rc::default(),
            tokens: Rc::default(),
            files,
            state,
            activity,
            outdated: Cell::new(false),
        }
    }

    fn take(self: &Rc<Self>, job: Job, files: &Array) {
        match job {
            Job::AddFiles { paths } => {
                self.files.add_files(&paths, &|at| Some(files.get(at as u32)), None);
                self.restart();
            }
            Job::AddUrls { urls } => {
                self.files.add_urls(urls);
                self.restart();
            }
            Job::ChildExited { id, reason } => child::exited(id, &reason),
            Job::Clear => self.clear(),
            Job::RemoveFile { id } => self.remove_file(id),
            Job::SetStep { id, step } => {
                self.files.change(id, |file| {
                    file.step = Some(step);
                    file.row.step = Some(step);
                });
                self.restart();
            }
            Job::Propose { id } => self.answers.propose(id),
            Job::UseMapping { id, choices, experts, step } => {
                self.answer(async move |answers| answers.use_mapping(id, &choices, experts, step).await);
            }
            Job::UseShape { id, layers, top_k, experts } => {
                let ids = IdsSettings { experts, layers: Some(layers), top_k: Some(top_k) };
                self.answer(async move |answers| answers.use_shape(id, ids).await);
            }
            Job::UseExperts { experts } => {
                self.answer(async move |answers| answers.use_experts(experts).await);
            }
            Job::Configure { settings } => self.configure(settings),
            Job::Rename { title } => self.state.set_title(title),
            Job::UseBackend { backend } => {
                self.state.pool().use_backend(backend);
                if self.runner.use_backend(backend) {
                    self.restart();
                }
            }
            Job::Save { id } => self.runner.save(id),
            Job::Traces => self.runner.post_traces(),
            Job::Cancel => {
                self.stop();
                self.runner.stop();
                self.files.reset_reading();
                post(&Event::Cancelled);
                self.files.post();
            }
            Job::Map(request) => self.map.measure(request),
            Job::MapPair { places, checkpoint, open } => self.map.pair(places, checkpoint, open),
            Job::MapPart { rows, columns, checkpoint } => self.map.part(rows, columns, checkpoint),
            Job::MapSave { checkpoint } => self.map.save(checkpoint),
            Job::Hold { report, second } => self.drawings.hold(&report, second),
            Job::Draw { request_id, drawing: drawing @ Drawing::Flow { .. } } => {
                self.draw_flow(request_id, drawing);
            }
            Job::Draw { request_id, drawing: drawing @ Drawing::Tokens { .. } } => {
                self.draw_tokens(request_id, drawing);
            }
            Job::Draw { request_id, drawing } => {
                let drawn = Box::new(self.drawings.draw(&drawing));
                post(&Event::Drawn { request_id, drawn });
            }
            Job::Write { request_id, report, title, form } => {
                let outcome = write(&report, title, form);
                post(&Event::Written { request_id, outcome });
            }
            Job::Change { from, to } => self.change(from, to),
            Job::FindSamples { query, limit } => pathways::find_samples(&self.state, &query, limit),
            Job::ChoosePair { choice, checkpoint } => {
                let state = Rc::clone(&self.state);
                let choose = async move { pathways::choose_pair(&state, choice, checkpoint).await };
                self.activity.start(Task::Pair, choose, |()| ());
            }
        }
    }

    /// Computes and draws the flow between layers; a new request replaces the previous one.
    fn draw_flow(&self, request_id: u32, drawing: Drawing) {
        let Drawing::Flow { domain, checkpoints, least, options } = drawing else { return };
        let (state, flows, held) = (Rc::clone(&self.state), Rc::clone(&self.flows), self.drawings.held());
        let draw = async move {
            let drawn = match held {
                Some(report) => flows.draw(&state, &report, &domain, checkpoints, least, &options).await,
                None => Drawn::default(),
            };
            post(&Event::Drawn { request_id, drawn: Box::new(drawn) });
        };
        self.activity.start(Task::Flow, draw, |()| ());
    }

    /// Reads and draws the experts of single tokens; a new request replaces the previous one.
    fn draw_tokens(&self, request_id: u32, drawing: Drawing) {
        let (state, tokens, held) = (Rc::clone(&self.state), Rc::clone(&self.tokens), self.drawings.held());
        let draw = async move {
            let drawn = match held {
                Some(report) => tokens.draw(&state, &report, &drawing).await,
                None => Drawn::default(),
            };
            post(&Event::Drawn { request_id, drawn: Box::new(drawn) });
        };
        self.activity.start(Task::Tokens, draw, |()| ());
    }

    /// Posts the changes of every domain and group between two checkpoints.
    fn change(&self, from: usize, to: usize) {
        let Some(run) = self.state.run() else { return };
        let (analysis, settings) = (self.state.analysis(), self.state.settings());
        let mut changes = Vec::new();
        for domain in &run.domains {
            for group in [Group::Memorized, Group::All] {
                let found = analysis.change_between(&run, &settings, &domain.name, group, from, to);
                changes.extend(found.map(|found| (domain.name.clone(), found)));
            }
        }
        post(&Event::Changes(changes));
    }

    fn clear(&self) {
        self.stop();
        self.activity.stop(Task::Flow);
        self.activity.stop(Task::Tokens);
        self.runner.stop();
        for id in self.files.clear() {
            self.state.analysis().forget(id);
        }
        self.survey.clear();
        self.map.clear();
        self.answers.clear();
        self.state.set_run(None);
        self.files.post();
    }

    fn remove_file(self: &Rc<Self>, id: usize) {
        if self.runner.current() == Some(id) {
            self.runner.stop();
        }
        for removed in self.files.remove(id) {
            self.state.analysis().forget(removed);
            self.survey.forget(removed);
        }
        self.restart();
    }

    fn configure(self: &Rc<Self>, settings: Settings) {
        match settings.check() {
            Ok(()) => {
                self.state.set_settings(settings);
                self.restart();
            }
            Err(error) => post(&Event::Failed { message: error.to_string() }),
        }
    }

    /// Applies an answer of the user, and starts the analysis again if it has changed files.
    fn answer(self: &Rc<Self>, apply: impl AsyncFnOnce(Rc<Answers>) -> bool + 'static) {
        let me = Rc::clone(self);
        spawn_local(async move {
            if apply(Rc::clone(&me.answers)).await {
                me.restart();
            }
        });
    }

    /// Stops everything except for the checkpoints and the drawings: no new report may follow, at which the page would ask
    /// for them again.
    fn stop(&self) {
        self.activity.stop(Task::Analysis);
        self.activity.stop(Task::Pair);
        self.map.stop();
        self.state.pool().clear();
    }

    /// Starts the analysis again.
    fn restart(self: &Rc<Self>) {
        self.stop();
        self.outdated.set(false);
        let (me, then) = (Rc::clone(self), Rc::clone(self));
        self.activity.start(Task::Analysis, async move { me.work().await }, move |()| {
            if then.outdated.get() {
                then.restart();
            }
        });
    }

    /// Adds a finished checkpoint to the report. An analysis that has just started is not
    /// interrupted.
    fn on_finished(self: &Rc<Self>, finished: Finished) {
        let is_young = self.activity.age(Task::Analysis).is_some_and(|age| age < MIN_ANALYSIS);
        if finished == Finished::All || !is_young {
            self.restart();
        } else {
            self.outdated.set(true);
        }
    }

    async fn work(self: &Rc<Self>) {
        self.files.open_all().await;
        self.answers.apply_experts().await;
        self.answers.ask();
        let report = self.files.use_reports();
        let me = Rc::clone(self);
        self.runner.start(move |finished| me.on_finished(finished));
        // Checkpoints become traces later, or wait for samples.
        let (waiting, any) = self.files.read(|files| {
            let has_checkpoint = files.iter().any(|file| file.row.checkpoint);
            let has_trace = files.iter().any(|file| file.is_trace());
            (has_checkpoint && !has_trace, files.iter().any(|file| file.part().is_some()))
        });
        if waiting || !any {
            self.files.post();
            if let Some(report) = report {
                post_report(&report, true);
            }
            if !self.runner.is_running() {
                self.survey.run(&self.progress()).await;
            }
        } else {
            while self.analyse().await == Outcome::Incomplete {}
            self.files.post();
        }
        if !self.runner.is_running() {
            post(&Event::Idle);
        }
    }

    fn progress(&self) -> AnalysisProgress {
        AnalysisProgress::new(Rc::clone(&self.files), Rc::clone(&self.state), Rc::clone(&self.activity))
    }

    /// Analyses the readable files and marks those that turn out to be unreadable.
    async fn analyse(&self) -> Outcome {
        let parts = self.runner.parts();
        let run = match self.state.analysis().assemble(&parts) {
            Ok(run) => Rc::new(run),
            Err(error) => {
                self.files.apply_verdicts(&report::explain(&parts));
                self.state.set_run(None);
                let message = error.to_string();
                // Files that wait for others, or for a step, are no failure.
                let is_start = matches!(
                    error,
                    report::Error::NothingToAnalyse { without_step, others, .. } if without_step + others > 0
                );
                post(&if is_start { Event::Notice { message } } else { Event::Failed { message } });
                return Outcome::Ended;
            }
        };
        self.files.apply_verdicts(&run.verdicts);
        self.state.set_run(Some(Rc::clone(&run)));
        let (mut settings, title, progress) = (self.state.settings(), self.state.title(), self.progress());
        if let Err(error) = run.check_domains(&settings) {
            settings.eps.retain(|name, _| run.domains.iter().any(|domain| domain.name == *name));
            post(&Event::Notice { message: format!("{error} It is not used.") });
        }
        let analysis = self.state.analysis();
        match analysis.analyse(&run, &settings, &title, self.state.pool(), &progress).await {
            Ok(report) => {
                post_report(&self.state.titled(report), !self.runner.is_running());
                Outcome::Ended
            }
            Err(report::Error::Checkpoint { file, source }) => {
                self.files.change(file, |entry| entry.fail(source.to_string()));
                Outcome::Incomplete
            }
            Err(report::Error::BadSamples { .. }) => Outcome::Incomplete,
            Err(error) => {
                post(&Event::Failed { message: error.to_string() });
                Outcome::Ended
            }
        }
    }
}
