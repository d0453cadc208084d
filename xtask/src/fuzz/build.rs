//! Building the targets: with the counters that libFuzzer looks at, by the stable Rust of the project.

use std::{
    env::{self, consts::OS},
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::{debian, project::Project, shell};

/// Counters of branches and where they are: what `cargo fuzz` asks of LLVM, without its sanitizers, which need a nightly
/// Rust.
const COUNTERS: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    --cfg fuzzing";

/// What is compared with what, which libFuzzer then puts into inputs.
const COMPARISONS: &str = "-Cllvm-args=-sanitizer-coverage-trace-compares";

/// Crates whose comparisons tell nothing: what they compare are places in windows, sums, and the shares of the link's
/// range coder. Two to three fifths of the time of a target that unpacks went into noting them.
const UNHEARD: [&str; 10] = [
    "adler2",
    "crc",
    "crc32fast",
    "flate2",
    "miniz_oxide",
    "report",
    "ruzstd",
    "simd_adler32",
    "snap",
    "twox_hash",
];

/// Set for the calls of this program that cargo makes in place of the compiler.
const AS_COMPILER: &str = "GROKSCOPE_FUZZ_COMPILER";

const BY_HAND: &str = "libFuzzer is C++ and is built with the targets, for which there is no compiler here. Install one \
    (Debian and Ubuntu: `apt-get install g++`; macOS: `xcode-select --install`), or name it in CXX";

/// Builds all targets and gives the folder that they are in.
pub fn build(project: &Project) -> Result<PathBuf> {
    compiler()?;
    let host = host(project)?;
    let mut build = cargo(project, "build", &host);
    shell::run(build.env("RUSTC_WRAPPER", &project.program).env(AS_COMPILER, "1"))?;
    Ok(folder(project).join(host).join("release"))
}

/// Whether cargo called this program in place of the compiler; if so it compiles, and gives the compiler's exit code.
pub fn compile() -> Option<Result<i32>> {
    env::var_os(AS_COMPILER)?;
    Some(compile_one(env::args_os().skip(1).collect()))
}

/// What cargo asks for, with comparisons noted where they tell something.
fn compile_one(arguments: Vec<OsString>) -> Result<i32> {
    let (compiler, rest) = arguments.split_first().context("cargo named no compiler")?;
    let name = rest.iter().skip_while(|argument| *argument != "--crate-name").nth(1);
    // Build scripts and macros are built without counters, to which comparisons belong.
    let counted = rest.iter().any(|argument| argument == "-Cpasses=sancov-module");
    let heard = counted && name.is_some_and(|name| UNHEARD.iter().all(|unheard| name != unheard));
    let status = Command::new(Path::new(compiler))
        .args(rest)
        .args(heard.then_some(COMPARISONS))
        .env_remove(AS_COMPILER)
        .status()
        .with_context(|| format!("{} could not be run", compiler.display()))?;
    Ok(status.code().unwrap_or(1))
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
