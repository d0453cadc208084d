//! The programs that build the page. Each is found where it already is in the right version, or brought into
//! `target/tools`; nothing is installed for the user.

use std::{
    env::consts::EXE_SUFFIX,
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use anyhow::{Context as _, Result, bail};

use crate::{project::Project, shell};

/// The last trunk that builds with this project's Rust.
const TRUNK: &str = "0.21.14";

/// The target that the page is built for.
const WASM: &str = "wasm32-unknown-unknown";

/// Where the tools are.
pub struct Tools {
    /// trunk builds the page.
    pub trunk: PathBuf,
    /// The folder with `wasm-bindgen` and `wasm-bindgen-test-runner`.
    pub wasm_bindgen: PathBuf,
    /// wasm-opt makes wasm smaller or faster.
    pub wasm_opt: PathBuf,
}

impl Tools {
    /// Finds every tool, or brings it.
    pub fn bring(project: &Project) -> Result<Self> {
        wasm_target(project)?;
        let trunk = crate_binary(
            project,
            &Crate {
                name: "trunk",
                binary: "trunk",
                version: TRUNK,
                does: "builds the page from its crates",
                arguments: &["--locked", "--no-default-features", "--features", "rustls"],
                // It only calls other programs.
                optimised: 0,
            },
        )?;
        let version = project.locked_version("wasm-bindgen")?;
        let wasm_bindgen = crate_binary(
            project,
            &Crate {
                name: "wasm-bindgen-cli",
                binary: "wasm-bindgen",
                version: &version,
                does: "joins wasm and JavaScript; it must have the version of Cargo.lock",
                // Without --locked: the lock file that it ships names a package that was withdrawn.
                arguments: &[],
                optimised: 1,
            },
        )?;
        let wasm_bindgen = wasm_bindgen.parent().context("wasm-bindgen lies in no folder")?.to_path_buf();
        let wasm_opt = node_binary(project)?;
        Ok(Self { trunk, wasm_bindgen, wasm_opt })
    }
}

fn wasm_target(project: &Project) -> Result<()> {
    let mut sysroot = Command::new("rustc");
    let sysroot = shell::output(sysroot.args(["--print", "sysroot"]).current_dir(&project.root))?;
    if Path::new(sysroot.trim()).join("lib/rustlib").join(WASM).join("lib").is_dir() {
        println!("  ready   {WASM} target of Rust");
        return Ok(());
    }
    println!("  adding  {WASM} target of Rust: the page is WebAssembly (a download of some 20 MB)");
    if shell::on_path("rustup").is_none() {
        bail!(
            "this Rust has no {WASM} target, and there is no rustup to add it: install Rust with rustup, or add the target with your package manager"
        );
    }
    shell::run(Command::new("rustup").args(["target", "add", WASM]).current_dir(&project.root))
}

struct Crate<'a> {
    name: &'a str,
    binary: &'a str,
    version: &'a str,
    does: &'a str,
    arguments: &'a [&'a str],
    /// How far its code is made fast: every level costs minutes of building.
    optimised: u8,
}

/// A program of crates.io in one exact version.
fn crate_binary(project: &Project, tool: &Crate) -> Result<PathBuf> {
    let Crate { name, binary, version, does, arguments, optimised } = tool;
    let tools = project.tools();
    let own = tools.join("bin").join(format!("{binary}{EXE_SUFFIX}"));
    let found = [Some(own.clone()), shell::on_path(binary)]
        .into_iter()
        .flatten()
        .find(|path| has_version(path, version));
    if let Some(found) = found {
        println!("  ready   {binary} {version}");
        return Ok(found);
    }
    println!("  building {binary} {version} from source: it {does}. Once, some minutes on two cores.");
    let start = Instant::now();
    let build = tools.join("build");
    let mut cargo = Command::new(shell::cargo());
    cargo
        .args(["install", name, "--version", version, "--force", "--quiet"])
        .args(*arguments)
        .arg("--root")
        .arg(&tools)
        .arg("--target-dir")
        .arg(&build)
        // The tools' own release profiles trade minutes of building for speed that is not needed here.
        .args(["--config", "profile.release.lto=false"])
        .args(["--config", "profile.release.codegen-units=16"])
        .args(["--config", &format!("profile.release.opt-level={optimised}")])
        .current_dir(&project.root);
    shell::run(&mut cargo)
        .with_context(|| format!("{name} {version} could not be built; is crates.io within reach?"))?;
    fs::remove_dir_all(&build).ok();
    if !has_version(&own, version) {
        bail!("{} does not say that it is version {version}", own.display());
    }
    println!("  built   {binary} {version} in {} s", start.elapsed().as_secs());
    Ok(own)
}

fn has_version(program: &Path, version: &str) -> bool {
    let Ok(output) = Command::new(program).arg("--version").output() else { return false };
    String::from_utf8_lossy(&output.stdout).split_whitespace().any(|word| word == version)
}

/// wasm-opt out of npm's `binaryen`, in the version of `xtask/node/package-lock.json`.
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
    // Written last, so that a broken install is not taken for a whole one.
    let stamp = folder.join("node_modules/.installed-lock.json");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == lock) {
        println!("  ready   {does}");
        return Ok(());
    }
    if shell::on_path("node").is_none() || shell::on_path("npm").is_none() {
        bail!(
            "Node.js and its npm are needed for {does}: install Node.js 20 or later from https://nodejs.org or your package manager"
        );
    }
    println!("  fetching {does}");
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    if from != folder {
        for file in FILES {
            fs::copy(from.join(file), folder.join(file))
                .with_context(|| format!("{file} cannot be copied"))?;
        }
    }
    let mut npm = Command::new(shell::npm());
    npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]).current_dir(folder);
    shell::run(&mut npm).context("npm could not install; is the npm registry within reach?")?;
    fs::write(&stamp, lock).with_context(|| format!("{} cannot be written", stamp.display()))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))
}
