//! Follows the folder of a run that is being trained.

mod backtest;
mod command;
mod event_log;
mod events;
mod folder;
mod page;
mod server;

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::PathBuf,
    thread,
    time::Duration,
};

use report::{Analysis, Distances, Part, Report, Settings};

pub use self::{backtest::backtest, command::EventCommand, page::PageOptions};
use self::{
    event_log::{EVENTS_NAME, EventLog},
    events::new_events,
    folder::{Changes, Folder},
    server::{FileList, Server},
};
use crate::{
    analyse::analyse,
    error::Error,
    load::{FileOptions, open_all},
    text::write_whole,
};

/// What is followed, and how.
pub struct WatchOptions {
    /// Folder of the traces.
    pub folder: PathBuf,
    /// Settings of the report.
    pub settings: Settings,
    /// Title of the run.
    pub title: String,
    /// The report to write.
    pub output: PathBuf,
    /// Seconds between two looks.
    pub every: u64,
    /// Whether to end after the first report.
    pub once: bool,
    /// Program to run for each event.
    pub on_event: Option<EventCommand>,
    /// Seconds after which this program is stopped.
    pub on_event_timeout: u64,
    /// The page.
    pub page: PageOptions,
}

impl WatchOptions {
    /// The file of events, beside the report.
    fn events_path(&self) -> PathBuf {
        self.output.with_file_name(EVENTS_NAME)
    }

    /// The folder, which was not looked at yet.
    fn new_folder(&self) -> Folder {
        Folder::new(self.folder.clone(), vec![self.output.clone(), self.events_path()])
    }
}

/// Serves the page for as long as the program runs.
///
/// # Errors
/// There is no page, or no free port.
pub fn serve(page: &PageOptions) -> Result<(), Error> {
    let server = Server::start(page, None)?;
    println!("{} (stop with Ctrl+C)", server.address());
    loop {
        thread::park();
    }
}

/// Follows a folder: for every change it prints a line, writes the report and tells the page.
///
/// # Errors
/// The folder cannot be read at the start, a setting is wrong, the report cannot be written, or the backend failed. Later on,
/// a folder that cannot be read is waited for.
pub async fn watch(options: &WatchOptions, distances: &dyn Distances) -> Result<(), Error> {
    let mut folder = options.new_folder();
    let mut first =
        Some(folder.look().map_err(|source| Error::File { path: options.folder.clone(), source })?);
    let server = start_server(options)?;
    let path = options.events_path();
    let log = EventLog::open(&path).map_err(|source| Error::File { path, source })?;
    let mut run = FollowedRun::new(log);
    let mut lost = false;
    loop {
        let looked = first.take().map_or_else(|| folder.look(), Ok);
        match looked {
            Ok(changes) => {
                if std::mem::take(&mut lost) {
                    println!("{}: it is back", options.folder.display());
                }
                for note in &changes.notes {
                    eprintln!("note: {note}");
                }
                if !changes.is_empty() {
                    if let Some(server) = &server {
                        server.publish(FileList::new(&options.title, folder.complete()));
                    }
                    run.take(options, &changes).await?;
                    let report = run.report(options, distances).await?;
                    // Without the file that names the domains, events would name other ones. Once it is whole, there is
                    // another report.
                    if let Some(report) = report
                        && !folder.awaits_names()
                    {
                        run.report_events(options, report, server.as_ref());
                    }
                }
            }
            Err(error) => {
                if !std::mem::replace(&mut lost, true) {
                    eprintln!(
                        "{}: {error}. What was read stays; the folder is looked for every {} s.",
                        options.folder.display(),
                        options.every
                    );
                }
            }
        }
        if options.once && folder.is_settled() {
            return Ok(());
        }
        thread::sleep(Duration::from_secs(options.every));
    }
}

