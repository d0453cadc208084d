//! `serve`: the page on this machine. The checkpoint engine is compiled while the page is already in use.

use std::{env::consts::OS, process::Command};

use anyhow::{Context as _, Result};
use lexopt::prelude::*;

use crate::{
    live::{EngineState, Page},
    page::{self, Live, Profile},
    project::Project,
    server::{Server, Site},
    shell,
};

/// The port that the page is served on by default.
pub const PORT: u16 = 8080;

/// The arguments after `serve`.
pub struct Options {
    port: u16,
    open: bool,
}

impl Options {
    /// Reads the arguments after `serve`.
    ///
    /// # Errors
    /// If there is an unknown one.
    pub fn parse(arguments: &mut lexopt::Parser) -> Result<Self> {
        let mut options = Self { port: PORT, open: true };
        while let Some(argument) = arguments.next()? {
            match argument {
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

/// Builds the page, serves it until the program is stopped, and adds the engine as soon as it is compiled.
///
/// # Errors
/// If the page cannot be built or served.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let folder = project.target.join("page");
    let live = Live { engine: EngineState::Building, watched: false };
    let build = page::build_without_engine(project, Profile::Serve, Some(&live), &folder)?;
    let server = Server::start(Site::new(folder.clone(), "/"), options.port)?;
    announce(&server, options.open);
    println!("The checkpoint engine is built next; everything else works already.");
    let mut page = Page { folder: &folder, build, engine: live.engine, watched: false };
    page.add_engine(project, || false)?;
    server.wait();
    Ok(())
}

/// Prints the page's address and opens it in the user's browser if there is a display.
pub fn announce(server: &Server, wanted: bool) {
    let address = server.address();
    println!("\nGrokscope is at {address} (only this machine can see it; Ctrl-C stops it)");
    let display =
        OS != "linux" || ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some());
    if wanted && display {
        open(&address);
    }
}

/// Opens the user's browser; if that fails, the printed address is enough.
fn open(address: &str) {
    let opener = match OS {
        "macos" => "open",
        "windows" => "explorer",
        _ => "xdg-open",
    };
    if shell::on_path(opener).is_some() {
        Command::new(opener).arg(address).spawn().ok();
    }
}
