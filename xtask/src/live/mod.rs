//! Pages that follow later builds: `serve` adds the engine when it is compiled, `dev` rebuilds
//! after every change.
//!
//! The server only serves files. A script of live pages polls `live.json` for the state of the
//! build; a published page has neither.

mod watch;

use std::{
    path::Path,
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use serde::Serialize;

pub use self::watch::Watch;
use crate::{
    page::{self, files::write},
    project::Project,
    shell,
};

/// The script that a live page has in addition.
pub const SCRIPT: &str = include_str!("live.js");

/// The name of that script in the page's folder.
pub const SCRIPT_NAME: &str = "live.js";

/// The file in `www` that starts the engine.
pub const ENGINE_LOADER: &str = "engine_loader.js";

/// Code before the engine's loader in a live page: waits until the engine is built.
pub const ENGINE_PENDING: &str = include_str!("engine_pending.js");

/// Interval for polling the compiler or the sources.
pub const POLL: Duration = Duration::from_millis(300);

/// Whether a live page has the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineState {
    /// The engine is being compiled.
    Building,
    /// The engine is in the page's folder.
    Ready,
    /// The engine does not compile.
    Failed,
    /// The engine was not requested.
    Absent,
}

/// The content of `live.json`.
#[derive(Serialize)]
struct State<'a> {
    /// The build identifier; a page with another one reloads.
    build: &'a str,
    engine: EngineState,
    /// What the page shows instead of the engine's state; empty for nothing.
    error: &'a str,
    /// Whether later builds follow.
    watched: bool,
}

/// A live page in its folder.
pub struct Page<'a> {
    /// The folder that is served.
    pub folder: &'a Path,
    /// The identifier of the build in it.
    pub build: String,
    /// State of the engine.
    pub engine: EngineState,
    /// Whether later builds follow.
    pub watched: bool,
}

impl Page<'_> {
    /// Publishes the state of the engine and an error; empty for none.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn publish_state(&mut self, engine: EngineState, error: &str) -> Result<()> {
        self.engine = engine;
        write_state(self.folder, &self.build, engine, error, self.watched)
    }

    /// Compiles the engine and adds it to the page, or stops when `interrupted`, called a few times
    /// per second, returns true.
    ///
    /// # Errors
    /// If the page's folder cannot be written. A failed build is printed and shown on the page.
    pub fn add_engine(&mut self, project: &Project, mut interrupted: impl FnMut() -> bool) -> Result<()> {
        let mut compiler = page::engine_compiler(project);
        match wait(&mut compiler, &mut interrupted) {
            Ok(None) => return Ok(()),
            Ok(Some(())) => {}
            Err(error) => return self.engine_failed(&error),
        }
        match page::add_engine(project, self.folder) {
            Ok(()) => {
                self.publish_state(EngineState::Ready, "")?;
                println!("The checkpoint engine is ready.");
            }
            Err(error) => self.engine_failed(&error)?,
        }
        Ok(())
    }

    fn engine_failed(&mut self, error: &anyhow::Error) -> Result<()> {
        eprintln!("the checkpoint engine could not be built: {error:#}");
        self.publish_state(EngineState::Failed, "")
    }
}

/// Writes `live.json`.
pub fn write_state(
    folder: &Path,
    build: &str,
    engine: EngineState,
    error: &str,
    watched: bool,
) -> Result<()> {
    let state = State { build, engine, error, watched };
    write(&folder.join("live.json"), &serde_json::to_string(&state)?)
}

/// Waits for a program; `None` if it was interrupted.
fn wait(command: &mut Command, interrupted: &mut impl FnMut() -> bool) -> Result<Option<()>> {
    let called = shell::called(command);
    let mut child =
        command.stdin(Stdio::null()).spawn().with_context(|| format!("{called} could not be started"))?;
    loop {
        if let Some(status) = child.try_wait()? {
            if status.success() {
                return Ok(Some(()));
            }
            bail!("{called} ended with {status}");
        }
        if interrupted() {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        thread::sleep(POLL);
    }
}
