//! Builds the targets with libFuzzer's coverage counters, using the project's stable Rust.

use std::{
    env::{self, consts::OS},
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::{debian, lint, project::Project, shell};

/// Counters of branches and their places: what `cargo fuzz` sets, without its sanitizers, which need a nightly Rust.
const COUNTERS: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    --cfg fuzzing";

/// Hooks that report compared values, which libFuzzer then writes into inputs.
const COMPARISONS: &str = "-Cllvm-args=-sanitizer-coverage-trace-compares";

/// Crates without these hooks: they compare window positions, checksums and shares of the link's range coder, which are of
/// no use in inputs. The hooks took two to three fifths of the time of targets that unpack.
const WITHOUT_COMPARISONS: [&str; 10] = [
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

/// Set when cargo calls this program instead of the compiler.
const AS_COMPILER: &str = "GROKSCOPE_FUZZ_COMPILER";

const BY_HAND: &str = "libFuzzer needs a C++ compiler, and none was found. Install one \
    (Debian and Ubuntu: `apt-get install g++`; macOS: `xcode-select --install`), or name it in CXX";

/// Builds and lints all targets, which are a workspace of their own, and returns their folder.
///
/// # Errors
/// If there is no C++ compiler, or if a target does not compile or has a warning.
pub fn build(project: &Project) -> Result<PathBuf> {
    let host = host(project)?;
    shell::run(&mut compilation(project, &host)?)?;
    Ok(folder(project).join(host).join("release"))
}

/// Builds all targets with what other programs leave of the processor. [`build`] reports an error again.
pub fn build_beside(project: &Project) {
    let compilation = host(project).and_then(|host| compilation(project, &host));
    if let Ok(compilation) = compilation {
        shell::succeeds(&mut shell::yielding(&compilation));
    }
}

/// The call of cargo that compiles and lints the targets.
fn compilation(project: &Project, host: &str) -> Result<Command> {
    compiler()?;
    let mut build = cargo(project, host);
    build.env("RUSTC_WRAPPER", &project.program).env(AS_COMPILER, "1");
    lint::while_compiling(project, &mut build)?;
    Ok(build)
}

/// Compiles a crate if cargo called this program instead of the compiler, and returns the compiler's exit code.
pub fn compile() -> Option<Result<i32>> {
    env::var_os(AS_COMPILER)?;
    Some(compile_one(env::args_os().skip(1).collect()))
}

/// Runs the compiler with the arguments of cargo, and with comparison hooks where they help.
fn compile_one(arguments: Vec<OsString>) -> Result<i32> {
    let (compiler, rest) = arguments.split_first().context("cargo named no compiler")?;
    let name = rest.iter().skip_while(|argument| *argument != "--crate-name").nth(1);
    // Build scripts and macros have no counters, and hooks need them.
    let counted = rest.iter().any(|argument| argument == "-Cpasses=sancov-module");
    let hooked =
        counted && name.is_some_and(|name| WITHOUT_COMPARISONS.iter().all(|without| name != without));
    let status = Command::new(Path::new(compiler))
        .args(rest)
        .args(hooked.then_some(COMPARISONS))
        .env_remove(AS_COMPILER)
        .status()
        .with_context(|| format!("{} could not be run", compiler.display()))?;
    Ok(status.code().unwrap_or(1))
}

fn folder(project: &Project) -> PathBuf {
    project.target.join("fuzz").join("build")
}

fn cargo(project: &Project, host: &str) -> Command {
    let mut cargo = Command::new(shell::cargo());
    cargo
        .args(["build", "--release", "--locked", "--manifest-path"])
        .arg(project.root.join("fuzz/Cargo.toml"))
        // Explicit, so that build scripts have no counters.
        .args(["--target", host, "--target-dir"])
        .arg(folder(project))
        .env("RUSTFLAGS", COUNTERS)
        .current_dir(&project.root);
    cargo
}

/// Finds a C++ compiler, or installs one on Debian and Ubuntu.
fn compiler() -> Result<()> {
    let named = std::env::var_os("CXX").is_some();
    let found = || named || ["c++", "g++", "clang++", "cl"].iter().any(|name| shell::on_path(name).is_some());
    if found() || (debian::install("A C++ compiler", &["g++"])? && found()) {
        return Ok(());
    }
    if OS == "windows" {
        bail!("libFuzzer needs the C++ compiler of Visual Studio, which is not on the PATH");
    }
    bail!("{BY_HAND}")
}

/// The default platform of this Rust.
fn host(project: &Project) -> Result<String> {
    let version = shell::output(Command::new("rustc").arg("-vV").current_dir(&project.root))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("`rustc -vV` printed no host")?.to_owned())
}
