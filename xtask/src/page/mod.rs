//! Builds the page: cargo compiles the crates, wasm-bindgen writes their JavaScript, and both are
//! put beside `www`.
//!
//! The page and the workers are one part, the checkpoint engine is the other: `serve` and `dev`
//! show the first while the second is still being compiled.

mod bind;
mod documents;
pub mod files;
mod finish;

use std::{path::Path, process::Command, thread};

use anyhow::{Context as _, Result, bail, ensure};

use self::bind::Binary;
pub use self::finish::{Live, set_address, set_source};
use crate::{lint, project::Project, shell, tools::Tools};

/// The target that the page is compiled for.
pub const WASM: &str = "wasm32-unknown-unknown";

/// How the page is compiled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Cargo's profile `quick`, for work on the page: seconds after a change.
    Quick,
    /// Cargo's profile `wasm`: optimised, without link-time optimisation; a tenth larger than
    /// published.
    Serve,
    /// Cargo's profiles `published`, `published-worker` and, for the engine, `wasm`; then wasm-opt.
    Published,
}

impl Profile {
    /// Cargo's profile of a binary. The engine has one profile: it is not usable without
    /// optimisation.
    fn cargo(self, binary: Binary) -> &'static str {
        match (self, binary) {
            (Self::Quick, Binary::App | Binary::Worker) => "quick",
            (Self::Published, Binary::App) => "published",
            (Self::Published, Binary::Worker) => "published-worker",
            _ => "wasm",
        }
    }
}

/// Builds the page with the engine into a folder.
///
/// # Errors
/// If a tool is missing or fails, or if the folder has other files than an earlier page.
pub fn build(project: &Project, profile: Profile, folder: &Path) -> Result<()> {
    let tools = compile_with_tools(project, profile, true, |_| Ok(()))?;
    assemble(project, &tools, profile, &Binary::ALL, None, folder).map(drop)
}

/// Builds the page as it is published into a folder, and lints the crates of this workspace while they are compiled.
///
/// # Errors
/// Same as [`build`], and if there is a lint.
pub fn build_linted(project: &Project, folder: &Path) -> Result<()> {
    let profile = Profile::Published;
    let tools =
        compile_with_tools(project, profile, true, |cargo| lint::while_compiling(project, cargo).map(drop))?;
    assemble(project, &tools, profile, &Binary::ALL, None, folder).map(drop)
}

/// Builds the page without the engine into a folder and returns the build identifier. `live`
/// configures how the page follows later builds.
///
/// # Errors
/// Same as [`build`].
pub fn build_without_engine(
    project: &Project,
    profile: Profile,
    live: Option<&Live>,
    folder: &Path,
) -> Result<String> {
    let tools = compile_with_tools(project, profile, false, |_| Ok(()))?;
    assemble(project, &tools, profile, &Binary::PAGE, live, folder)
}

/// The call of cargo that compiles the engine.
pub fn engine_compiler(project: &Project) -> Command {
    compiler(project, Profile::Serve, &[Binary::Engine])
}

/// Puts the compiled engine into the folder of a page that was built without.
///
/// # Errors
/// If wasm-bindgen fails.
pub fn add_engine(project: &Project, folder: &Path) -> Result<()> {
    let tools = Tools::for_page(project)?;
    let bound = bind::bind(project, &tools, Profile::Serve, Binary::Engine)?;
    files::copy_folder(&bound, folder)
}

/// Compiles the crates by calls of cargo that `prepare` may change; tools that have to be built are built at the same
/// time.
fn compile_with_tools(
    project: &Project,
    profile: Profile,
    engine: bool,
    prepare: impl Fn(&mut Command) -> Result<()> + Sync,
) -> Result<Tools> {
    Tools::add_wasm_target(project)?;
    thread::scope(|scope| {
        let tools = scope.spawn(|| {
            if profile == Profile::Published {
                Tools::for_publishing(project)
            } else {
                Tools::for_page(project)
            }
        });
        // Calls of their own: in one call the workers would get the features that the engine asks for.
        // They run at the same time, because a published binary ends in minutes of link-time
        // optimisation on one core.
        let calls: Vec<_> = Binary::ALL
            .chunk_by(|a, b| *b != Binary::Engine && profile.cargo(*a) == profile.cargo(*b))
            .filter(|binaries| engine || **binaries != [Binary::Engine])
            .map(|binaries| {
                scope.spawn(|| {
                    let mut compiler = compiler(project, profile, binaries);
                    prepare(&mut compiler)?;
                    shell::run(&mut compiler)
                })
            })
            .collect();
        for call in calls {
            let compiled = call.join().unwrap_or_else(|_| bail!("compiling the page panicked"));
            compiled.context("the page does not compile")?;
        }
        tools.join().unwrap_or_else(|_| bail!("setting up the tools panicked"))
    })
}

fn compiler(project: &Project, profile: Profile, binaries: &[Binary]) -> Command {
    let mut cargo = Command::new(shell::cargo());
    cargo.args(["build", "--locked", "--target", WASM]).current_dir(&project.root);
    for binary in binaries {
        cargo.args(["--package", binary.name(), "--bin", binary.name()]);
        if *binary == binaries[0] {
            cargo.args(["--profile", profile.cargo(*binary)]);
        }
    }
    cargo
}

/// Writes a page from its parts: beside the folder first, which it then replaces.
fn assemble(
    project: &Project,
    tools: &Tools,
    profile: Profile,
    binaries: &[Binary],
    live: Option<&Live>,
    folder: &Path,
) -> Result<String> {
    let name = folder.file_name().context("the page needs a folder of its own")?;
    ensure!(
        !folder.exists() || folder.join("boot.js").is_file() || files::is_empty(folder),
        "{} has files that are no built page: name another folder",
        folder.display()
    );
    let staging = folder.with_file_name(format!(".{}.new", name.to_string_lossy()));
    files::remove(&staging)?;
    files::copy_folder(&project.root.join("www"), &staging)?;
    files::copy_file(&project.root.join("index.html"), &staging.join("index.html"))?;
    for binary in binaries {
        files::copy_folder(&bind::bind(project, tools, profile, *binary)?, &staging)?;
    }
    documents::write_pages(project, &staging)?;
    let build = finish::finish(&staging, live)?;
    files::remove(folder)?;
    files::rename(&staging, folder)?;
    Ok(build)
}