/// Starts the server; without a page in this program and without a folder of one, the terminal is all there is.
fn start_server(options: &WatchOptions) -> Result<Option<Server>, Error> {
    if options.once {
        return Ok(None);
    }
    match Server::start(&options.page, Some(&options.folder)) {
        Ok(server) => {
            println!("{} (stop with Ctrl+C)", server.run_address(30));
            Ok(Some(server))
        }
        Err(error) if options.page.is_none() => {
            eprintln!("note: {error}");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// The files read so far and their analysis.
struct FollowedRun {
    analysis: Analysis,
    parts: Vec<Part>,
    /// Ids of the parts of each file.
    of_file: BTreeMap<PathBuf, Vec<usize>>,
    next_id: usize,
    last_line: Option<String>,
    last_report: Option<Report>,
    log: EventLog,
    /// Notes that were printed.
    noted: BTreeSet<String>,
}

impl FollowedRun {
    fn new(log: EventLog) -> Self {
        Self {
            analysis: Analysis::default(),
            parts: Vec::new(),
            of_file: BTreeMap::new(),
            next_id: 0,
            last_line: None,
            last_report: None,
            log,
            noted: BTreeSet::new(),
        }
    }

    /// Reads what was added, and forgets what is gone.
    async fn take(&mut self, options: &WatchOptions, changes: &Changes) -> Result<(), Error> {
        for path in changes.removed.iter().chain(&changes.replaced) {
            for id in self.of_file.remove(path).unwrap_or_default() {
                self.parts.retain(|part| part.id != id);
                self.analysis.forget(id);
            }
        }
        for path in &changes.removed {
            println!("{}: removed, so it no longer counts", path.display());
        }
        for path in &changes.replaced {
            println!("{}: replaced, and read again", path.display());
        }
        for path in changes.added.iter().chain(&changes.replaced) {
            // A file that vanishes meanwhile is missing at the next look.
            let opened = match open_all(&[options.folder.join(path)], &FileOptions::default()).await {
                Err(Error::File { source, .. }) if source.kind() == io::ErrorKind::NotFound => continue,
                opened => opened?,
            };
            for mut part in opened {
                part.id = self.next_id;
                self.next_id += 1;
                self.of_file.entry(path.clone()).or_default().push(part.id);
                self.parts.push(part);
            }
        }
        Ok(())
    }

    /// Analyzes the run, writes its report, and prints a line. There is no report while files of the run
    /// are missing.
    async fn report(
        &mut self,
        options: &WatchOptions,
        distances: &dyn Distances,
    ) -> Result<Option<Report>, Error> {
        let Self { analysis, parts, noted, .. } = self;
        let found = analyse(analysis, parts, &options.settings, &options.title, &[], distances, noted).await;
        let report = match found {
            Ok(report) => report,
            // Files of the run may be missing yet.
            Err(Error::Report(error @ (report::Error::Setting { .. } | report::Error::Distances { .. }))) => {
                return Err(error.into());
            }
            Err(error) => {
                eprintln!("waiting: {error}");
                return Ok(None);
            }
        };
        write_whole(&options.output, &report::export::json(&report))?;
        let line = line(&report);
        if self.last_line.as_ref() != Some(&line) {
            println!("{line}");
        }
        self.last_line = Some(line);
        Ok(Some(report))
    }

    /// Reports each event that was not reported before: on the terminal, in the file, to the pages, to the command. A
    /// failure is printed and stops nothing.
    fn report_events(&mut self, options: &WatchOptions, report: Report, server: Option<&Server>) {
        let found = new_events(self.last_report.as_ref(), &report);
        self.last_report = Some(report);
        for event in found {
            if self.log.has(&event) {
                continue;
            }
            println!("{}", event.line());
            let json = match serde_json::to_string(&event) {
                Ok(json) => json,
                Err(error) => {
                    eprintln!("{EVENTS_NAME}: {error}");
                    continue;
                }
            };
            if let Err(error) = self.log.add(event, &json) {
                eprintln!(
                    "{} cannot be written: {error}. The event is reported again after a restart.",
                    options.events_path().display()
                );
            }
            // Before the command, which can take its time.
            if let Some(server) = server {
                server.send(json.clone());
            }
            if let Some(command) = &options.on_event
                && let Err(failure) = command.run(&json, Duration::from_secs(options.on_event_timeout))
            {
                eprintln!("{failure}");
            }
        }
    }
}

/// The state of the run in a line: last step, number of checkpoints, headline of the verdict.
fn line(report: &Report) -> String {
    let step = report.checkpoints.last().map_or(0, |checkpoint| checkpoint.step);
    let number = report.checkpoints.len();
    let checkpoints = if number == 1 { "checkpoint" } else { "checkpoints" };
    let headline = figures::brief(report).into_iter().next().unwrap_or_default();
    format!("step {step} ({number} {checkpoints}): {headline}")
}
