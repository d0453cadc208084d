//! The programs that build the page. Those on the `PATH` in the right version are used; others are built or installed into
//! `target/tools`. Nothing is installed for the user.

use std::{
    env::consts::EXE_SUFFIX,
    fs,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use anyhow::{Context as _, Result, bail};

use crate::{lint, page::WASM, project::Project, shell};

/// One thread at a time sets up tools: `test` does so beside its first stages.
static SETTING_UP: Mutex<()> = Mutex::new(());

/// Where the tools are.
pub struct Tools {
    /// The folder with `wasm-bindgen` and `wasm-bindgen-test-runner`.
    pub wasm_bindgen: PathBuf,
    /// wasm-opt makes wasm smaller or faster; only what is published needs it.
    pub wasm_opt: Option<PathBuf>,
}

/// `setup`: sets up everything that building the page needs and prints where it is.
///
/// # Errors
/// If a tool cannot be built or installed.
pub fn set_up(project: &Project) -> Result<()> {
    Tools::add_wasm_target(project)?;
    Tools::for_publishing(project)?;
    println!("The tools are in {}.", project.tools().display());
    Ok(())
}

impl Tools {
    /// Finds or builds the tools that `serve` and `dev` need.
    ///
    /// # Errors
    /// If one cannot be built.
    pub fn for_page(project: &Project) -> Result<Self> {
        let _one = SETTING_UP.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Self { wasm_bindgen: wasm_bindgen(project)?, wasm_opt: None })
    }

    /// Finds or installs the tools that `dist` and `test` need.
    ///
    /// # Errors
    /// If one cannot be built or installed.
    pub fn for_publishing(project: &Project) -> Result<Self> {
        let tools = Self::for_page(project)?;
        let _one = SETTING_UP.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Self { wasm_opt: Some(node_binary(project)?), ..tools })
    }

    /// Adds the wasm target to this Rust, unless it is there.
    ///
    /// # Errors
    /// If there is no rustup, or if it fails.
    pub fn add_wasm_target(project: &Project) -> Result<()> {
        if lint::sysroot(project)?.join("lib/rustlib").join(WASM).join("lib").is_dir() {
            return Ok(());
        }
        println!("  adding   {WASM} target of Rust: the page is WebAssembly (a download of some 20 MB)");
        if shell::on_path("rustup").is_none() {
            bail!(
                "this Rust has no {WASM} target, and there is no rustup to add it: install Rust with rustup, or add the target with your package manager"
            );
        }
        shell::run(Command::new("rustup").args(["target", "add", WASM]).current_dir(&project.root))
    }
}

/// The folder with wasm-bindgen's programs in the version of `Cargo.lock`.
fn wasm_bindgen(project: &Project) -> Result<PathBuf> {
    let version = project.locked_version("wasm-bindgen")?;
    let tools = project.tools();
    let own = tools.join("bin").join(format!("wasm-bindgen{EXE_SUFFIX}"));
    let found = [Some(own.clone()), shell::on_path("wasm-bindgen")]
        .into_iter()
        .flatten()
        .find(|path| has_version(path, &version));
    if let Some(folder) = found.as_deref().and_then(Path::parent) {
        return Ok(folder.to_owned());
    }
    println!("  building wasm-bindgen {version} from source, once: it writes the page's JavaScript");
    let start = Instant::now();
    let build = tools.join("build");
    let mut cargo = Command::new(shell::cargo());
    cargo
        // Without --locked: the lock file that it ships names a package that was withdrawn.
        .args(["install", "wasm-bindgen-cli", "--version", &version, "--force", "--quiet"])
        .arg("--root")
        .arg(&tools)
        .arg("--target-dir")
        .arg(&build)
        // Its release profile trades minutes of building for speed that is not needed here.
        .args(["--config", "profile.release.lto=false"])
        .args(["--config", "profile.release.codegen-units=16"])
        .args(["--config", "profile.release.opt-level=0"])
        .args(["--config", "profile.release.debug=false"])
        .current_dir(&project.root);
    // What walks through megabytes of wasm.
    for package in ["walrus", "wasmparser", "wasm-encoder", "wasm-bindgen-cli-support", "id-arena", "leb128"]
    {
        cargo.args(["--config", &format!("profile.release.package.{package}.opt-level=1")]);
    }
    shell::run(&mut cargo)
        .with_context(|| format!("wasm-bindgen {version} could not be built; is crates.io reachable?"))?;
    fs::remove_dir_all(&build).ok();
    if !has_version(&own, &version) {
        bail!("{} does not report version {version}", own.display());
    }
    println!("  built    wasm-bindgen {version} in {} s", start.elapsed().as_secs());
    Ok(tools.join("bin"))
}

fn has_version(program: &Path, version: &str) -> bool {
    let Ok(output) = Command::new(program).arg("--version").output() else { return false };
    String::from_utf8_lossy(&output.stdout).split_whitespace().any(|word| word == version)
}

/// wasm-opt of npm's `binaryen`, in the version of `xtask/node/package-lock.json`.
fn node_binary(project: &Project) -> Result<PathBuf> {
    let folder = project.tools().join("node");
    let from = project.root.join("xtask/node");
    npm_ci(&from, &folder, "binaryen: its wasm-opt makes the page's wasm smaller")?;
    Ok(folder.join("node_modules/binaryen/bin/wasm-opt"))
}

/// Installs what a `package-lock.json` names into a folder, unless it is there already.
pub fn npm_ci(from: &Path, folder: &Path, does: &str) -> Result<()> {
    const FILES: [&str; 3] = ["package.json", "package-lock.json", ".npmrc"];
    let lock = read(&from.join("package-lock.json"))?;
    // Written last, so that an interrupted installation is not taken for a finished one.
    let stamp = folder.join("node_modules/.installed-lock.json");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    if shell::on_path("node").is_none() || shell::on_path("npm").is_none() {
        bail!(
            "Node.js and its npm are needed for {does}: install Node.js 20 or later from https://nodejs.org or your package manager"
        );
    }
    println!("  installing {does}");
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be created", folder.display()))?;
    if from != folder {
        for file in FILES {
            fs::copy(from.join(file), folder.join(file))
                .with_context(|| format!("{file} cannot be copied"))?;
        }
    }
    let mut npm = Command::new(shell::npm());
    npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(folder);
    shell::run(&mut npm).context("npm could not install; is the npm registry reachable?")?;
    fs::write(&stamp, lock).with_context(|| format!("{} cannot be written", stamp.display()))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}
