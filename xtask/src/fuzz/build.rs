//! Building the targets: with the counters that libFuzzer looks at, by the stable Rust of the project.

use std::{env::consts::OS, path::PathBuf, process::Command};

use anyhow::{Context as _, Result, bail};

use crate::{debian, project::Project, shell};

/// Counters of branches, where they are, and what is compared: what `cargo fuzz` asks of LLVM, without its sanitizers,
/// which need a nightly Rust.
const COUNTERS: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    --cfg fuzzing";

const BY_HAND: &str = "libFuzzer is C++ and is built with the targets, for which there is no compiler here. Install one \
    (Debian and Ubuntu: `apt-get install g++`; macOS: `xcode-select --install`), or name it in CXX";

/// Builds all targets and gives the folder that they are in.
pub fn build(project: &Project) -> Result<PathBuf> {
    compiler()?;
    let host = host(project)?;
    shell::run(&mut cargo(project, "build", &host))?;
    Ok(folder(project).join(host).join("release"))
}

/// Lints of the targets, which are in no other workspace's.
pub fn lint(project: &Project) -> Result<()> {
    compiler()?;
    let mut clippy = cargo(project, "clippy", &host(project)?);
    shell::run(clippy.args(["--", "-D", "warnings"]))
}

fn folder(project: &Project) -> PathBuf {
    project.target.join("fuzz").join("build")
}

fn cargo(project: &Project, does: &str, host: &str) -> Command {
    let mut cargo = Command::new(shell::cargo());
    cargo
        .args([does, "--release", "--locked", "--manifest-path"])
        .arg(project.root.join("fuzz/Cargo.toml"))
        // Named, so that the counters are not in build scripts too.
        .args(["--target", host, "--target-dir"])
        .arg(folder(project))
        .env("RUSTFLAGS", COUNTERS)
        .current_dir(&project.root);
    cargo
}

/// Finds a C++ compiler, or brings one where that can be done without asking.
fn compiler() -> Result<()> {
    let named = std::env::var_os("CXX").is_some();
    let found = || named || ["c++", "g++", "clang++", "cl"].iter().any(|name| shell::on_path(name).is_some());
    if found() || (debian::install("A C++ compiler", &["g++"])? && found()) {
        return Ok(());
    }
    if OS == "windows" {
        bail!("libFuzzer needs the C++ compiler of Visual Studio, of which there is nothing in PATH");
    }
    bail!("{BY_HAND}")
}

/// The platform that this Rust builds for by itself.
fn host(project: &Project) -> Result<String> {
    let version = shell::output(Command::new("rustc").arg("-vV").current_dir(&project.root))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not say its host")?.to_owned())
}
