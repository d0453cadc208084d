//! `serve`: the page on this machine.

use std::{env::consts::OS, process::Command};

use anyhow::{Context as _, Result};
use lexopt::prelude::*;

use crate::{
    page::{self, Effort},
    project::Project,
    server::{Server, Site},
    setup, shell,
};

/// Where the page is served unless told otherwise.
const PORT: u16 = 8080;

/// What `serve` was asked for.
pub struct Options {
    quick: bool,
    port: u16,
    open: bool,
}

impl Options {
    /// Reads the arguments after `serve`.
    pub fn parse(arguments: &mut lexopt::Parser) -> Result<Self> {
        let mut options = Self { quick: false, port: PORT, open: true };
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("quick") => options.quick = true,
                Long("no-open") => options.open = false,
                Short('p') | Long("port") => {
                    options.port = arguments.value()?.parse().context("--port wants a number")?;
                }
                other => return Err(other.unexpected().into()),
            }
        }
        Ok(options)
    }
}

/// Builds the page and serves it until the program is stopped.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let tools = setup::bring(project)?;
    let (effort, folder) = if options.quick {
        (Effort::Quick, project.target.join("page-quick"))
    } else {
        (Effort::Release, project.page())
    };
    page::build(project, &tools, effort, &folder)?;
    let server = Server::start(Site::new(folder, "/"), options.port)?;
    let address = server.address();
    println!("\nGrokscope is at {address} (only this machine can see it; Ctrl-C stops it)");
    // Without a display there is nothing to open.
    let display =
        OS != "linux" || ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some());
    if options.open && display {
        open(&address);
    }
    server.wait();
    Ok(())
}

/// Opens the user's browser; where that fails, the printed address does.
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
