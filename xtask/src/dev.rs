//! `dev`: the page on this machine, rebuilt and reloaded after every change.

use std::{thread, time::Instant};

use anyhow::{Context as _, Result};
use lexopt::prelude::*;

use crate::{
    live::{EngineState, POLL, Page, Watch},
    page::{self, Live, Profile},
    project::Project,
    serve::{PORT, announce},
    server::{Server, Site},
};

/// The arguments after `dev`.
pub struct Options {
    engine: bool,
    port: u16,
    open: bool,
}

impl Options {
    /// Reads the arguments after `dev`.
    ///
    /// # Errors
    /// If there is an unknown one.
    pub fn parse(arguments: &mut lexopt::Parser) -> Result<Self> {
        let mut options = Self { engine: false, port: PORT, open: true };
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("engine") => options.engine = true,
                Long("no-open") => options.open = false,
                Short('p') | Long("port") => {
                    options.port = arguments.value()?.parse().context("--port expects a number")?;
                }
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(options)
    }
}

/// Serves the page and rebuilds it until the program is stopped.
///
/// # Errors
/// If the first build fails.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let folder = project.target.join("page-dev");
    let engine = if options.engine { EngineState::Building } else { EngineState::Absent };
    let live = Live { engine, watched: true };
    let mut watch = Watch::new(&project.root);
    let build = page::build_without_engine(project, Profile::Quick, Some(&live), &folder)?;
    let mut page = Page { folder: &folder, build, engine, watched: true };
    let server = Server::start(Site::new(folder.clone(), "/"), options.port)?;
    announce(&server, options.open);
    let mut compiles = true;
    loop {
        if options.engine && compiles {
            page.add_engine(project, || watch.changed())?;
        }
        while !watch.changed() {
            thread::sleep(POLL);
        }
        watch.accept();
        let start = Instant::now();
        match page::build_without_engine(project, Profile::Quick, Some(&live), &folder) {
            Ok(build) => {
                println!("The page is rebuilt, after {:.1} s.", start.elapsed().as_secs_f64());
                compiles = true;
                page = Page { build, engine, ..page };
            }
            Err(error) => {
                eprintln!("error: {error:#}");
                compiles = false;
                page.publish_state(
                    page.engine,
                    "The sources do not compile; see the terminal. This page is from an earlier build.",
                )?;
            }
        }
    }
}
