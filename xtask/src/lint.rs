//! Lints while compiling: clippy takes the place of the compiler for the crates of this workspace, so that their
//! dependencies are compiled once instead of checked once more.

use std::{env::consts::EXE_SUFFIX, path::PathBuf, process::Command};

use anyhow::Result;

use crate::{project::Project, shell};

/// What clippy's driver splits its arguments at.
const SEPARATOR: &str = "__CLIPPY_HACKERY__";

/// Makes a call of cargo lint what it compiles of this workspace; warnings are errors.
///
/// # Errors
/// If the place of this Rust cannot be asked.
pub fn while_compiling<'a>(project: &Project, cargo: &'a mut Command) -> Result<&'a mut Command> {
    let driver = sysroot(project)?.join("bin").join(format!("clippy-driver{EXE_SUFFIX}"));
    // Variables of cargo and of clippy's driver, as `cargo clippy` sets them.
    cargo
        .env("RUSTC_WORKSPACE_WRAPPER", driver)
        .env("CLIPPY_ARGS", ["-D", "warnings", ""].join(SEPARATOR))
        .env("CLIPPY_TERMINAL_WIDTH", "0");
    Ok(cargo)
}

/// The folder of this Rust.
///
/// # Errors
/// If `rustc` fails.
pub fn sysroot(project: &Project) -> Result<PathBuf> {
    let mut rustc = Command::new("rustc");
    let sysroot = shell::output(rustc.args(["--print", "sysroot"]).current_dir(&project.root))?;
    Ok(PathBuf::from(sysroot.trim()))
}
