//! `e2e`: some of the browser tests on a fresh page, and what all calls of them share.

use std::{path::Path, process::Command};

use anyhow::{Result, bail};
use lexopt::prelude::*;

use crate::{
    chromium::Chromium,
    live::EngineState,
    native::native_tests,
    page::{self, Live, Profile},
    project::Project,
    server::{Server, Site},
    shell,
    test::count::{Count, counted},
    tools::npm_ci,
};

/// The path that the page is served under in tests: not the root, as on a project site.
const PREFIX: &str = "/some/sub/";

/// The arguments after `e2e`.
pub struct Options {
    /// Part of the specification's name.
    spec: String,
    quick: bool,
    engine: bool,
    gpu: bool,
}

impl Options {
    /// Reads the arguments after `e2e`.
    ///
    /// # Errors
    /// If no specification is named, or if there is an unknown argument.
    pub fn parse(arguments: &mut lexopt::Parser) -> Result<Self> {
        let mut options = Self { spec: String::new(), quick: false, engine: false, gpu: false };
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("quick") => options.quick = true,
                Long("engine") => options.engine = true,
                Long("gpu") => options.gpu = true,
                Value(spec) if options.spec.is_empty() => options.spec = spec.string()?,
                other => return Err(other.unexpected().into()),
            }
        }
        if options.spec.is_empty() {
            bail!("name a file of tests/e2e/specs, or a part of its name: `cargo xtask e2e charts --quick`");
        }
        Ok(options)
    }
}

/// Builds the page and runs the specifications against it.
///
/// # Errors
/// If the page does not build or a test fails.
pub fn run(project: &Project, options: &Options) -> Result<()> {
    let folder = if options.quick { project.target.join("page-quick") } else { project.published() };
    match (options.quick, options.engine) {
        (false, _) => page::build(project, Profile::Published, &folder)?,
        (true, true) => page::build(project, Profile::Quick, &folder)?,
        (true, false) => {
            let live = Live { engine: EngineState::Absent, watched: false };
            page::build_without_engine(project, Profile::Quick, Some(&live), &folder)?;
        }
    }
    run_specs(project, &mut Count::default(), &folder, options.gpu, &options.spec)
}

/// Runs the specifications with one of the comma-separated `specs` in their names against a page, all for none. `gpu`
/// gives the page WebGPU, computed by software.
///
/// # Errors
/// If a test fails, or if a program that they need is missing.
pub fn run_specs(project: &Project, count: &mut Count, page: &Path, gpu: bool, specs: &str) -> Result<()> {
    let chromium = Chromium::find_or_install()?;
    let folder = project.root.join("tests/e2e");
    npm_ci(&folder, &folder, "playwright-core and axe-core, which drive Chromium and check accessibility")?;
    let gpu = if gpu { "on" } else { "off" };
    run_node(project, count, page, |node| {
        node.env("GROKSCOPE_GPU", gpu)
            .env("GROKSCOPE_SPECS", specs)
            .env("GROKSCOPE_OUT", project.target.join("e2e").join(format!("gpu-{gpu}")))
            .env("CHROME", &chromium.browser);
    })
}

/// Takes the pictures of all views of the published page.
///
/// # Errors
/// If the page does not build, or if a program that they need is missing.
pub fn take_pictures(project: &Project) -> Result<()> {
    let page = project.published();
    page::build(project, Profile::Published, &page)?;
    let chromium = Chromium::find_or_install()?;
    let folder = project.root.join("tests/e2e");
    npm_ci(&folder, &folder, "playwright-core, which drives Chromium")?;
    let server = Server::start(Site::new(page, PREFIX), 0)?;
    let mut node = Command::new("node");
    node.arg("pictures.mjs").current_dir(&folder);
    node.env("GROKSCOPE_PAGE", server.address()).env("GROKSCOPE_GPU", "off").env("CHROME", &chromium.browser);
    shell::run(&mut node)
}

/// Runs the specifications for stock Firefox against a page.
///
/// # Errors
/// If a test fails, or if Node.js is missing.
pub fn run_in_firefox(project: &Project, count: &mut Count, page: &Path, firefox: &Path) -> Result<()> {
    run_node(project, count, page, |node| {
        node.env("GROKSCOPE_FOLDER", "firefox")
            .env("GROKSCOPE_OUT", project.target.join("e2e/firefox"))
            .env("FIREFOX", firefox);
    })
}

/// Serves the page and runs the specifications that `set` selects by variables.
fn run_node(project: &Project, count: &mut Count, page: &Path, set: impl FnOnce(&mut Command)) -> Result<()> {
    // The page's figures must equal the command line's, to the last bit.
    shell::run(native_tests(project)?.args(["--no-run", "--test", "checkpoints"]))?;
    let cli = project.target.join("debug").join(format!("grokscope{}", std::env::consts::EXE_SUFFIX));
    let server = Server::start(Site::new(page.to_owned(), PREFIX), 0)?;
    let mut node = Command::new("node");
    node.arg("run.mjs")
        .current_dir(project.root.join("tests/e2e"))
        .env("GROKSCOPE_PAGE", server.address())
        .env("GROKSCOPE_BUILT", page)
        .env("GROKSCOPE_CLI", cli);
    set(&mut node);
    counted(&mut node, count)
}
